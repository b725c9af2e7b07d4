"""When a track's next report is due: a moment that moves with its stream, and the call that it stands for."""

from collections.abc import Callable

from workers.contract.image import SenderImage, TrackImage
from workers.runtime.loop import Loop, Timer


class ReportTimer:
    """Calls back at `report_at` of a state; None while no report is wanted."""

    def __init__(self, state: TrackImage | SenderImage, loop: Loop, callback: Callable[[float], None]) -> None:
        self._state = state
        self._loop = loop
        self._callback = callback
        self._timer: Timer | None = None

    def set(self, when: float) -> None:
        """Call back then, and not before."""
        self.stop()
        self._state.report_at = when
        self._timer = self._loop.call_at(when, self._callback)

    def stop(self) -> None:
        self.suspend()
        self._state.report_at = None

    def suspend(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def resume(self, now: float) -> None:
        if self._state.report_at is not None:
            self.set(self._state.report_at)

    def detach(self) -> None:
        self.suspend()
