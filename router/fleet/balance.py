"""When and which mount is to move so that workers are loaded evenly. Pure; loads are in percent of a core.

Three things keep a mount from being moved to and fro: the load has to be uneven for a while without a pause, a move has
to make it more even by a margin that noise does not reach, and a mount that was moved rests.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

LEAST_GAIN = 0.5
"""What a move must gain, as a part of the threshold: the difference that it takes away. Half of it is more than
measurements differ by."""


@dataclass(frozen=True, slots=True)
class MountLoad:
    """What one mount costs its worker. One that `rests` was moved not long ago."""

    path: str
    worker: int
    points: float
    rests: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """A mount to move, and the loads of both workers as they are and as they would be."""

    path: str
    source: int
    target: int
    before: tuple[float, float]
    after: tuple[float, float]

    @property
    def left(self) -> float:
        """How uneven both would be."""
        return abs(self.after[0] - self.after[1])

    @property
    def reason(self) -> str:
        """Say why, for the log."""
        (a, b), (c, d) = self.before, self.after
        return f"worker {self.source} is loaded {a:.0f} %, worker {self.target} {b:.0f} %; then {c:.0f} and {d:.0f} %"


@dataclass(slots=True)
class LoadHistory:
    """Watches the workers' loads, until they have been uneven for `hold_s`."""

    threshold: float
    hold_s: float
    since: float | None = None
    """Since when they are uneven without a pause."""
    _sums: dict[int, float] = field(default_factory=dict)
    _samples: int = 0

    def observe(self, loads: Mapping[int, float], now: float) -> bool:
        """Take the loads as they are now; True once they have been uneven for long enough."""
        uneven = len(loads) > 1 and max(loads.values()) - min(loads.values()) > self.threshold
        if not uneven or (self._samples and loads.keys() != self._sums.keys()):
            self.forget()
            return False
        if self.since is None:
            self.since = now
        for worker, load in loads.items():
            self._sums[worker] = self._sums.get(worker, 0.0) + load
        self._samples += 1
        return now - self.since >= self.hold_s

    def forget(self) -> None:
        """Begin anew."""
        self.since = None
        self._sums.clear()
        self._samples = 0

    def means(self) -> dict[int, float]:
        """Give the mean loads of the time in which they were uneven."""
        return {worker: total / self._samples for worker, total in self._sums.items()}


def best_move(loads: Mapping[int, float], mounts: Iterable[MountLoad], threshold: float) -> Move | None:
    """Find the mount of the busiest worker that evens it best with the idlest one.

    If none does so by enough, one of the next busiest worker, as long as that is loaded unevenly too.
    """
    target = min(loads, key=lambda worker: (loads[worker], worker))
    mounts = [mount for mount in mounts if not mount.rests and mount.points > 0]
    for source in sorted(loads, key=lambda worker: (-loads[worker], worker)):
        if loads[source] - loads[target] <= threshold:
            return None
        moves = (_move(loads, mount, target) for mount in mounts if mount.worker == source)
        best = min(moves, key=lambda move: (move.left, move.path), default=None)
        if best is not None and best.left <= loads[source] - loads[target] - LEAST_GAIN * threshold:
            return best
    return None


def _move(loads: Mapping[int, float], mount: MountLoad, target: int) -> Move:
    before = (loads[mount.worker], loads[target])
    return Move(mount.path, mount.worker, target, before, (before[0] - mount.points, before[1] + mount.points))
