"""Reads interleaved media and compares it as a stream of bytes: what should come is known to the byte.

Where it differs (an RTCP frame in between, a response, a fault), the stream is split into frames until a frame ends
where the bytes end, and each frame is judged.
"""

import ctypes
import socket
import time
from bisect import bisect_right
from collections.abc import Callable

from router.bench.shape import RTP_HEADER_BYTES, Layout
from router.bench.stream import same
from router.bench.tally import Tally
from workers.framing import Broken, FramingLimits, Splitter

READ_BYTES = 256 * 1024
FRAME_BYTES = 4


class Basin:
    """Where a stream is received; used by all readers in turn."""

    def __init__(self) -> None:
        self.data = bytearray(READ_BYTES)
        self.at = ctypes.addressof(ctypes.c_char.from_buffer(self.data))


class TcpReader:
    """One reader's connection."""

    def __init__(self, sock: socket.socket, basin: Basin, layout: Layout, tally: Tally, channel: int) -> None:
        self.tally = tally
        self.ended = False
        """Whether the router has ended the connection, or sent what is no RTSP."""
        self.on_message: Callable[[bytes], None] | None = None
        """Takes the RTSP messages that come between frames."""
        self._sock = sock
        self._buffer = memoryview(basin.data)
        self._buffer_at = basin.at
        self._channel = channel
        self._layout = layout
        starts = layout.payload_starts
        self._starts = [start + place * (FRAME_BYTES + RTP_HEADER_BYTES) for place, start in enumerate(starts)]
        self._offset = 0
        """Bytes of the present cycle that have come and were right, whole packets or not."""
        self._splitter: Splitter | None = Splitter(FramingLimits())

    def ready(self) -> int:
        """Read and compare what has come; gives the packets that were right."""
        before = self.tally.verdict.delivered
        try:
            size = self._sock.recv_into(self._buffer)
        except BlockingIOError:
            return 0
        except OSError:
            size = 0
        if not size:
            self.ended = True
            return 0
        now = time.monotonic()
        if self._splitter is not None:
            self.feed(bytes(self._buffer[:size]), now)
        else:
            self._compare(size, now)
        return self.tally.verdict.delivered - before

    def _compare(self, size: int, now: float) -> None:
        tally, position = self.tally, 0
        assert tally.next is not None
        while position < size:
            cycle = tally.next // self._layout.packets
            expected = tally.stream.framed_cycle(cycle, self._channel)
            count = min(size - position, len(expected.data) - self._offset)
            if not same(self._buffer_at + position, expected.at + self._offset, count):
                self._doubt(expected.data, bytes(self._buffer[position:size]), now)
                return
            position += count
            self._offset += count
            whole = cycle * self._layout.packets + bisect_right(self._starts, self._offset) - 1
            if whole > tally.next:
                tally.accept(whole - tally.next, now)
            if self._offset == self._starts[-1]:
                self._offset = 0

    def _doubt(self, expected: bytes, rest: bytes, now: float) -> None:
        """Split from the last whole packet on."""
        begin = self._starts[bisect_right(self._starts, self._offset) - 1]
        self._splitter = Splitter(FramingLimits())
        self.feed(expected[begin : self._offset] + rest, now)

    def feed(self, data: bytes, now: float) -> None:
        """Split these bytes and judge each frame; go back to comparing once they end where a frame ends."""
        assert self._splitter is not None
        for item in self._splitter.feed(data):
            if isinstance(item, Broken):
                self.tally.verdict.damaged += 1
                self.ended = True
            elif isinstance(item, tuple):
                if item[0] == self._channel:
                    self.tally.judge(len(item[1]), item[1], now)
            elif self.on_message is not None:
                self.on_message(item)
        if self.tally.next is not None and not self.ended and not self._splitter.unread:
            self._splitter = None
            self._offset = self._starts[self.tally.next % self._layout.packets]
