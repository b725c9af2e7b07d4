"""The workers as the front sees them: registration, commands, descriptors, placement, repair."""
