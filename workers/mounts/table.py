"""All mounts of this worker, by path; an older generation never undoes what a newer one has done."""

import errno
import os
import socket
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from workers.contract.codec import ContractError
from workers.contract.commands import OpenMount, OpenReplica
from workers.contract.events import ChannelEnded, MediaSilent
from workers.contract.image import MOUNT, MountImage
from workers.contract.parts import Refusal
from workers.contract.reports import MountState
from workers.mounts.image import sockets_of
from workers.mounts.mount import Mount
from workers.runtime.refusal import RefusedError
from workers.runtime.resources import Resources
from workers.sockets.udp_pairs import bind_pair
from workers.streams.track import Track

MOST_REMEMBERED = 10_000
"""Closed mounts whose generation is remembered, so that a late repetition of their OpenMount stays without effect."""
MOUNTS_IN_PART = 500
READERS_IN_PART = 2000
RECORDS_IN_PART = 1024 * 1024
"""Bounds of one part of a report: about 200 kB, which the loop makes in a few milliseconds; with records (of which a
mount's carries its description) a megabyte."""


class Mounts:
    """The worker's mounts."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._by_path: dict[str, Mount] = {}
        self._closed: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_path)

    def __iter__(self) -> Iterator[Mount]:
        return iter(self._by_path.values())

    def forget_history(self) -> None:
        """Forget the generations of closed mounts: another front counts from what it finds here."""
        self._closed.clear()

    def find(self, path: str, generation: int) -> Mount:
        """Give a mount in exactly this generation; raises RefusedError if there is none."""
        mount = self._by_path.get(path)
        if mount is not None and generation < mount.generation:
            raise RefusedError(Refusal.STALE, f"{path} is at generation {mount.generation}, this was {generation}")
        if mount is None or generation > mount.generation:
            raise RefusedError(Refusal.UNKNOWN_MOUNT, f"{path} generation {generation} is not here")
        return mount

    def open(self, command: OpenMount, now: float) -> tuple[int, ...]:
        """Bind the ports of a mount, those that it names if any, and give the RTP ports; those it has if it is open.

        Raises RefusedError, with nothing kept, for an old generation or if the ports don't suffice.
        """
        held = self._by_path.get(command.path)
        newest = max(held.generation if held is not None else -1, self._closed.get(command.path, -1))
        if held is not None and held.generation == command.generation:
            return tuple(each.rtp_port for each in held.tracks)
        if command.generation <= newest:
            reason = f"{command.path} was at generation {newest} already, this was {command.generation}"
            raise RefusedError(Refusal.STALE, reason)
        if command.ports and len(command.ports) != len(command.tracks):
            raise RefusedError(Refusal.FAILED, f"{len(command.ports)} ports for {len(command.tracks)} tracks")
        if held is not None:
            self._close(held, now)
        mount = Mount(command.path, command.generation, self._resources, self._fail)
        try:
            for index, spec in enumerate(command.tracks):
                port, sockets = (
                    self._bind_same(command.ports[index]) if command.ports else self._bind(command.path, now)
                )
                mount.tracks.append(Track(index, spec, port, sockets, mount.addresses, self._resources))
            if command.streams:
                mount.follow(command.streams)
        except BaseException:
            mount.close(now, used=False)
            raise
        self._by_path[command.path] = mount
        return tuple(each.rtp_port for each in mount.tracks)

    def lend_ports(self, mounts: Iterable[Mount]) -> None:
        """Keep the ports of mounts that another worker carries from now on, until the front says otherwise."""
        ports, now = self._resources.ports, self._resources.loop.clock()
        gone = [port for mount in mounts for port in mount.own_ports]
        ports.lend([*ports.lent, *gone], now)
        for port in gone:
            ports.give_back(port, now)

    def get(self, path: str) -> Mount | None:
        """Give the mount on a path, in whatever generation."""
        return self._by_path.get(path)

    def take_out(self, mount: Mount) -> None:
        """Know nothing of a mount while it is suspended."""
        del self._by_path[mount.path]

    def put_in(self, mount: Mount, now: float) -> None:
        """Carry on with a suspended mount, from here or another worker; one that was closed meanwhile is closed."""
        for port in mount.own_ports:
            self._resources.ports.claim(port)
        held = self._by_path.get(mount.path)
        if mount.generation <= max(-1 if held is None else held.generation, self._closed.get(mount.path, -1)):
            mount.close(now)
            return
        if held is not None:
            self._close(held, now)
        self._by_path[mount.path] = mount
        try:
            mount.resume()
        except Exception as error:
            self._fail(mount, error)

    def make(self, image: MountImage, descriptors: list[int]) -> Mount:
        """Make a suspended mount of its image; it is nobody's before `put_in`. Takes the descriptors: RTP and RTCP of
        each track, then its feed's and its taps'. Raises RefusedError where the tracks' are of another family than this
        worker's."""
        resources = self._resources
        sockets = [socket.socket(fileno=each) for each in descriptors]
        mount = Mount(image.path, image.generation, resources, self._fail, replica=image.replica)
        on_failure = mount.fail if image.replica else None
        for index, told in enumerate(image.tracks):
            pair = (sockets[2 * index], sockets[2 * index + 1])
            mount.tracks.append(Track(index, told.spec, told.rtp_port, pair, mount.addresses, resources, on_failure))
        ours = 2 * len(image.tracks)
        mount.adopt(image, sockets[ours:])
        if any(each.family != resources.family.number for each in sockets[:ours]):
            mount.detach()
            raise RefusedError(Refusal.FAILED, f"{image.path} has sockets of another address family")
        return mount

    def open_replica(self, command: OpenReplica, descriptors: list[int], now: float) -> None:
        """Carry a mount on that another worker owns, beside it. Takes the descriptors; raises RefusedError."""
        try:
            held = self._by_path.get(command.path)
            if held is not None and held.generation == command.generation:
                return
            try:
                image = MOUNT.unpack(command.image)
            except ContractError as error:
                raise RefusedError(Refusal.FAILED, f"the image can't be read: {error}") from error
            expected = sockets_of(image)
            if not image.replica or len(descriptors) != expected:
                reason = f"{len(descriptors)} of {expected} descriptors came; too few may be allowed (ulimit -Hn)"
                raise RefusedError(Refusal.NO_DESCRIPTOR, reason)
            image = replace(image, path=command.path, generation=command.generation)
            taken, descriptors = descriptors, []
            mount = self.make(image, taken)
        finally:
            for each in descriptors:
                os.close(each)
        mount.restore(image, {}, now)
        mount.remember(command.record)
        self.put_in(mount, now)

    def _bind(self, path: str, now: float) -> tuple[int, tuple[socket.socket, socket.socket]]:
        ports = self._resources.ports
        while (port := ports.take(now)) is not None:
            try:
                sockets = self._bind_pair(port)
            except BaseException:
                ports.give_back(port, now, rested=True)
                raise
            if sockets is not None:
                return port, sockets
            ports.give_back(port, now)  # another program's: skipped, and tried again after a rest
        raise RefusedError(Refusal.NO_PORTS, f"no RTP port pair is free for {path}")

    def _bind_same(self, port: int) -> tuple[int, tuple[socket.socket, socket.socket]]:
        """Bind the pair that a mount had on another worker: its publisher and readers know no other."""
        sockets = self._bind_pair(port)
        if sockets is None:
            raise RefusedError(Refusal.NO_PORTS, f"port {port} or {port + 1} is in use")
        self._resources.ports.claim(port)
        return port, sockets

    def _bind_pair(self, port: int) -> tuple[socket.socket, socket.socket] | None:
        try:
            return bind_pair(self._resources.family, self._resources.bind_address, port)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            reason = "no descriptor is left for a socket: raise the hard limit (ulimit -Hn, LimitNOFILE=)"
            raise RefusedError(Refusal.FAILED, reason) from error

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

    def _close(self, mount: Mount, now: float) -> None:
        del self._by_path[mount.path]
        mount.close(now)

    def _fail(self, mount: Mount, error: Exception) -> None:
        """Close one mount that met an error; the front hears of it as of a publisher that died."""
        self._resources.logger.error(
            "mount failed", extra={"mount": mount.path, "generation": mount.generation}, exc_info=error
        )
        if self._by_path.get(mount.path) is mount:
            self._close(mount, self._resources.loop.clock())
            if mount.replica:
                self._resources.tell(ChannelEnded(mount.path, mount.generation, "", "internal error"))
            else:
                self._resources.tell(MediaSilent(mount.path, mount.generation))

    def sweep(self, now: float) -> None:
        """Look after every mount."""
        for mount in list(self._by_path.values()):
            try:
                mount.sweep(now)
            except Exception as error:
                self._fail(mount, error)

    def close_all(self, now: float, *, goodbye: bool) -> None:
        """Close every mount; without a `goodbye` its readers don't hear that their stream has ended."""
        for mount in list(self._by_path.values()):
            del self._by_path[mount.path]
            mount.close(now, goodbye=goodbye)

    @property
    def reader_count(self) -> int:
        """How many readers all mounts have."""
        return sum(each.reader_count for each in self._by_path.values())

    def busiest(self) -> tuple[str, float]:
        """Name the mount that most was delivered for since the last time, and its share; "" where nothing was."""
        delivered = {path: mount.delivered_since() for path, mount in self._by_path.items()}
        whole = sum(delivered.values())
        if not whole:
            return "", 0.0
        path = max(delivered, key=delivered.__getitem__)
        return path, delivered[path] / whole

    @property
    def lost(self) -> int:
        """How many packets the publishers' sequence numbers say were lost, in the mounts that are open."""
        return sum(track.lost for mount in self._by_path.values() for track in mount.tracks)

    @property
    def waiting(self) -> bool:
        """Whether packets wait for room in a send buffer."""
        return any(
            track.rtp_fan.is_waiting or track.rtcp_fan.is_waiting
            for mount in self._by_path.values()
            for track in mount.tracks
        )

    def stop_reading(self) -> None:
        """Read no media any more."""
        for mount in self._by_path.values():
            mount.stop_reading()

    def state_of(self, path: str) -> tuple[MountState, ...]:
        """Describe one mount, if it is here."""
        mount = self._by_path.get(path)
        return () if mount is None else (mount.state(),)

    def state_parts(self, *, records: bool = False) -> Iterator[tuple[MountState, ...]]:
        """Describe all mounts, in parts of bounded size; one part at least. With what a front has told to remember, if
        `records` are asked for."""
        part: list[MountState] = []
        readers = described = 0
        for mount in self._by_path.values():
            part.append(mount.state(records=records))
            readers += len(mount.readers)
            described += len(part[-1].record)
            if len(part) >= MOUNTS_IN_PART or readers >= READERS_IN_PART or described >= RECORDS_IN_PART:
                yield tuple(part)
                part, readers, described = [], 0, 0
        yield tuple(part)
