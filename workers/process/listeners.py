"""Duplicates of the front's listening sockets: as long as one is open, clients can connect and wait for a new front."""

import contextlib
import os


class KeptListeners:
    """What was sent by the front that is, or by the last one that was."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.descriptors: list[int] = []

    def keep(self, names: tuple[str, ...], descriptors: list[int]) -> None:
        """Hold these in place of those before; none of them if they are not as many as their names."""
        self.close()
        self.names, self.descriptors = names, descriptors
        if len(names) != len(descriptors):
            self.close()

    def close(self) -> None:
        for each in self.descriptors:
            with contextlib.suppress(OSError):
                os.close(each)
        self.names, self.descriptors = (), []
