"""The writing side of one connection: media that may be left out, and between it RTSP responses that may not."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from workers.contract.image import QueuedImage, UnwrittenImage
from workers.runtime.counters import Counters, Drop

WRITE_AT_ONCE_BYTES = 256 * 1024
"""Queued pieces are joined up to this for one write: a bound on the copy, and more than TCP_NOTSENT_LOWAT takes."""
MOST_OF_A_FRAME_BYTES = 4 * 1024 * 1024
"""How far the queue may grow beyond its limit so that a frame comes to its end: more than an 8K picture needs.
A reader for which that is not enough is closed, as what it has of the frame can't be taken back."""


class TooSlowError(Exception):
    """A reader was so slow that its connection has to end; the text says how slow."""


class WritableSocket(Protocol):
    """What an outlet needs of a socket."""

    def send(self, data: bytes | memoryview, /) -> int:
        """Write without waiting; raises BlockingIOError if nothing can be written."""


class Outlet:
    """The writing side of one connection.

    `limit_bytes` bounds the media that waits; `on_change` is called when the outlet begins to wait for room (True),
    has nothing left to write (False), or when writing failed (`error` is set).
    """

    __slots__ = (
        "_begins_whole",
        "_counters",
        "_current",
        "_media",
        "_media_bytes",
        "_on_change",
        "_response_bytes",
        "_responses",
        "_sock",
        "closes_when_full",
        "cut",
        "dropped",
        "error",
        "limit_bytes",
        "progress_at",
        "waiting",
    )

    def __init__(
        self,
        sock: WritableSocket,
        limit_bytes: int,
        counters: Counters,
        on_change: Callable[[bool], None],
        unsent: bytes = b"",
    ) -> None:
        self._sock = sock
        self.limit_bytes = limit_bytes
        self._counters = counters
        self._on_change = on_change
        self._current = memoryview(unsent)  # begins within a frame or response: nothing may come in between
        self._begins_whole = False  # whether the bytes that `_current` is the rest of begin with a frame or response
        self._responses: deque[bytes] = deque()
        self._response_bytes = 0
        self._media: deque[QueuedImage] = deque()
        self._media_bytes = 0
        self.waiting = False
        self.progress_at = 0.0
        """When something could be written last, while waiting."""
        self.dropped = 0
        """Packets that were left out, as their reader was too slow."""
        self.cut = 0
        """Packets that had waited and were left behind when it moved here."""
        self.closes_when_full = False
        """Whether a full queue ends the connection; if not, packets are left out."""
        self.error: OSError | TooSlowError | None = None

    @property
    def queued_bytes(self) -> int:
        """What waits to be written."""
        return self.pressing_bytes + self._media_bytes

    @property
    def pressing_bytes(self) -> int:
        """What waits and may not be dropped: responses, and what was begun."""
        return len(self._current) + self._response_bytes

    def send_media(self, data: bytes, packets: int, now: float) -> bool:
        """Write whole packets, or queue them; False, and nothing of them is kept, if there is no room."""
        if not self.waiting:
            try:
                sent = self._sock.send(data)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                self._fail(error)
                return False
            if sent < len(data):
                self._current = memoryview(data)[sent:]
                self._begins_whole = True
                self._wait(now)
            self._counters.packets_out += packets
            self._counters.bytes_out += len(data) - 4 * packets
        elif self.error is not None:
            return False
        elif self._media_bytes + len(data) > self.limit_bytes:
            if self.closes_when_full:
                self._fail(TooSlowError(f"{self._media_bytes} bytes wait and {len(data)} more find no room"))
            return False
        else:
            self._queue(data, packets)
        return True

    def _queue(self, data: bytes, packets: int) -> None:
        self._media.append(QueuedImage(data, packets))
        self._media_bytes += len(data)

    def finish_frame(self, data: bytes, packets: int, now: float) -> bool:
        """Write or queue packets of a frame that was begun, beyond the limit too. Where the frame doesn't end, the
        connection does: False then."""
        if self.send_media(data, packets, now):
            return True
        if self.error is None and self._media_bytes + len(data) > self.limit_bytes + MOST_OF_A_FRAME_BYTES:
            self._fail(TooSlowError(f"{self._media_bytes} bytes wait and the frame that was begun has no end"))
        if self.error is not None:
            return False
        self._queue(data, packets)
        return True

    def has_room(self, size: int, part: float) -> bool:
        """Tell whether no more than a part of the queue would be taken, with `size` bytes more in it."""
        return self.error is None and (not self.waiting or self._media_bytes + size <= self.limit_bytes * part)

    def leave_out(self, packets: int, cause: Drop) -> None:
        self.dropped += packets
        self._counters.drops[cause] += packets

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
                sent = self._sock.send(self._current)
            except BlockingIOError:
                self._wait(now)
                return
            except OSError as error:
                self._fail(error)
                return
            self.progress_at = now
            self._current = self._current[sent:]

    def _next(self) -> bool:
        """Make the next pieces the current one: responses first, as their clients wait for them. Media counts as sent
        from here on: what is dropped while it waits never was."""
        if self._responses:
            pieces = list(self._responses)
            self._responses.clear()
            self._response_bytes = 0
        else:
            pieces, size = [], 0
            while self._media and size < WRITE_AT_ONCE_BYTES:
                queued = self._media.popleft()
                pieces.append(queued.data)
                size += len(queued.data)
                if not queued.counted:
                    self._counters.packets_out += queued.packets
                    self._counters.bytes_out += len(queued.data) - 4 * queued.packets
            self._media_bytes -= size
        self._current = memoryview(b"".join(pieces))
        self._begins_whole = True
        return bool(pieces)

    def discard(self) -> int:
        """Forget the media that waits and return how many packets that was."""
        packets = sum(each.packets for each in self._media if not each.counted)
        self._media.clear()
        self._media_bytes = 0
        self._counters.drops[Drop.CONNECTION_LOST] += packets
        return packets

    def take_unsent(self) -> bytes:
        """Hand out what must still be written before anything else; the media that waits is dropped."""
        self.discard()
        unsent = b"".join((self._current, *self._responses))
        self._current = memoryview(b"")
        self._responses.clear()
        return unsent

    # -- a move to another worker -----------------------------------------------------------------------------------

    def unwritten(self, budget_bytes: int) -> UnwrittenImage:
        """Give what waits; media beyond so many bytes is dropped in whole frames, the latest first."""
        tail, behind = self._cut_current()
        media, cut = [], 0
        for each in [*behind, *self._media]:
            budget_bytes -= len(each.data)
            if budget_bytes >= 0:
                media.append(each)
            else:
                cut += each.packets
                self.leave_out(each.packets, Drop.QUEUE_FULL)
        return UnwrittenImage(tail, b"".join(self._responses), tuple(media), cut, self.dropped, self.progress_at)

    def _cut_current(self) -> tuple[bytes, list[QueuedImage]]:
        """Cut what is being written into the rest of the frame that was begun, and the whole frames behind it."""
        data = self._current.obj
        if not self._begins_whole or not isinstance(data, bytes) or not data.startswith(b"$"):
            return bytes(self._current), []
        begun = len(data) - len(self._current)
        end = 0
        while end < begun:
            end = _frame_end(data, end)
        packets, at = 0, end
        while at < len(data):
            at = _frame_end(data, at)
            packets += 1
        return data[begun:end], [QueuedImage(data[end:], packets, counted=True)] if packets else []

    def restore(self, unwritten: UnwrittenImage) -> None:
        """Go on where another worker has stopped; nothing is written before `flush`."""
        self._current, self._begins_whole = memoryview(unwritten.tail), False
        self._responses.extend(filter(None, [unwritten.responses]))
        self._response_bytes = len(unwritten.responses)
        self._media.extend(unwritten.media)
        self._media_bytes = sum(len(each.data) for each in unwritten.media)
        self.dropped, self.progress_at, self.cut = unwritten.dropped, unwritten.progress_at, unwritten.cut
        self.waiting = self.queued_bytes > 0

    def _wait(self, now: float) -> None:
        if not self.waiting:
            self.waiting = True
            self.progress_at = now
            self._on_change(True)

    def _fail(self, error: OSError | TooSlowError) -> None:
        if self.error is None:
            self.error = error
            self.waiting = True  # nobody writes past it until the connection is closed, at the end of this turn
            self._on_change(True)


def _frame_end(data: bytes, start: int) -> int:
    return start + 4 + int.from_bytes(data[start + 2 : start + 4], "big")
