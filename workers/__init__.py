"""The worker: Trunkline's data plane, one process of N. See `workers/README.md`."""

VERSION = "0.1.0"
"""The distribution's version, which a worker names to its front. Kept here because reading the installed metadata
would cost a worker a third of its time to start."""
