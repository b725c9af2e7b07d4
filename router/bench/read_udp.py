"""Reads UDP media and compares it a batch at a time.

The kernel is given the place of every packet of the batch as it should come: headers go side by side, payloads go side
by side. So three memcmp prove a whole batch: headers, payloads, and the lengths that the kernel wrote.
"""

import ctypes
import socket
import time

from router.bench.messages import MessageHeaders
from router.bench.shape import RTP_HEADER_BYTES, Layout
from router.bench.stream import BATCH, same
from router.bench.tally import Tally
from workers.fanout.syscalls import HEADER_BYTES, MSG_DONTWAIT, MSG_TRUNC, recvmmsg

RECEIVE_BYTES = 4 * 1024 * 1024
"""The load must not lose packets itself: 1,800 of 1,200 bytes as the kernel counts."""
_MOST_BATCHES = 8


class Landing:
    """Where packets of a shape are received: one place for each packet of a cycle, used by all readers in turn."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        count = layout.packets
        self.headers = ctypes.create_string_buffer(count * RTP_HEADER_BYTES)
        self.payloads = ctypes.create_string_buffer(layout.payload_starts[-1])
        self.headers_at = ctypes.addressof(self.headers)
        self.payloads_at = ctypes.addressof(self.payloads)
        header_ats = range(self.headers_at, self.headers_at + count * RTP_HEADER_BYTES, RTP_HEADER_BYTES)
        self._headers = MessageHeaders(
            [
                [(header_at, RTP_HEADER_BYTES), (self.payloads_at + start, size - RTP_HEADER_BYTES)]
                for header_at, start, size in zip(header_ats, layout.payload_starts, layout.shape.sizes, strict=False)
            ]
        )
        self.messages, self.messages_at = self._headers.array, self._headers.at
        for message, size in zip(self.messages, layout.shape.sizes, strict=True):
            message.length = size
        self._expected = ctypes.create_string_buffer(bytes(self.messages), len(bytes(self.messages)))
        self.expected_at = ctypes.addressof(self._expected)
        """The messages as the kernel leaves them when all lengths are right and nothing was cut off."""

    def seen(self, place: int) -> bytes:
        """Give what came of one packet."""
        length = self.messages[place].length
        start = self.layout.payload_starts[place]
        room = min(self.layout.payload_starts[place + 1] - start, max(0, length - RTP_HEADER_BYTES))
        at = self.headers_at + place * RTP_HEADER_BYTES
        head = ctypes.string_at(at, min(length, RTP_HEADER_BYTES))
        return head + ctypes.string_at(self.payloads_at + start, room)


class UdpReader:
    """One reader's RTP socket."""

    def __init__(self, sock: socket.socket, landing: Landing, tally: Tally) -> None:
        self.tally = tally
        self._fd = sock.fileno()
        self._landing = landing

    def ready(self) -> int:
        """Read and compare what has come; gives the packets that were right."""
        before = self.tally.verdict.delivered
        for _ in range(_MOST_BATCHES):
            if not self._read():
                break
        return self.tally.verdict.delivered - before

    def _read(self) -> bool:
        """Read one batch; False if there is nothing more for now."""
        tally, landing = self.tally, self._landing
        packets = landing.layout.packets
        cycle, place = divmod(tally.next or 0, packets)
        most = min(BATCH, packets - place)
        count: int = recvmmsg(
            self._fd, landing.messages_at + place * HEADER_BYTES, most, MSG_DONTWAIT | MSG_TRUNC, None
        )
        if count <= 0:
            return False
        now = time.monotonic()
        starts = landing.layout.payload_starts
        if (
            tally.next is not None
            and same(
                landing.headers_at + place * RTP_HEADER_BYTES,
                tally.stream.headers(cycle).at + place * RTP_HEADER_BYTES,
                count * RTP_HEADER_BYTES,
            )
            and same(
                landing.payloads_at + starts[place],
                tally.stream.payload_at(cycle, place),
                starts[place + count] - starts[place],
            )
            and same(
                landing.messages_at + place * HEADER_BYTES,
                landing.expected_at + place * HEADER_BYTES,
                count * HEADER_BYTES,
            )
        ):
            tally.accept(count, now)
        else:
            for each in range(place, place + count):
                tally.judge(landing.messages[each].length, landing.seen(each), now)
        return count == most
