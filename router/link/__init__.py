"""The worker processes as the front sees them: messages and descriptors. It knows of no mounts and sessions."""
