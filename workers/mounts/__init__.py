"""Mounts: a path with its tracks, publisher and readers; moves and replicas."""
