"""How a worker ends: drained, if there is a front that does it; then with what is queued written."""

from collections.abc import Callable

from workers.contract.events import DrainWanted
from workers.process.active_worker import ActiveWorker
from workers.process.link import FrontLink
from workers.runtime.runtime import Runtime

DRAIN_LOOK_S = 0.05
"""How often a worker that waits to be drained looks whether it is: it ends that much later than it could."""
FLUSH_WITHIN_S = 2.0
"""How long readers may take for what is queued for them, when the worker is told to end."""
FLUSH_LOOK_S = 0.02

EXIT_TOLD = 0
EXIT_ORPHANED = 1


class Shutdown:
    """The way to the end of the loop, from wherever it is begun. `exit_code` is None until it is certain."""

    def __init__(
        self,
        runtime: Runtime,
        link: FrontLink,
        active: Callable[[], ActiveWorker | None],
        on_ending: Callable[[], None],
    ) -> None:
        """`active` gives what the worker has by then; `on_ending` is called once the end is certain."""
        self.exit_code: int | None = None
        self._loop = runtime.loop
        self._logger = runtime.logger
        self._link = link
        self._active = active
        self._on_ending = on_ending
        self._drain_until: float | None = None

    def wish(self) -> None:
        """End, but not before the front has had time to move what is carried here; wished twice, at once."""
        active = self._active()
        if self.exit_code is not None:
            return
        if active is None or self._drain_until is not None:
            self._end_as_told()
            return
        now = self._loop.clock()
        timeout_s = active.resources.settings.drain_timeout_s
        self._drain_until = now + timeout_s
        active.draining = True
        if not active.is_empty and self._link.front:
            self._logger.info("told to end, asking to be drained", extra={"within_s": timeout_s})
            self._link.tell(DrainWanted(timeout_s))
        self._end_when_drained(now)

    def _end_when_drained(self, now: float) -> None:
        active = self._active()
        if self.exit_code is not None or active is None or self._drain_until is None:
            return
        if active.is_empty or not self._link.front or now >= self._drain_until:
            self._end_as_told()
        else:
            self._loop.call_at(now + DRAIN_LOOK_S, self._end_when_drained)

    def _end_as_told(self) -> None:
        self._logger.info("told to end")
        self.begin(EXIT_TOLD)

    def begin(self, exit_code: int) -> None:
        """Stop to read, and wait a little for what is queued to be written."""
        self.exit_code = exit_code
        now = self._loop.clock()
        active = self._active()
        if active is not None:
            active.draining = active.ending = True
        self._on_ending()
        if active is not None:
            active.stop_reading()
        self._stop_when_flushed(now, now + FLUSH_WITHIN_S)

    def _stop_when_flushed(self, now: float, until: float) -> None:
        active = self._active()
        if active is None or not active.is_waiting or now >= until:
            self._loop.stop()
        else:
            self._loop.call_at(now + FLUSH_LOOK_S, lambda later: self._stop_when_flushed(later, until))
