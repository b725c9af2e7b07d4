"""Room in the send buffer of a socket that another worker reads: watched only while something waits for it."""

from collections.abc import Callable

from workers.fanout.send_udp import UdpFan
from workers.runtime.loop import WRITE, Loop


class WritableWatch:
    """Waits for room in the send buffer of a socket that another worker reads."""

    def __init__(self, fd: int, loop: Loop, on_failure: Callable[[Exception], None]) -> None:
        self._fd = fd
        self._loop = loop
        self._on_failure = on_failure
        self.fan: UdpFan | None = None

    def want(self, wanted: bool) -> None:
        """Wait, or don't."""
        self._loop.remove(self._fd)
        if wanted:
            self._loop.add(self._fd, self, media=True, events=WRITE)

    def ready(self, events: int, now: float) -> None:
        """Send on what waited."""
        if self.fan is not None:
            self.fan.send_waiting(now)

    def failed(self, error: Exception) -> None:
        """Close the mount."""
        self._on_failure(error)
