"""Mounts: a path with its tracks, its publisher and its readers, and the directory that finds it by its path."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from router.link.placement import Placement
from router.link.worker import Worker
from router.rtsp.errors import PeerError
from router.rtsp.sdp import SdpDocument
from router.state.figures import MountTotals
from router.state.mount_state import READABLE, MountChange, MountLife, MountState
from workers.contract.parts import Format, TrackSpec

ENCODING_CHARACTERS = 64
"""What workers are told of an encoding's name: those that mean anything to them are shorter."""


class Source(Protocol):
    """A program that publishes a mount, in the place of a session."""

    @property
    def id(self) -> str:
        """Names it as a session's id names a publisher."""

    def worker_lost(self) -> None:
        """Take note that the mount's worker died, or knows nothing of the mount."""

    def mount_closed(self, reason: str) -> None:
        """Take note that the mount was closed."""

    def readers_changed(self) -> None:
        """Take note that a reader begins to play, or has left."""


@dataclass(eq=False, slots=True)
class FanoutPoint:
    """Where readers are served: a mount at the worker that owns it, or a replica of it. Times are monotonic seconds.

    A worker knows it by `path` and `generation`, which tells this one from an earlier one on the same path. `readers`
    are session ids; a reader is one from its first SETUP on.
    """

    path: str
    generation: int
    since: float
    """When its mount began: nothing is known of the load that it brings before."""
    placement: Placement = field(default_factory=Placement, kw_only=True)
    readers: set[str] = field(default_factory=set, kw_only=True)
    moved: float | None = field(default=None, kw_only=True)
    """When it was moved last."""
    figures: MountTotals = field(default_factory=MountTotals, kw_only=True)
    """What came, as its workers have counted it."""

    @property
    def closed(self) -> bool:
        return self.placement.closed

    @property
    def worker(self) -> Worker | None:
        """The worker that has it; None while it is on its way, and where nobody has it."""
        return self.placement.worker


@dataclass(eq=False, slots=True)
class Mount(FanoutPoint):
    """One mount; its `readers` are those at its replicas too. `publisher` is a session id."""

    description: SdpDocument
    publisher: str = ""
    source: Source | None = None
    """Publishes it where no session does."""
    rtp_ports: tuple[int, ...] = ()
    streams: bytes = b""
    """What its worker has told of how its streams follow those of publishers before, for the worker after that."""
    groups: tuple[str, ...] = ()
    """Its tracks' multicast groups, from the first SETUP that asks for one on."""
    range: str | None = None
    """The publisher's `Range` of RECORD, passed on to readers."""
    life: MountLife = field(init=False)
    """Where it stands: only `change` moves it on."""
    description_version: int = 1
    """How many descriptions it has had: readers must be able to tell a new one (RFC 4566 section 5.2)."""
    last_publisher: str = ""
    """The last session that has begun to record; it may have ended."""
    last_record: bytes = b""
    """What the next front has to know of that session."""
    worker_lost_at: list[float] = field(default_factory=list)
    """When it lost its worker, of late."""
    replica_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while it gets one more replica: readers that come meanwhile wait for that one."""
    replicas: "list[Replica]" = field(default_factory=list)
    """Where other workers fan it out."""

    def __post_init__(self) -> None:
        self.life = MountLife(MountState.ANNOUNCED, self.since)

    def describe(self, description: SdpDocument) -> None:
        """Have another description in the place of the one before."""
        if description != self.description:
            self.description = description
            self.description_version += 1

    def change(self, change: MountChange, now: float) -> None:
        """Let its state follow from what happens to it. Raises ImpossibleChange."""
        self.life = self.life.after(change, now)

    @property
    def state(self) -> MountState:
        return self.life.state

    @property
    def readable(self) -> bool:
        """Whether readers may have it."""
        return self.life.state in READABLE

    def tracks(self) -> tuple[TrackSpec, ...]:
        """Tell the worker what each track may carry."""
        return tuple(
            TrackSpec(
                tuple(
                    Format(number, media.clock_rates[number], media.encodings.get(number, "")[:ENCODING_CHARACTERS])
                    for number in media.formats
                ),
                back_channel,
            )
            for media, back_channel in zip(self.description.medias, self.description.back_channels, strict=True)
        )


class Replica(FanoutPoint):
    """Another worker that fans a mount out; `path` is its own, as that worker knows it."""

    __slots__ = ("empty_since", "mount", "name")

    def __init__(self, name: str, mount: Mount, path: str, worker: Worker) -> None:
        super().__init__(path, mount.generation, mount.since, placement=Placement(worker))
        self.name = name
        self.mount = mount
        self.empty_since: float | None = None
        """Since when it has had no readers."""


REPLICA_PREFIX = "replica:"
LONGEST_PATH = 2048
"""As the contract bounds it; a replica's path is cut there, as its name tells it from all others."""


def replica_path(name: str, path: str) -> str:
    """Name a replica among the mounts of a worker; no URL can, for those begin with a slash."""
    return f"{REPLICA_PREFIX}{name}:{path}"[:LONGEST_PATH]


class Mounts:
    """The directory of mounts, by path."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_path: dict[str, Mount] = {}
        self._replicas: dict[str, Replica] = {}
        # Wall time, so that a later front's mounts are newer than what an earlier one left on the workers.
        self._generation = time.time_ns()

    def __len__(self) -> int:
        return len(self._by_path)

    def __iter__(self) -> Iterator[Mount]:
        return iter(list(self._by_path.values()))

    def get(self, path: str) -> Mount | None:
        return self._by_path.get(path)

    def place(self, path: str) -> FanoutPoint | None:
        """Find a mount, or a replica of one, by its path at its worker."""
        return self._by_path.get(path) or self._replicas.get(path)

    def places(self) -> list[FanoutPoint]:
        return [*self._by_path.values(), *self._replicas.values()]

    def replicas(self) -> list[Replica]:
        return list(self._replicas.values())

    def add_replica(self, replica: Replica) -> None:
        """Let a mount have one more replica."""
        self._replicas[replica.path] = replica
        replica.mount.replicas.append(replica)

    def remove_replica(self, replica: Replica) -> None:
        """Forget a replica."""
        replica.placement.close()
        del self._replicas[replica.path]
        replica.mount.replicas.remove(replica)

    def add(self, path: str, description: SdpDocument, now: float) -> Mount:
        """Take a free path.

        Raises:
            PeerError: 503 at the limit.
        """
        if len(self._by_path) >= self._most:
            raise PeerError(503, f"all {self._most} mounts are taken")
        assert path not in self._by_path
        self._generation += 1
        mount = Mount(path, self._generation, now, description)
        self._by_path[path] = mount
        return mount

    def restore(self, mount: Mount) -> None:
        """Know a mount again that an earlier front has made; whatever the limit, and its generation is never used."""
        assert mount.path not in self._by_path
        self._by_path[mount.path] = mount
        # The clock may have been set back since.
        self._generation = max(self._generation, mount.generation)

    def remove(self, mount: Mount) -> None:
        """Free a mount's path; its replicas are none any more."""
        mount.placement.close()
        mount.change(MountChange.CLOSE, mount.life.since)
        for replica in list(mount.replicas):
            self.remove_replica(replica)
        if self._by_path.get(mount.path) is mount:
            del self._by_path[mount.path]
