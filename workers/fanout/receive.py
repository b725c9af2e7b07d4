"""Batched receive: up to 64 datagrams of one socket in one system call, looked at in strides and not one by one."""

import ctypes

from workers.fanout.burst import Run, run_ends
from workers.fanout.syscalls import (
    HEADER_BYTES,
    MSG_DONTWAIT,
    MSG_TRUNC,
    IoVec,
    MMsgHdr,
    MsgHdr,
    OverflowControl,
    recvmmsg,
)
from workers.sockets.addresses import Family

SLOTS = 64
SLOT_BYTES = 9216
"""A jumbo frame: a longer datagram is no RTP that anybody sends on purpose, and is dropped as truncated."""

_WORD = ctypes.sizeof(ctypes.c_uint)
_LENGTH_AT = MMsgHdr.length.offset // _WORD
_HEADER_WORDS = HEADER_BYTES // _WORD
_SIZE = ctypes.sizeof(ctypes.c_size_t)
_CONTROL_AT = (MMsgHdr.header.offset + MsgHdr.control_length.offset) // _SIZE
_HEADER_SIZES = HEADER_BYTES // _SIZE


class Receiver:
    """The slots of one worker: what they hold is the last batch, until the next `receive`."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.lengths: list[int] = []
        """How long each packet of the batch is; over SLOT_BYTES if it did not fit."""
        self.data = bytearray(SLOTS * SLOT_BYTES)
        """The packets, each at the beginning of its slot."""
        self.names = bytearray(SLOTS * family.length)
        """Where each packet came from, without gaps: a whole batch can be compared at once."""
        self.dropped_by_kernel = 0
        """How many packets the kernel has dropped at this socket since it was made, modulo 2**32; 0 if none were."""
        self._view = memoryview(self.data)
        self._halves = self._view.cast("H")
        self._words = self._view.cast("I")
        self._overflow = OverflowControl()
        self._vectors = (IoVec * SLOTS)()
        raw = bytearray(SLOTS * HEADER_BYTES)
        self._headers = (MMsgHdr * SLOTS).from_buffer(raw)
        self._header_bytes = memoryview(raw)
        self._lengths = self._header_bytes.cast("I")
        self._sizes = self._header_bytes.cast("L")
        self._fill()
        self._fresh = bytes(self._header_bytes)
        self._headers_at = ctypes.addressof(self._headers)

    def _fill(self) -> None:
        data_at = ctypes.addressof(ctypes.c_char.from_buffer(self.data))
        names_at = ctypes.addressof(ctypes.c_char.from_buffer(self.names))
        vectors_at = ctypes.addressof(self._vectors)
        for slot in range(SLOTS):
            ctypes.c_void_p.from_buffer(self._vectors[slot]).value = data_at + slot * SLOT_BYTES
            self._vectors[slot].length = SLOT_BYTES
            header = self._headers[slot].header
            header.name = names_at + slot * self.family.length
            header.name_length = self.family.length
            header.vector = vectors_at + slot * ctypes.sizeof(IoVec)
            header.vector_length = 1
            # One buffer for all: the count only grows, so the last packet's is the one to know.
            header.control = ctypes.addressof(self._overflow)
            header.control_length = ctypes.sizeof(OverflowControl)

    def receive(self, fd: int) -> int:
        """Read a batch and return how many packets it has; 0 if there is none."""
        count: int = recvmmsg(fd, self._headers_at, SLOTS, MSG_DONTWAIT | MSG_TRUNC, None)
        if count <= 0:
            return 0  # nothing there, or an error of the socket that reading it has cleared
        self.lengths = self._lengths[_LENGTH_AT : count * _HEADER_WORDS : _HEADER_WORDS].tolist()
        told = self._sizes[(count - 1) * _HEADER_SIZES + _CONTROL_AT]
        self.dropped_by_kernel = self._overflow.dropped if told else 0
        self._header_bytes[: count * HEADER_BYTES] = self._fresh[: count * HEADER_BYTES]
        return count

    def first_bytes(self, count: int) -> bytearray:
        """Give the first byte of each packet."""
        return self.data[0 : count * SLOT_BYTES : SLOT_BYTES]

    def second_bytes(self, count: int) -> bytearray:
        """Give the second byte of each packet."""
        return self.data[1 : count * SLOT_BYTES : SLOT_BYTES]

    def sequences(self, count: int) -> bytes:
        """Give bytes 2 and 3 of each packet, one after the other."""
        return self._halves[1 : count * (SLOT_BYTES // 2) : SLOT_BYTES // 2].tobytes()

    def ssrcs(self, count: int) -> bytes:
        """Give bytes 8 to 11 of each packet, one after the other."""
        return self._words[2 : count * (SLOT_BYTES // 4) : SLOT_BYTES // 4].tobytes()

    def times(self, count: int) -> bytes:
        """Give bytes 4 to 7 of each packet, one after the other."""
        return self._words[1 : count * (SLOT_BYTES // 4) : SLOT_BYTES // 4].tobytes()

    def renumber(self, count: int, sequences: bytes, times: bytes, ssrcs: bytes) -> None:
        """Write other sequence numbers, times and SSRCs into the packets, as `sequences`, `times` and `ssrcs` give
        them."""
        words = count * (SLOT_BYTES // 4)
        self._halves[1 : count * (SLOT_BYTES // 2) : SLOT_BYTES // 2] = memoryview(sequences).cast("H")
        self._words[1 : words : SLOT_BYTES // 4] = memoryview(times).cast("I")
        self._words[2 : words : SLOT_BYTES // 4] = memoryview(ssrcs).cast("I")

    def header(self, slot: int) -> bytes:
        """Give the first 12 bytes of a slot."""
        return bytes(self._view[slot * SLOT_BYTES : slot * SLOT_BYTES + 12])

    def packet(self, slot: int) -> bytes:
        """Copy one packet out of its slot."""
        return bytes(self._view[slot * SLOT_BYTES : slot * SLOT_BYTES + self.lengths[slot]])

    def address(self, slot: int) -> bytes:
        """Copy where one packet came from."""
        length = self.family.length
        return bytes(self.names[slot * length : (slot + 1) * length])

    def runs(self) -> list[Run]:
        """Join the whole batch into runs."""
        view, lengths = self._view, self.lengths
        packets = [view[at : at + length] for at, length in zip(_STARTS, lengths, strict=False)]
        ends = run_ends(lengths)
        if len(ends) == 1:
            return [(b"".join(packets), lengths[0], len(lengths))]
        runs = []
        start = 0
        for end in ends:
            runs.append((b"".join(packets[start:end]), lengths[start], end - start))
            start = end
        return runs


_STARTS = range(0, SLOTS * SLOT_BYTES, SLOT_BYTES)
