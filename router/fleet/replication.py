"""Which of the workers that fan a mount out gets its next reader, and when it takes another one. Pure.

A mount has its owner, and replicas on other workers once that one has enough to do. Readers stay where they are: only
new ones are given to somebody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

MOST_OF_THE_LOAD = 0.5
"""The part of a worker's packets from which on moving a mount away would only move the trouble."""
HOT_FOR_S = 3.0
"""How long a worker must be busy before it counts as saturated: a few heartbeats, and CPU figures that have seen it."""
FOLD_AFTER_S = 5.0
"""How long a replica without readers stays: whoever leaves may come back, and opening takes a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """One of the workers that fan a mount out, the owner or a replica's."""

    readers: int
    saturated: bool = False
    closing: bool = False
    """It gets no new readers: its worker is drained, or is the owner's own."""


def choose(carriers: Sequence[Carrier], most_readers: int) -> int | None:
    """Choose who gets a mount's next reader, by its place in `carriers`, of which the owner is the first.

    The owner as long as it has room; then the replica with the fewest readers. None: it takes another replica.
    `most_readers` is the most that each may have, 0 for no such limit.
    """
    free = [
        place
        for place, each in enumerate(carriers)
        if not each.saturated and not each.closing and (not most_readers or each.readers < most_readers)
    ]
    if not free:
        return None
    return 0 if free[0] == 0 else min(free, key=lambda place: (carriers[place].readers, place))


def least_loaded(carriers: Sequence[Carrier]) -> int:
    """Choose where there is no worker left for another replica."""
    able = [place for place, each in enumerate(carriers) if place == 0 or not each.closing]
    return min(able, key=lambda place: (carriers[place].saturated, carriers[place].readers, place))


@dataclass(slots=True)
class Saturation:
    """Which workers have been busy for long, and for most of it with one mount."""

    cpu_percent: float
    """From which on a worker counts as busy; 0 for never."""
    _since: dict[int, tuple[str, float]] = field(default_factory=dict)

    def observe(self, worker: int, cpu_percent: float, busiest: str, share: float, now: float) -> None:
        """Take a worker's load as it is now: which mount has most of it, and how much."""
        if not self.cpu_percent or cpu_percent < self.cpu_percent or share < MOST_OF_THE_LOAD:
            self._since.pop(worker, None)
        elif worker not in self._since or self._since[worker][0] != busiest:
            self._since[worker] = (busiest, now)

    def forget(self, worker: int) -> None:
        """Know nothing of a worker any more."""
        self._since.pop(worker, None)

    def is_with(self, worker: int, path: str, now: float) -> bool:
        """Tell whether a worker is saturated with this mount."""
        busiest, since = self._since.get(worker, ("", now))
        return busiest == path and now - since >= HOT_FOR_S
