"""The worker's end of a burst channel: reads bursts, writes bursts, and never waits for the other end."""

import socket
from collections.abc import Callable, Sequence
from functools import partial

from workers.channel import ChannelBurst, ChannelError, Kind, decode, encode
from workers.contract.image import PipeImage
from workers.fanout.burst import Run
from workers.runtime.counters import Drop
from workers.runtime.loop import READ, WRITE
from workers.runtime.resources import Resources
from workers.shared.burst_socket import BurstSocket, ChannelGone

MOST_READ_BYTES = 1024 * 1024
"""What one channel may bring in one turn: then the others come first."""


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
        self._resources = resources
        self._on_burst = on_burst
        self._on_end = on_end
        self._state = state
        self._socket = BurstSocket(sock, state.queued)
        self._reads = self._events = READ
        self._closed = False

    # -- in -------------------------------------------------------------------------------------------------------

    def ready(self, events: int, now: float) -> None:
        """Write what waits, read what came, a bounded part of it."""
        try:
            if events & WRITE:
                self._socket.flush()
                self._watch()
            if events & ~WRITE:
                self._read(now)
        except ChannelGone as error:
            self._end(str(error))

    def _read(self, now: float) -> None:
        left = MOST_READ_BYTES
        while left > 0 and not self._closed:
            message = self._socket.receive(self._resources.stream_buffer)
            if message is None:
                return
            left -= len(message)
            try:
                burst = decode(message)
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
        try:
            sent = self._socket.send(encode(kind, track, runs, session=session, missed=self._state.missed))
        except ChannelGone as error:
            # Not here: whoever sends may be in the middle of a fan-out.
            self._resources.loop.defer(partial(self._end, str(error)))
            return
        if sent:
            self._state.missed = 0
            self._watch()
        else:
            self._state.missed += packets
            self._resources.counters.drop(Drop.CHANNEL_FULL, packets)

    def _watch(self) -> None:
        events = self._wanted
        if events != self._events and not self._closed:
            self._events = events
            self._resources.loop.change(self._socket.sock.fileno(), events)

    @property
    def _wanted(self) -> int:
        return self._reads | (WRITE if self._socket.queue else 0)

    # -- a move to another worker -----------------------------------------------------------------------------------

    @property
    def sock(self) -> socket.socket:
        """Its socket, which moves with the mount: what comes meanwhile waits in it."""
        return self._socket.sock

    def suspend(self) -> None:
        """Read and write nothing, until `resume`."""
        self._resources.loop.remove(self.sock.fileno())

    def resume(self, now: float) -> None:
        """Go on, or begin."""
        self._events = self._wanted
        self._resources.loop.add(self.sock.fileno(), self, media=True, events=self._events)

    def detach(self) -> None:
        """Let go of a duplicate: another worker carries on."""
        self._closed = True
        self._socket.close()

    # -- the end --------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of it; the other end sees that."""
        if not self._closed:
            self._closed = True
            self._resources.loop.remove(self.sock.fileno())
            self._socket.close()

    def _end(self, reason: str) -> None:
        if not self._closed:
            self.close()
            self._on_end(reason)
