"""When packets are due on the clock, and what wall-clock time they stand for."""

from collections.abc import Sequence
from dataclasses import dataclass

LATE_S = 1.0
"""So far behind, the program stood still: what is left goes on from now, instead of all at once."""


@dataclass(slots=True)
class Pace:
    """Runs media time, in seconds, beside the monotonic clock; `wall` is Unix time at `now`.

    Where media time stands still, `rested_s` says for how long in all: RTP timestamps are to be later by as much, so
    that they stand for the same wall-clock time from the first packet to the last, as sender reports say.
    """

    first: float
    now: float
    wall: float
    rested_s: float = 0.0

    def wait_s(self, due: float, now: float) -> float:
        """Say how long to wait until media time `due`; 0 or less: it is due."""
        wait = self.now + due - self.first - now
        if wait < -LATE_S:
            self.go_on(due, now)
            return 0.0
        return wait

    def go_on(self, due: float, now: float) -> None:
        """Let media time go on at `due` now: after a rest, or sooner, where what was read ahead was not sent."""
        rest = now + self.first - self.now - due
        self.now += rest
        self.wall += rest
        self.rested_s += rest

    def ntp(self, time: float) -> float:
        """Say which Unix time a media time stands for."""
        return self.wall + time - self.first


@dataclass(slots=True)
class Numbers:
    """Sequence numbers and timestamps of one media's packets, whose clock has so many ticks a second.

    Packets that were read ahead and never came to be sent are left out: they would count as lost.
    """

    clock_rate: int
    skipped: int = 0
    _next: int | None = None

    def stamped(self, packets: Sequence[bytes], pace: Pace) -> Sequence[bytes]:
        """Give RTP packets that are to be sent now as they have to be: later where media time stood still."""
        first = int.from_bytes(packets[0][2:4])
        self.skipped += 0 if self._next is None else (first - self._next) % 0x1_0000
        self._next = (first + len(packets)) % 0x1_0000
        if not (pace.rested_s or self.skipped):
            return packets
        return restamped(packets, round(pace.rested_s * self.clock_rate), self.skipped)


def restamped(packets: Sequence[bytes], ticks: int, skipped: int) -> list[bytes]:
    """Give RTP packets with timestamps later by so many of their clock's ticks, and numbers lower by those skipped."""
    return [
        packet[:2]
        + ((int.from_bytes(packet[2:4]) - skipped) & 0xFFFF).to_bytes(2)
        + ((int.from_bytes(packet[4:8]) + ticks) & 0xFFFF_FFFF).to_bytes(4)
        + packet[8:]
        for packet in packets
    ]
