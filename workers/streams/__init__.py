"""What a track receives, and who gets it."""
