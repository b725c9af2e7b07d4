"""All mounts of this worker, by path; an older generation never undoes what a newer one has done."""

import os
import socket
from collections import OrderedDict
from collections.abc import Iterable, Iterator

from workers.contract.codec import ContractError
from workers.contract.commands import OpenMount, OpenReplica
from workers.contract.image import REPLICA, FeedImage, MountImage, ReplicaImage, TrackImage
from workers.contract.parts import Refusal
from workers.contract.reports import MountReport
from workers.mounts.binding import bind_ports
from workers.mounts.carried import CarriedMount
from workers.mounts.owned import OwnedMount
from workers.mounts.replica import ReplicaMount
from workers.runtime.refusal import RefusedError
from workers.runtime.resources import Resources
from workers.streams.reports import new_reports

MOST_REMEMBERED = 10_000
"""Closed mounts whose generation is remembered, so that a late repetition of their OpenMount stays without effect."""
MOUNTS_IN_PART = 500
READERS_IN_PART = 2000
RECORDS_IN_PART = 1024 * 1024
"""Bounds of one part of a report: about 200 kB, which the loop makes in a few milliseconds; with records (of which a
mount's carries its description) a megabyte."""


class MountTable:
    """The worker's mounts."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._by_path: dict[str, CarriedMount] = {}
        self._closed: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_path)

    def __iter__(self) -> Iterator[CarriedMount]:
        return iter(self._by_path.values())

    def forget_history(self) -> None:
        """Forget the generations of closed mounts: another front counts from what it finds here."""
        self._closed.clear()

    def find(self, path: str, generation: int) -> CarriedMount:
        """Give a mount in exactly this generation; raises RefusedError if there is none."""
        mount = self._by_path.get(path)
        if mount is not None and generation < mount.generation:
            raise RefusedError(Refusal.STALE, f"{path} is at generation {mount.generation}, this was {generation}")
        if mount is None or generation > mount.generation:
            raise RefusedError(Refusal.UNKNOWN_MOUNT, f"{path} generation {generation} is not here")
        return mount

    def find_owned(self, path: str, generation: int) -> OwnedMount:
        """Give a mount that is no replica, as `find` does."""
        mount = self.find(path, generation)
        if not isinstance(mount, OwnedMount):
            raise RefusedError(Refusal.UNKNOWN_MOUNT, f"{path} is a replica here")
        return mount

    def open(self, command: OpenMount, now: float) -> tuple[int, ...]:
        """Bind the ports of a mount, those that it names if any, and give the RTP ports; those it has if it is open.

        Raises RefusedError, with nothing kept, for an old generation or if the ports don't suffice.
        """
        held = self._by_path.get(command.path)
        newest = max(held.generation if held is not None else -1, self._closed.get(command.path, -1))
        if held is not None and held.generation == command.generation:
            return tuple(held.own_ports)
        if command.generation <= newest:
            reason = f"{command.path} was at generation {newest} already, this was {command.generation}"
            raise RefusedError(Refusal.STALE, reason)
        if command.ports and len(command.ports) != len(command.tracks):
            raise RefusedError(Refusal.FAILED, f"{len(command.ports)} ports for {len(command.tracks)} tracks")
        if held is not None:
            self._close(held, now)
        mount = self._make(command, now)
        try:
            if command.streams:
                mount.publishing.follow(command.streams)
        except BaseException:
            self._let_go(mount, now, used=False)
            raise
        self._by_path[command.path] = mount
        mount.resume(now)
        return tuple(mount.own_ports)

    def _make(self, command: OpenMount, now: float) -> OwnedMount:
        resources = self._resources
        bound = bind_ports(command, resources, now)
        tracks = tuple(
            TrackImage(spec, port, new_reports(resources.name, resources.randomness))
            for spec, (port, _) in zip(command.tracks, bound, strict=True)
        )
        state = MountImage(
            command.path,
            command.generation,
            tracks,
            record=command.record,
            last_publisher=command.last_publisher,
            last_record=command.last_record,
        )
        return OwnedMount(state, [sock for _, pair in bound for sock in pair], resources, self._fail)

    def lend_ports(self, mounts: Iterable[CarriedMount]) -> None:
        """Keep the ports of mounts that another worker carries from now on, until the front says otherwise."""
        ports, now = self._resources.ports, self._resources.loop.clock()
        gone = [port for mount in mounts for port in mount.own_ports]
        ports.lend([*ports.lent, *gone], now)
        for port in gone:
            ports.give_back(port, now)

    def get(self, path: str) -> CarriedMount | None:
        """Give the mount on a path, in whatever generation."""
        return self._by_path.get(path)

    def take_out(self, mount: CarriedMount) -> None:
        """Know nothing of a mount while it is suspended."""
        del self._by_path[mount.path]

    def put_in(self, mount: CarriedMount, now: float) -> None:
        """Carry on with a suspended mount, from here or another worker; one that was closed meanwhile is closed."""
        for port in mount.own_ports:
            self._resources.ports.claim(port)
        held = self._by_path.get(mount.path)
        if mount.generation <= max(-1 if held is None else held.generation, self._closed.get(mount.path, -1)):
            self._let_go(mount, now)
            return
        if held is not None:
            self._close(held, now)
        self._by_path[mount.path] = mount
        try:
            mount.resume(now)
        except Exception as error:
            self._fail(mount, error)

    def make(self, state: MountImage | ReplicaImage, descriptors: list[int]) -> CarriedMount:
        """Make a suspended mount around its state; it is nobody's before `put_in`. Takes the descriptors, in the order
        in which they travel. Raises RefusedError where the tracks' are of another family than this worker's."""
        sockets = [socket.socket(fileno=each) for each in descriptors]
        if any(each.family != self._resources.family.number for each in sockets[: 2 * len(state.tracks)]):
            for each in sockets:
                each.close()
            raise RefusedError(Refusal.FAILED, f"{state.path} has sockets of another address family")
        if isinstance(state, MountImage):
            return OwnedMount(state, sockets, self._resources, self._fail)
        return ReplicaMount(state, sockets, self._resources, self._fail)

    def open_replica(self, command: OpenReplica, descriptors: list[int], now: float) -> None:
        """Carry a mount on that another worker owns, beside it. Takes the descriptors; raises RefusedError."""
        try:
            held = self._by_path.get(command.path)
            if held is not None and held.generation == command.generation:
                return
            try:
                state = REPLICA.unpack(command.image)
            except ContractError as error:
                raise RefusedError(Refusal.FAILED, f"the image can't be read: {error}") from error
            expected = count_sockets(state)
            if len(descriptors) != expected:
                reason = f"{len(descriptors)} of {expected} descriptors came; too few may be allowed (ulimit -Hn)"
                raise RefusedError(Refusal.NO_DESCRIPTOR, reason)
            state.path, state.generation, state.record = command.path, command.generation, command.record
            taken, descriptors = descriptors, []
            mount = self.make(state, taken)
        finally:
            for each in descriptors:
                os.close(each)
        mount.go_on({}, now)
        self.put_in(mount, now)

    def lend(self, ports: tuple[int, ...], now: float) -> None:
        """Give none of these ports out: other workers' mounts have them."""
        self._resources.ports.lend(ports, now)

    @property
    def lent_ports(self) -> tuple[int, ...]:
        """The ports of this worker's slice that other workers' mounts have."""
        return self._resources.ports.lent

    def close(self, path: str, generation: int, now: float) -> None:
        """Close a mount of this or an older generation; raises RefusedError if it is newer."""
        mount = self._by_path.get(path)
        if mount is not None:
            if generation < mount.generation:
                raise RefusedError(Refusal.STALE, f"{path} is at generation {mount.generation}, this was {generation}")
            self._close(mount, now)
        self._closed[path] = max(generation, self._closed.get(path, -1))
        self._closed.move_to_end(path)
        if len(self._closed) > MOST_REMEMBERED:
            self._closed.popitem(last=False)

    def _close(self, mount: CarriedMount, now: float) -> None:
        del self._by_path[mount.path]
        self._let_go(mount, now)

    def _let_go(self, mount: CarriedMount, now: float, *, used: bool = True, goodbye: bool = True) -> None:
        """Close a mount, and let its ports rest; those never announced (not `used`) skip the rest period."""
        mount.close(now, goodbye=goodbye)
        for port in mount.own_ports:
            self._resources.ports.give_back(port, now, rested=not used)

    def _fail(self, mount: CarriedMount, error: Exception) -> None:
        """Close one mount that met an error; the front hears of it as of a publisher that died."""
        self._resources.logger.error(
            "mount failed", extra={"mount": mount.path, "generation": mount.generation}, exc_info=error
        )
        if self._by_path.get(mount.path) is mount:
            self._close(mount, self._resources.loop.clock())
            mount.tell_failure()

    def sweep(self, now: float) -> None:
        for mount in list(self._by_path.values()):
            try:
                mount.sweep(now)
            except Exception as error:
                self._fail(mount, error)

    def close_all(self, now: float, *, goodbye: bool) -> None:
        """Close every mount; without a `goodbye` its readers don't hear that their stream has ended."""
        for mount in list(self._by_path.values()):
            del self._by_path[mount.path]
            self._let_go(mount, now, goodbye=goodbye)

    @property
    def reader_count(self) -> int:
        return sum(each.readers.served for each in self._by_path.values())

    def busiest(self) -> tuple[str, float]:
        """Name the mount that most was delivered for since the last time, and its share; "" where nothing was."""
        delivered = {path: mount.delivered_since() for path, mount in self._by_path.items()}
        whole = sum(delivered.values())
        if not whole:
            return "", 0.0
        path = max(delivered, key=delivered.__getitem__)
        return path, delivered[path] / whole

    @property
    def waiting(self) -> bool:
        return any(mount.is_waiting for mount in self._by_path.values())

    def stop_reading(self) -> None:
        for mount in self._by_path.values():
            mount.stop_reading()

    def state_of(self, path: str) -> tuple[MountReport, ...]:
        mount = self._by_path.get(path)
        return () if mount is None else (mount.describe(),)

    def state_parts(self, *, records: bool = False) -> Iterator[tuple[MountReport, ...]]:
        """Describe all mounts, in parts of bounded size; one part at least. With what a front has told to remember, if
        `records` are asked for."""
        part: list[MountReport] = []
        readers = described = 0
        for mount in self._by_path.values():
            part.append(mount.describe(records=records))
            readers += len(mount.readers)
            described += len(part[-1].record)
            if len(part) >= MOUNTS_IN_PART or readers >= READERS_IN_PART or described >= RECORDS_IN_PART:
                yield tuple(part)
                part, readers, described = [], 0, 0
        yield tuple(part)


def count_sockets(state: MountImage | ReplicaImage) -> int:
    """Count the sockets that travel beside the state of a mount."""
    of_tracks = 2 * len(state.tracks)
    if isinstance(state, ReplicaImage):
        return of_tracks + (state.feed is not None)
    return of_tracks + isinstance(state.publisher, FeedImage) + len(state.taps)
