"""Message headers for `recvmmsg` and `sendmmsg`, made once: where each packet's parts are in memory, and how long."""

import ctypes
from collections.abc import Sequence

from workers.fanout.syscalls import MMsgHdr

_VECTOR_BYTES = 2 * ctypes.sizeof(ctypes.c_size_t)

Part = tuple[int, int]
"""An address, and a number of bytes."""


class MessageHeaders:
    """One header for each packet; the memory that they point to is the caller's to keep."""

    def __init__(self, packets: Sequence[Sequence[Part]]) -> None:
        words = [word for parts in packets for part in parts for word in part]
        self._vectors = (ctypes.c_size_t * len(words))(*words)
        self.array = (MMsgHdr * len(packets))()
        vector_at = ctypes.addressof(self._vectors)
        for message, parts in zip(self.array, packets, strict=True):
            message.header.vector, message.header.vector_length = vector_at, len(parts)
            vector_at += _VECTOR_BYTES * len(parts)
        self.at = ctypes.addressof(self.array)
