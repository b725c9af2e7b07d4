"""What the programs of one measurement tell each other while it runs: a piece of shared memory."""

import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

STAMPS = 1024
"""Frames of each mount whose times of sending are remembered: at 100 frames/s, 10 s."""
_CACHE_LINE_WORDS = 8

_MEASURING, _DELIVERED = 0, _CACHE_LINE_WORDS
_MOUNTS_AT = 2 * _CACHE_LINE_WORDS


class Board:
    """The memory, by its descriptor, for a number of mounts."""

    def __init__(self, descriptor: int, mounts: int) -> None:
        words = _MOUNTS_AT + mounts * (1 + STAMPS)
        os.ftruncate(descriptor, words * 8)
        self._memory = memoryview(mmap.mmap(descriptor, words * 8))
        self._words = self._memory[: (_MOUNTS_AT + mounts) * 8].cast("q")
        self.stamps = self._memory[(_MOUNTS_AT + mounts) * 8 :].cast("d")
        """When each frame's first packet was sent: of mount m, frame f stands at m * STAMPS + f % STAMPS."""
        self.sent = self._words[_MOUNTS_AT:]
        """How many packets each mount's publisher has sent."""

    @property
    def measuring(self) -> bool:
        """Whether latencies count now."""
        return self._words[_MEASURING] != 0

    @measuring.setter
    def measuring(self, value: bool) -> None:
        self._words[_MEASURING] = value

    @property
    def delivered(self) -> int:
        """How many packets all readers have got and found right."""
        return self._words[_DELIVERED]

    @delivered.setter
    def delivered(self, value: int) -> None:
        self._words[_DELIVERED] = value

    def totals(self) -> Sequence[int]:
        """Copy how many packets each publisher has sent."""
        return self.sent.tolist()


@contextmanager
def shared_board(mounts: int) -> Iterator[tuple[int, Board]]:
    """Make a board, and give it with its descriptor, which is passed to the other programs."""
    descriptor = create()
    try:
        yield descriptor, Board(descriptor, mounts)
    finally:
        os.close(descriptor)


def create() -> int:
    """Make the memory's descriptor, to be passed to other programs."""
    return os.memfd_create("trunkline-bench", 0)
