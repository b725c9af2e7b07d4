"""What a worker has from the moment on that a front first takes it on."""

from collections.abc import Callable
from dataclasses import dataclass, field

from workers.connections.table import Connections
from workers.contract.commands import Welcome
from workers.contract.messages import Event
from workers.fanout.receive import Receiver
from workers.mounts.moving import Moves
from workers.mounts.replica import Offers
from workers.mounts.table import MountTable
from workers.process.listeners import KeptListeners
from workers.runtime.resources import Resources
from workers.runtime.runtime import Runtime
from workers.sockets.addresses import family_for
from workers.sockets.descriptors import Descriptors
from workers.sockets.ports import PortPairs

MOST_NOTES = 10_000
"""Ends that a front has not told its handlers of: as many as wait for one of them (`router/handlers/calls.py`)."""


@dataclass(slots=True, eq=False)
class ActiveWorker:
    """The parts that carry media and connections."""

    resources: Resources
    descriptors: Descriptors
    mounts: MountTable
    connections: Connections
    moves: Moves
    offers: Offers
    listeners: KeptListeners
    notes: dict[str, bytes] = field(default_factory=dict)
    """What the front has yet to tell somebody, for the front after it."""
    draining: bool = False
    """No new mounts: this worker waits for what it carries to be moved away."""
    ending: bool = False
    """Nothing new at all."""

    @property
    def is_empty(self) -> bool:
        """Whether it carries nothing."""
        return not (self.mounts or self.connections or self.moves)

    @property
    def is_waiting(self) -> bool:
        return bool(self.mounts.waiting or self.connections.waiting)

    def keep_note(self, name: str, note: bytes) -> None:
        """Keep a note, and let go of the oldest where there are too many."""
        self.notes[name] = note
        if len(self.notes) > MOST_NOTES:
            del self.notes[next(iter(self.notes))]

    def apply(self, settings: Welcome) -> None:
        """Take over what another front (or the same one, said again) has set. The address family stays: sockets are
        bound in it, and a front whose host changes is another router."""
        resources = self.resources
        before, resources.settings = resources.settings, settings
        if slice_of(before) != slice_of(settings):
            lent = resources.ports.lent
            resources.ports = PortPairs(*slice_of(settings))
            for mount in self.mounts:
                for port in mount.own_ports:
                    resources.ports.claim(port)
            resources.ports.lend(lent, resources.loop.clock())
        self.mounts.forget_history()

    def front_died(self, now: float) -> None:
        """Take back what only that front could have finished."""
        self.offers.end()
        self.moves.end(now)

    def sweep(self, now: float) -> None:
        self.mounts.sweep(now)
        self.moves.sweep(now)
        self.connections.sweep(now)

    def stop_reading(self) -> None:
        self.mounts.stop_reading()
        self.connections.stop_reading()

    def close(self, now: float, *, goes_on: bool) -> None:
        """Let go of everything; what goes on elsewhere hears no goodbye."""
        self.connections.close_all("the worker ends", leave_unused=goes_on)
        self.mounts.close_all(now, goodbye=not goes_on)
        self.listeners.close()


def activate(
    runtime: Runtime, settings: Welcome, descriptors: Descriptors, tell: Callable[[Event], None]
) -> ActiveWorker:
    """Make the parts, as the front's settings want them. `tell` sends an event to the front."""
    family, bind_address = family_for(settings.bind_host)
    resources = Resources(
        loop=runtime.loop,
        counters=runtime.counters,
        logger=runtime.logger,
        tell=tell,
        settings=settings,
        family=family,
        bind_address=bind_address,
        receiver=Receiver(family),
        ports=PortPairs(*slice_of(settings)),
        name=runtime.incarnation,
    )
    resources.ports.lend(settings.lent_ports, runtime.loop.clock())
    mounts = MountTable(resources)
    connections = Connections(resources, descriptors)
    moves = Moves(mounts, connections, descriptors, runtime.logger)
    return ActiveWorker(resources, descriptors, mounts, connections, moves, Offers(descriptors), KeptListeners())


def slice_of(settings: Welcome) -> tuple[int, int, float]:
    """Give a worker's ports: the first, how many, and how long each pair rests after use, in seconds."""
    return settings.rtp_port_start, settings.rtp_port_count, settings.port_rest_s
