"""How a worker finds a front, and how long it goes on without one."""

from workers.contract.events import Hello
from workers.process.link import FrontLink
from workers.runtime.loop import Timer
from workers.runtime.runtime import Runtime
from workers.sockets.descriptors import Descriptors

HELLO_INTERVAL_S = 0.5
RECONNECT_INTERVAL_S = 0.1


class Registration:
    """Says hello until a front has taken this worker on, and again after its death."""

    def __init__(self, runtime: Runtime, hello: Hello, link: FrontLink, descriptors: Descriptors) -> None:
        self._loop = runtime.loop
        self._hello = hello
        self._link = link
        self._descriptors = descriptors
        self._timer: Timer | None = None
        self._orphan_at: float | None = None

    def reach(self, now: float) -> None:
        """Connect and say hello, until a front has taken this worker on."""
        if self._link.front:
            return
        if self._descriptors.connect():
            self._link.hello(self._hello)
            self._try_again(now + HELLO_INTERVAL_S)
        else:
            self._try_again(now + RECONNECT_INTERVAL_S)

    def _try_again(self, when: float) -> None:
        self.stop()
        self._timer = self._loop.call_at(when, self.reach)

    def stop(self) -> None:
        """Look for no front any more."""
        if self._timer is not None:
            self._timer.cancel()

    def taken_on(self) -> None:
        self._orphan_at = None

    def lost(self, now: float, orphan_timeout_s: float | None) -> None:
        """Look for another front; an active worker is orphaned after so long without one."""
        if orphan_timeout_s is not None and self._orphan_at is None:
            self._orphan_at = now + orphan_timeout_s
        self._try_again(now + RECONNECT_INTERVAL_S)

    def is_orphaned(self, now: float) -> bool:
        return self._orphan_at is not None and now >= self._orphan_at
