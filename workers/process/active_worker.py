"""What a worker has from the moment on that a front first takes it on."""

from dataclasses import dataclass

from workers.connections.table import Connections
from workers.mounts.moving import Moves
from workers.mounts.table import MountTable
from workers.process.commands import Control
from workers.runtime.resources import Resources


@dataclass(frozen=True, slots=True, eq=False)
class ActiveWorker:
    """The parts that carry media and connections, and the one that does with them what the front says."""

    resources: Resources
    mounts: MountTable
    connections: Connections
    moves: Moves
    control: Control

    @property
    def is_empty(self) -> bool:
        """Whether nobody would miss it."""
        return not (self.mounts or self.connections or self.moves)

    @property
    def is_waiting(self) -> bool:
        """Whether something is queued to be written."""
        return bool(self.mounts.waiting or self.connections.waiting)

    def sweep(self, now: float) -> None:
        """Look after what has only time to tell it."""
        self.mounts.sweep(now)
        self.moves.sweep(now)
        self.connections.sweep(now)

    def stop_reading(self) -> None:
        """Take nothing in any more."""
        self.mounts.stop_reading()
        self.connections.stop_reading()

    def close(self, now: float, *, goes_on: bool) -> None:
        """Let go of everything; what goes on elsewhere hears no goodbye."""
        self.connections.close_all("the worker ends", leave_unused=goes_on)
        self.mounts.close_all(now, goodbye=not goes_on)
