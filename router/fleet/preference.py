"""Which worker gets a new mount: a pure function of what the workers carry."""

from collections.abc import Iterable
from dataclasses import dataclass

PACKETS_PER_POINT = 1_000
"""Delivered packets a second that weigh as much as one percent of a core: about what a batched send costs."""
POINTS_PER_NEW_MOUNT = 2.0
"""What a mount is taken to weigh until its packets are measured: a burst of new mounts must spread too."""
STEP_POINTS = 5.0
"""Loads that differ by less count as equal: measurements of idle workers differ by a few percent."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one worker carries. `packets_per_s` counts delivered packets: packets x readers."""

    worker: int
    cpu_percent: float
    packets_per_s: float
    mounts: int
    new_mounts: int
    last_placed: int

    @property
    def points(self) -> float:
        """The load as one number, in percent of a core."""
        measured = max(self.cpu_percent, self.packets_per_s / PACKETS_PER_POINT)
        return measured + self.new_mounts * POINTS_PER_NEW_MOUNT


def by_preference(loads: Iterable[Load]) -> list[int]:
    """Order workers, the best place for a new mount first.

    The least loaded comes first; of equally loaded ones the one with fewer mounts, then the one that has
    waited longest for its turn (`last_placed` counts placements), so equal load alternates.
    """
    ranked = sorted(loads, key=lambda load: (load.points // STEP_POINTS, load.mounts, load.last_placed, load.worker))
    return [load.worker for load in ranked]
