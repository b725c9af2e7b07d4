"""One UDP socket of a track in the loop: watched while it is read, and while something waits for room to be sent."""

import contextlib
from collections.abc import Callable

from workers.contract.image import PortImage
from workers.runtime.loop import READ, WRITE, Loop
from workers.streams.outputs import Outputs


class Port:
    """A socket that this worker sends by; a replica's is read by the mount's owner, whose it is too."""

    def __init__(self, state: PortImage, outputs: Outputs, loop: Loop, on_failure: Callable[[Exception], None]) -> None:
        self.state = state
        self.outputs = outputs
        self._loop = loop
        self._on_failure = on_failure
        self._fd = outputs.sock.fileno()
        self._reading = self._waiting = False
        self._suspended = True
        self._events = 0
        outputs.udp.want_room = self._on_waiting

    def start_reading(self) -> None:
        """Take what comes."""
        self._reading = True
        self._watch()

    def stop_reading(self) -> None:
        """Take nothing any more; what waits is still sent."""
        self._reading = False
        self._watch()

    def _on_waiting(self, waiting: bool) -> None:
        self._waiting = waiting
        self._watch()

    def _watch(self) -> None:
        """Watch for what is wanted, and nothing else: a socket without wishes would be reported for its errors."""
        wanted = (READ if self._reading else 0) | (WRITE if self._waiting else 0)
        events = 0 if self._suspended else wanted
        if events == self._events:
            return
        if not self._events:
            self._loop.add(self._fd, self, media=True, events=events)
        elif events:
            self._loop.change(self._fd, events)
        else:
            self._loop.remove(self._fd)
        self._events = events

    def ready(self, events: int, now: float) -> None:
        """Send on what waited for room, and read what has come."""
        if events & WRITE:
            self.outputs.udp.send_waiting(now)
        if events & READ and self._reading:
            self._read(now)

    def _read(self, now: float) -> None:
        """Read what has come, a bounded part of it."""

    def failed(self, error: Exception) -> None:
        self._on_failure(error)

    def suspend(self) -> None:
        """Read and send nothing until `resume`."""
        self._suspended = True
        self._watch()

    def resume(self, now: float) -> None:
        self._suspended = False
        self._waiting = self.outputs.udp.is_waiting
        self._watch()

    def detach(self) -> None:
        """Let go of the socket."""
        self.suspend()
        with contextlib.suppress(OSError):
            self.outputs.sock.close()
