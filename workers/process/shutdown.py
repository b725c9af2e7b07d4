"""How a worker ends: drained, if there is a front that does it; then with what is queued written."""

import logging
from collections.abc import Callable

from workers.contract.events import DrainWanted
from workers.process.active_worker import ActiveWorker
from workers.process.link import FrontLink
from workers.runtime.loop import Loop
from workers.shared.notify import Notifier

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
        loop: Loop,
        logger: logging.Logger,
        link: FrontLink,
        supervisor: Notifier,
        cargo: Callable[[], ActiveWorker | None],
        beat: Callable[[float], None],
    ) -> None:
        """`beat` tells the front at once what a heartbeat would."""
        self.exit_code: int | None = None
        self._loop = loop
        self._logger = logger
        self._link = link
        self._supervisor = supervisor
        self._cargo = cargo
        self._beat = beat
        self._drain_until: float | None = None

    def wish(self) -> None:
        """End, but not before the front has had time to move what is carried here; wished twice, at once."""
        cargo = self._cargo()
        if self.exit_code is not None:
            return
        if cargo is None or self._drain_until is not None:
            self._end_as_told()
            return
        now = self._loop.clock()
        timeout_s = cargo.resources.settings.drain_timeout_s
        self._drain_until = now + timeout_s
        cargo.control.draining = True
        if not cargo.is_empty and self._link.front:
            self._logger.info("told to end, asking to be drained", extra={"within_s": timeout_s})
            self._link.tell(DrainWanted(timeout_s))
        self._end_when_drained(now)

    def _end_when_drained(self, now: float) -> None:
        cargo = self._cargo()
        if self.exit_code is not None or cargo is None or self._drain_until is None:
            return
        if cargo.is_empty or not self._link.front or now >= self._drain_until:
            self._end_as_told()
        else:
            self._loop.call_at(now + DRAIN_LOOK_S, self._end_when_drained)

    def _end_as_told(self) -> None:
        self._logger.info("told to end")
        self.begin(EXIT_TOLD)

    def begin(self, exit_code: int) -> None:
        """Stop to read, and wait a little for what is queued to be written."""
        now = self._loop.clock()
        cargo = self._cargo()
        if cargo is not None:
            cargo.control.draining = cargo.control.ending = True
            self._beat(now)
            cargo.stop_reading()
        self.exit_code = exit_code
        self._supervisor.stopping()
        self._stop_when_flushed(now, now + FLUSH_WITHIN_S)

    def _stop_when_flushed(self, now: float, until: float) -> None:
        cargo = self._cargo()
        if cargo is None or not cargo.is_waiting or now >= until:
            self._loop.stop()
        else:
            self._loop.call_at(now + FLUSH_LOOK_S, lambda later: self._stop_when_flushed(later, until))
