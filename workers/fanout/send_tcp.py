"""Sends bursts to interleaved readers: framed once for each channel, then one write for each reader.

An `Outlet` is the writing side of one connection: frames of media that may be dropped in whole bursts, and RTSP
responses between them that may not.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from workers.counters import Counters, Drop
from workers.fanout.burst import Run, frame_runs

WRITE_AT_ONCE_BYTES = 256 * 1024
"""Queued pieces are joined up to this for one write: a bound on the copy, and more than TCP_NOTSENT_LOWAT takes."""


class Stream(Protocol):
    """What an outlet needs of a socket."""

    def send(self, data: bytes | memoryview, /) -> int:
        """Write without waiting; raises BlockingIOError if nothing can be written."""


class Outlet:
    """The writing side of one connection.

    `limit_bytes` bounds the media that waits; `on_change` is called when the outlet begins to wait for room (True),
    has nothing left to write (False), or when writing failed (`error` is set).
    """

    __slots__ = (
        "_counters",
        "_current",
        "_media",
        "_media_bytes",
        "_on_change",
        "_response_bytes",
        "_responses",
        "_stream",
        "dropped",
        "error",
        "limit_bytes",
        "progress_at",
        "waiting",
    )

    def __init__(
        self, stream: Stream, limit_bytes: int, counters: Counters, on_change: Callable[[bool], None], unsent: bytes
    ) -> None:
        self._stream = stream
        self.limit_bytes = limit_bytes
        self._counters = counters
        self._on_change = on_change
        self._current = memoryview(unsent)  # begins within a frame or response: nothing may come in between
        self._responses: deque[bytes] = deque()
        self._response_bytes = 0
        self._media: deque[tuple[bytes, int]] = deque()
        self._media_bytes = 0
        self.waiting = False
        self.progress_at = 0.0
        """When something could be written last, while waiting."""
        self.dropped = 0
        """Packets that found the queue full."""
        self.error: OSError | None = None

    @property
    def queued_bytes(self) -> int:
        """What waits to be written."""
        return self.pressing_bytes + self._media_bytes

    @property
    def pressing_bytes(self) -> int:
        """What waits and may not be dropped: responses, and what was begun."""
        return len(self._current) + self._response_bytes

    def send_media(self, data: bytes, packets: int, now: float) -> bool:
        """Write whole frames, or queue them; False if they were dropped."""
        if not self.waiting:
            try:
                sent = self._stream.send(data)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                self._fail(error)
                return False
            if sent < len(data):
                self._current = memoryview(data)[sent:]
                self._wait(now)
        elif self.error is not None or self._media_bytes + len(data) > self.limit_bytes:
            self.dropped += packets
            self._counters.drops[Drop.QUEUE_FULL] += packets
            return False
        else:
            self._media.append((data, packets))
            self._media_bytes += len(data)
        self._counters.packets_out += packets
        self._counters.bytes_out += len(data) - 4 * packets
        return True

    def send_response(self, data: bytes, now: float) -> None:
        """Write an RTSP message at the next boundary; it is never dropped while the connection lasts."""
        self._responses.append(data)
        self._response_bytes += len(data)
        if not self.waiting:
            self.flush(now)

    def flush(self, now: float) -> None:
        """Write what waits, as far as there is room."""
        while self.error is None:
            if not self._current and not self._next():
                if self.waiting:
                    self.waiting = False
                    self._on_change(False)
                return
            try:
                sent = self._stream.send(self._current)
            except BlockingIOError:
                self._wait(now)
                return
            except OSError as error:
                self._fail(error)
                return
            self.progress_at = now
            self._current = self._current[sent:]

    def _next(self) -> bool:
        """Make the next pieces the current one: responses first, as their clients wait for them."""
        if self._responses:
            pieces = list(self._responses)
            self._responses.clear()
            self._response_bytes = 0
        else:
            pieces, size = [], 0
            while self._media and size < WRITE_AT_ONCE_BYTES:
                data, _ = self._media.popleft()
                pieces.append(data)
                size += len(data)
            self._media_bytes -= size
        self._current = memoryview(b"".join(pieces))
        return bool(pieces)

    def discard(self) -> int:
        """Forget the media that waits and return how many packets that was."""
        packets = sum(each for _, each in self._media)
        self._media.clear()
        self._media_bytes = 0
        self._counters.packets_out -= packets
        self._counters.drops[Drop.CONNECTION_LOST] += packets
        return packets

    def take_unsent(self) -> bytes:
        """Hand out what must still be written before anything else; the media that waits is dropped."""
        self.discard()
        unsent = b"".join((self._current, *self._responses))
        self._current = memoryview(b"")
        self._responses.clear()
        return unsent

    def _wait(self, now: float) -> None:
        if not self.waiting:
            self.waiting = True
            self.progress_at = now
            self._on_change(True)

    def _fail(self, error: OSError) -> None:
        if self.error is None:
            self.error = error
            self.waiting = True  # nobody writes past it until the connection is closed, at the end of this turn
            self._on_change(True)


class Subscriber:
    """One interleaved reader's channel on one track."""

    __slots__ = ("channel", "dropped", "index", "offered_before", "outlet", "sent_before", "subscribed")

    def __init__(self, outlet: Outlet, channel: int) -> None:
        self.outlet = outlet
        self.channel = channel
        self.index = 0
        self.dropped = 0
        self.offered_before = 0
        self.sent_before = 0
        self.subscribed = False


class TcpFan:
    """The interleaved readers of one track's RTP or RTCP, by channel."""

    def __init__(self) -> None:
        self._channels: dict[int, list[Subscriber]] = {}
        self._offered = 0

    def __len__(self) -> int:
        return sum(map(len, self._channels.values()))

    def add(self, member: Subscriber) -> None:
        """Send to this reader from the next burst on; harmless if it is so already."""
        if not member.subscribed:
            members = self._channels.setdefault(member.channel, [])
            member.subscribed, member.index = True, len(members)
            member.offered_before = self._offered
            members.append(member)

    def remove(self, member: Subscriber) -> None:
        """Stop to send to this reader; harmless if it is so already."""
        if not member.subscribed:
            return
        member.subscribed = False
        member.sent_before += self._offered - member.offered_before
        members = self._channels[member.channel]
        last = members.pop()
        if last is not member:
            last.index = member.index
            members[last.index] = last
        if not members:
            del self._channels[member.channel]

    def packets_to(self, member: Subscriber) -> int:
        """Count the packets that were written or queued for this reader."""
        running = self._offered - member.offered_before if member.subscribed else 0
        return member.sent_before + running - member.dropped

    def send_one(self, member: Subscriber, packet: bytes, now: float) -> None:
        """Send one packet to one reader (or publisher)."""
        member.sent_before += 1
        if not member.outlet.send_media(frame_runs([(packet, len(packet), 1)], member.channel), 1, now):
            member.dropped += 1

    def send(self, runs: list[Run], packets: int, now: float) -> None:
        """Send a burst of `packets` packets to every member."""
        if not self._channels:
            return
        self._offered += packets
        for channel, members in self._channels.items():
            data = frame_runs(runs, channel)
            for member in members:
                if not member.outlet.send_media(data, packets, now):
                    member.dropped += packets
