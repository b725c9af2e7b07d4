"""What the log says of interleaved readers that are too slow: who, why, how much they missed, and for how long."""

import logging

from workers.connections.connection import Connection
from workers.contract.image import CatchingUpImage
from workers.runtime.resources import Resources

LOG_INTERVAL_S = 10.0
"""A reader on a poor line falls behind every second: two lines for each of its tracks in this time are enough."""


class SlowReaderLog:
    """Tells of one track of one reader. What happens between two lines is in the sums of the next."""

    def __init__(self, session: str, path: str, track: int, connection: Connection, resources: Resources) -> None:
        self._about = {"session": session, "mount": path, "track": track, "peer": connection.peer.text}
        self._outlet = connection.outlet
        self._logger = resources.logger
        self._clock = resources.loop.clock
        self._told_at = float("-inf")
        self._begin_told = False
        self._times = self._packets = self._bytes = 0
        self._seconds = 0.0

    def fell_behind(self, now: float) -> None:
        if now - self._told_at >= LOG_INTERVAL_S:
            self._told_at, self._begin_told = now, True
            reason = "it reads more slowly than media comes"
            self._tell(logging.WARNING, "reader too slow", reason=reason, queued_bytes=self._outlet.queued_bytes)

    def caught_up(self, missed: CatchingUpImage) -> None:
        self._times += 1
        self._packets += missed.packets
        self._bytes += missed.bytes
        self._seconds += self._clock() - missed.since
        if self._begin_told:
            self._sum_up("reader keeps up again")

    def close(self) -> None:
        """Tell what was not told yet."""
        if self._times:
            self._sum_up("reader was too slow")

    def _sum_up(self, event: str) -> None:
        sums = {
            "times": self._times,
            "packets": self._packets,
            "bytes": self._bytes,
            "for_s": round(self._seconds, 3),
        }
        self._tell(logging.INFO, event, **sums)
        self._begin_told = False
        self._times = self._packets = self._bytes = 0
        self._seconds = 0.0

    def _tell(self, level: int, event: str, **what: object) -> None:
        self._logger.log(level, event, extra={**self._about, **what})
