"""The worker's figures for its front: proof that the loop which moves media turns."""

import psutil

from workers.contract.events import Heartbeat
from workers.mounts.figures import Figures
from workers.process.active_worker import ActiveWorker
from workers.process.link import FrontLink
from workers.runtime.runtime import Runtime

FIGURES_INTERVAL_S = 0.95
"""How often mounts' figures are told: with every second heartbeat, if those come twice a second."""
LEAST_CPU_INTERVAL_S = 1.0
"""Reading it opens files of /proc: with a heartbeat each half second that was a third of an idle worker's work."""


class Heartbeats:
    """Tells the front of an active worker's figures, again and again."""

    def __init__(self, runtime: Runtime, link: FrontLink) -> None:
        self._runtime = runtime
        self._link = link
        self._figures = Figures()
        self._figures_at = 0.0
        self._process = psutil.Process()
        self._cpu_percent_now = 0.0
        self._cpu_at = 0.0

    def keep_beating(self, active: ActiveWorker, now: float) -> None:
        """Tell the figures now and from now on, until the worker ends."""
        if not active.ending:
            interval_s = active.resources.settings.heartbeat_interval_s
            self._runtime.loop.call_at(now + interval_s, lambda later: self.keep_beating(active, later))
            self.beat(active, now)
            if now >= self._figures_at:
                self._tell_changes(active, now)

    def tell_all(self, active: ActiveWorker, now: float) -> None:
        """Tell all figures once, to a front that knows none of them."""
        self._figures.forget()
        self.beat(active, now)
        self._tell_changes(active, now)

    def _tell_changes(self, active: ActiveWorker, now: float) -> None:
        """Tell what has changed of mounts and readers; a front that reads too slowly is told later, at once of all."""
        if not self._link.is_behind:
            self._figures_at = now + FIGURES_INTERVAL_S
            for part in self._figures.changed(active.mounts):
                self._link.tell(part)

    def beat(self, active: ActiveWorker, now: float) -> None:
        loop, counters = self._runtime.loop, self._runtime.counters
        mounts, ports = active.mounts, active.resources.ports
        busiest, busiest_share = mounts.busiest()
        self._link.tell(
            Heartbeat(
                mounts=len(mounts),
                readers=mounts.reader_count,
                packets_in=counters.packets_in,
                packets_out=counters.packets_out,
                bytes_in=counters.bytes_in,
                bytes_out=counters.bytes_out,
                drops=tuple((cause.value, count) for cause, count in counters.drops.items()),
                cpu_percent=self._cpu_percent(now),
                loop_lag_ms=loop.longest_turn_s * 1000,
                ports_free=ports.count_free(now),
                ports_used=ports.count_used,
                draining=active.draining,
                busiest=busiest,
                busiest_share=busiest_share,
            )
        )
        loop.longest_turn_s = 0.0

    def _cpu_percent(self, now: float) -> float:
        """Measure over long intervals: over a few milliseconds the clock's ticks make it 0 or 200."""
        if now - self._cpu_at >= LEAST_CPU_INTERVAL_S:
            self._cpu_at = now
            self._cpu_percent_now = self._process.cpu_percent()
        return self._cpu_percent_now
