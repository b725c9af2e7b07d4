"""Sessions and mounts: what there is, and how it begins and ends."""
