"""When packets are due on the clock, and what wall-clock time they stand for."""

from dataclasses import dataclass

LATE_S = 1.0
"""So far behind, the program stood still: what is left goes on from now, instead of all at once."""


@dataclass(slots=True)
class Pace:
    """Runs media time, in seconds, beside the monotonic clock; `wall` is Unix time at `now`."""

    first: float
    now: float
    wall: float

    def wait_s(self, due: float, now: float) -> float:
        """Say how long to wait until media time `due`; 0 or less: it is due."""
        wait = self.now + due - self.first - now
        if wait < -LATE_S:
            self.now -= wait
            self.wall -= wait
            return 0.0
        return wait

    def ntp(self, time: float) -> float:
        """Say which Unix time a media time stands for."""
        return self.wall + time - self.first
