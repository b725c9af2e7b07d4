"""What mounts and sessions amount to, as workers count it: totals that never fall.

A worker counts from a mount's begin there, and goes on where another one has stopped if the mount was moved. After a
death the next worker begins anew: what the dead one had told stays, here and in the records for the next front.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from workers.contract.reports import TrackState


@dataclass(slots=True)
class Total:
    """One count: what earlier workers told, and what the present one has told."""

    before: int = 0
    told: int = 0

    def take(self, count: int) -> None:
        """Take a worker's word; what it said earlier may be heard later."""
        self.told = max(self.told, count)

    def begin_anew(self) -> None:
        """Let another worker count from zero."""
        self.before += self.told
        self.told = 0

    @property
    def value(self) -> int:
        """The count of all workers."""
        return self.before + self.told


@dataclass(slots=True)
class TrackTotals:
    """One track: packets and bytes that came, and packets that were lost on the way by RTP sequence."""

    packets: Total = field(default_factory=Total)
    bytes: Total = field(default_factory=Total)
    lost: Total = field(default_factory=Total)
    now: TrackState | None = None
    """As its worker has told of it last."""

    def take(self, state: TrackState) -> None:
        """Take a worker's word."""
        self.now = state
        self.packets.take(state.packets_in)
        self.bytes.take(state.bytes_in)
        self.lost.take(state.lost)

    def begin_anew(self) -> None:
        """Let another worker count from zero."""
        for each in (self.packets, self.bytes, self.lost):
            each.begin_anew()


@dataclass(slots=True)
class MountTotals:
    """What came from a mount's publishers, by track."""

    tracks: list[TrackTotals] = field(default_factory=list)

    @classmethod
    def restored(cls, counted: Collection[tuple[int, int, int]]) -> "MountTotals":
        """Go on from what a record says of the workers before."""
        return cls([TrackTotals(Total(packets), Total(octets), Total(lost)) for packets, octets, lost in counted])

    def track(self, index: int) -> TrackTotals:
        """Give one track's, though nothing may have been told of it yet."""
        self.tracks += [TrackTotals() for _ in range(len(self.tracks), index + 1)]
        return self.tracks[index]

    def take(self, states: Collection[TrackState]) -> None:
        """Take a worker's word on all tracks; none means that nothing has changed."""
        for index, state in enumerate(states):
            self.track(index).take(state)

    def begin_anew(self) -> None:
        """Let another worker count from zero."""
        for each in self.tracks:
            each.begin_anew()

    @property
    def counted_before(self) -> tuple[tuple[int, int, int], ...]:
        """What workers before the present one have counted, for a record."""
        return tuple((each.packets.before, each.bytes.before, each.lost.before) for each in self.tracks)

    @property
    def packets(self) -> int:
        """The packets of all tracks."""
        return sum(each.packets.value for each in self.tracks)
