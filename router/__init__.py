"""Trunkline's front: the control plane, the command line, and the public API."""
