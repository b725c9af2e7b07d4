"""The stream that a publisher sends and every reader knows: a function of seed and mount.

Payloads are the next piece of one endless random tape, so a packet that is changed, lost, doubled, out of order or
from another mount can't pass for the one expected; and packets in a row have payloads in a row, which one memcmp
compares.
"""

import ctypes
import random
from struct import Struct

from router.bench.shape import LARGEST_BYTES, RTP_HEADER_BYTES, Layout

BATCH = 64
"""Packets that are received and compared at once."""
PAYLOAD_TYPE = 96
CLOCK_RATE = 90_000
TAPE_BYTES = (1 << 20) + 7
"""Not a multiple of anything: a piece of the tape comes back in another packet only after a thousand packets, at
another place."""
_HEADER = Struct(">BBHII")
_FRAME_START = Struct(">BBH")

_memcmp = ctypes.CDLL(None).memcmp
_memcmp.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_memcmp.restype = ctypes.c_int


def same(one_at: int, other_at: int, size: int) -> bool:
    return bool(_memcmp(one_at, other_at, size) == 0)


class PinnedBytes:
    """Bytes whose place in memory is known, for as long as this lives."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0


class Tape:
    """The random bytes that all streams of a seed take their payloads from."""

    def __init__(self, seed: int) -> None:
        data = random.Random(f"tape {seed}").randbytes(TAPE_BYTES)
        # Longer by what one batch may take, so that no batch has to be compared in two parts.
        self._held = PinnedBytes(data + data[: BATCH * LARGEST_BYTES])
        self.data, self.at = self._held.data, self._held.at


class SyntheticStream:
    """The packets of one mount."""

    def __init__(self, tape: Tape, layout: Layout, seed: int, mount: int) -> None:
        numbers = random.Random(f"stream {seed} {mount}")
        self.layout = layout
        self.ssrc = numbers.getrandbits(32)
        self.first_sequence = numbers.getrandbits(16)
        self._first_timestamp = numbers.getrandbits(32)
        self._start = numbers.randrange(TAPE_BYTES)
        self._tape = tape
        self._headers: dict[int, PinnedBytes] = {}
        self._framed: dict[tuple[int, int], PinnedBytes] = {}

    def renumber(self, index: int, sequence: int) -> None:
        """Take it that packet `index` has this sequence number, and all others accordingly."""
        self.first_sequence = (sequence - index) & 0xFFFF
        self._headers.clear()
        self._framed.clear()

    def headers(self, cycle: int) -> PinnedBytes:
        """Give the RTP headers of a cycle, one after the other."""
        held = self._headers.get(cycle)
        if held is None:
            held = self._headers[cycle] = PinnedBytes(self._make_headers(cycle))
            self._headers.pop(cycle - 3, None)
        return held

    def _make_headers(self, cycle: int) -> bytes:
        layout = self.layout
        sequence = self.first_sequence + cycle * layout.packets
        start_s = cycle * layout.shape.duration_s
        parts = []
        for count, time_s in zip(layout.shape.frames, layout.shape.times_s, strict=True):
            timestamp = (self._first_timestamp + round((start_s + time_s) * CLOCK_RATE)) & 0xFFFFFFFF
            for left in range(count - 1, -1, -1):
                second = PAYLOAD_TYPE if left else PAYLOAD_TYPE | 0x80
                parts.append(_HEADER.pack(0x80, second, sequence & 0xFFFF, timestamp, self.ssrc))
                sequence += 1
        return b"".join(parts)

    def payload_offset(self, cycle: int, place: int) -> int:
        """Say where on the tape the payload of a cycle's packet begins; those of a batch follow without a gap."""
        starts = self.layout.payload_starts
        return (self._start + cycle * starts[-1] + starts[place]) % TAPE_BYTES

    def payload_at(self, cycle: int, place: int) -> int:
        """Say the same as an address."""
        return self._tape.at + self.payload_offset(cycle, place)

    def packet(self, index: int) -> bytes:
        """Give one packet."""
        cycle, place = divmod(index, self.layout.packets)
        start = self.payload_offset(cycle, place)
        payload = self._tape.data[start : start + self.layout.shape.sizes[place] - RTP_HEADER_BYTES]
        return self.headers(cycle).data[place * RTP_HEADER_BYTES :][:RTP_HEADER_BYTES] + payload

    def packets(self, index: int, count: int) -> bytes:
        """Give packets of one cycle, joined."""
        return b"".join(self._parts(index, count, None))

    def framed(self, index: int, count: int, channel: int) -> bytes:
        """Give the same as interleaved frames."""
        return b"".join(self._parts(index, count, channel))

    def framed_cycle(self, cycle: int, channel: int) -> PinnedBytes:
        """Give a whole cycle as interleaved frames, for comparison."""
        held = self._framed.get((cycle, channel))
        if held is None:
            layout = self.layout
            held = self._framed[cycle, channel] = PinnedBytes(
                self.framed(cycle * layout.packets, layout.packets, channel)
            )
            self._framed.pop((cycle - 3, channel), None)
        return held

    def _parts(self, index: int, count: int, channel: int | None) -> list[bytes]:
        cycle, place = divmod(index, self.layout.packets)
        headers = self.headers(cycle).data
        sizes = self.layout.shape.sizes
        start = self.payload_offset(cycle, place)
        tape = self._tape.data
        parts = []
        for at in range(place, place + count):
            size = sizes[at]
            if channel is not None:
                parts.append(_FRAME_START.pack(0x24, channel, size))
            end = start + size - RTP_HEADER_BYTES
            parts.append(headers[at * RTP_HEADER_BYTES : (at + 1) * RTP_HEADER_BYTES])
            parts.append(tape[start:end])
            start = end if end < TAPE_BYTES else end - TAPE_BYTES
        return parts
