"""The worker's end of a burst channel: reads bursts, writes bursts, and never waits for the other end."""

import contextlib
import socket
from collections.abc import Callable, Sequence
from functools import partial

from workers.channel import MOST_MESSAGE_BYTES, ChannelBurst, ChannelError, Kind, decode, encode
from workers.contract.image import PipeImage
from workers.fanout.burst import Run
from workers.runtime.counters import Drop
from workers.runtime.loop import READ, WRITE
from workers.runtime.resources import Resources

MOST_QUEUED_BYTES = 4 * 1024 * 1024
"""What waits for a slow other end, beside what the kernel holds: a third of a second of 100 Mbit/s."""
MOST_READ_BYTES = 1024 * 1024
"""What one channel may bring in one turn: then the others come first."""
BUFFER_BYTES = 4 * 1024 * 1024
"""Asked for of the kernel; it gives as much as net.core.wmem_max allows."""


class Pipe:
    """A socket of a burst channel, its own until `close` or the other end's death: `on_end` is told why.

    It is watched from `resume` on.
    """

    def __init__(
        self,
        sock: socket.socket,
        state: PipeImage,
        resources: Resources,
        on_burst: Callable[[ChannelBurst, float], None],
        on_end: Callable[[str], None],
    ) -> None:
        self._sock = sock
        self._resources = resources
        self._on_burst = on_burst
        self._on_end = on_end
        self._state = state
        self._queue = state.queued
        self._queued_bytes = sum(map(len, state.queued))
        self._reads = self._events = READ
        self._closed = False
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)

    # -- in -------------------------------------------------------------------------------------------------------

    def ready(self, events: int, now: float) -> None:
        """Write what waits, read what came, a bounded part of it."""
        if events & WRITE:
            self._flush()
        buffer = self._resources.stream_buffer
        left = MOST_READ_BYTES if events & ~WRITE else 0
        while left > 0 and not self._closed:
            try:
                size = self._sock.recv_into(buffer, MOST_MESSAGE_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                self._end(f"lost: {error.strerror}")
                return
            if not size:
                self._end("closed by the other end")
                return
            left -= size
            try:
                burst = decode(memoryview(buffer)[:size])
            except ChannelError:
                self._resources.counters.drop(Drop.CONTROL_GARBAGE)
                continue
            self._on_burst(burst, now)

    def failed(self, error: Exception) -> None:
        """End it, as its state can't be trusted any more."""
        self._resources.logger.error("burst channel failed", exc_info=error)
        self._end(f"internal error: {type(error).__name__}")

    def stop_reading(self) -> None:
        """Read nothing any more; what waits is still written."""
        self._reads = 0
        self._watch()

    # -- out ------------------------------------------------------------------------------------------------------

    def send(self, kind: Kind, track: int, runs: Sequence[Run], packets: int, session: str = "") -> None:
        """Write a burst, or queue it; where the queue is full it is dropped whole, and the next one says so."""
        messages = encode(kind, track, runs, session=session, missed=self._state.missed)
        if self._queue and self._queued_bytes + sum(map(len, messages)) > MOST_QUEUED_BYTES:
            self._state.missed += packets
            self._resources.counters.drop(Drop.CHANNEL_FULL, packets)
            return
        self._state.missed = 0
        waits = bool(self._queue)
        self._queue.extend(messages)
        self._queued_bytes += sum(map(len, messages))
        if not waits:
            self._flush()

    def _flush(self) -> None:
        while self._queue and not self._closed:
            try:
                self._sock.send(self._queue[0])
            except BlockingIOError:
                self._watch()
                return
            except OSError as error:
                # Not here: whoever sends may be in the middle of a fan-out.
                self._resources.loop.defer(partial(self._end, f"lost: {error.strerror}"))
                return
            self._queued_bytes -= len(self._queue.popleft())
        self._watch()

    def _watch(self) -> None:
        events = self._reads | (WRITE if self._queue else 0)
        if events != self._events and not self._closed:
            self._events = events
            self._resources.loop.change(self._sock.fileno(), events)

    # -- a move to another worker -----------------------------------------------------------------------------------

    @property
    def sock(self) -> socket.socket:
        """Its socket, which moves with the mount: what comes meanwhile waits in it."""
        return self._sock

    def suspend(self) -> None:
        """Read and write nothing, until `resume`."""
        self._resources.loop.remove(self._sock.fileno())

    def resume(self, now: float) -> None:
        """Go on, or begin."""
        self._events = self._reads | (WRITE if self._queue else 0)
        self._resources.loop.add(self._sock.fileno(), self, media=True, events=self._events)

    def detach(self) -> None:
        """Let go of a duplicate: another worker carries on."""
        self._closed = True
        self._sock.close()
        self._queue.clear()

    # -- the end --------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of it; the other end sees that."""
        if not self._closed:
            self._closed = True
            self._resources.loop.remove(self._sock.fileno())
            self._sock.close()
            self._queue.clear()

    def _end(self, reason: str) -> None:
        if not self._closed:
            self.close()
            self._on_end(reason)
