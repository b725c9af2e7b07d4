"""The worker's figures for its front: proof that the loop which moves media turns."""

from collections.abc import Callable

import psutil

from workers.contract.events import Heartbeat
from workers.process.active_worker import ActiveWorker
from workers.runtime.runtime import Runtime

LEAST_CPU_INTERVAL_S = 1.0
"""Reading it opens files of /proc: with a heartbeat each half second that was a third of an idle worker's work."""


class Heartbeats:
    """Tells the front of an active worker's figures, again and again."""

    def __init__(self, runtime: Runtime, tell: Callable[[Heartbeat], None]) -> None:
        self._runtime = runtime
        self._tell = tell
        self._process = psutil.Process()
        self._cpu_percent_now = 0.0
        self._cpu_at = 0.0

    def keep_beating(self, active: ActiveWorker, now: float) -> None:
        """Tell the figures now and from now on, until the worker ends."""
        if not active.ending:
            interval_s = active.resources.settings.heartbeat_interval_s
            self._runtime.loop.call_at(now + interval_s, lambda later: self.keep_beating(active, later))
            self.beat(active, now)

    def beat(self, active: ActiveWorker, now: float) -> None:
        """Tell the figures once."""
        loop, counters = self._runtime.loop, self._runtime.counters
        mounts, ports = active.mounts, active.resources.ports
        busiest, busiest_share = mounts.busiest()
        self._tell(
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
