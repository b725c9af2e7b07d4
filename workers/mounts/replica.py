"""A mount that more than one worker fans out: the owner's tap for a replica, and what a replica knows of the mount.

A replica is a mount whose publisher is a burst channel from the owner, and whose sockets are duplicates of the owner's:
readers see one pair of ports. Only the owner reads them, so it knows the replica's UDP readers too; where a NAT has
changed a reader's port it tells the replica by the channel, which needs no front and stays in step with the stream.
What interleaved readers send comes to the replica, and goes to the owner the same way.
"""

import os
import socket
from collections.abc import Callable, Mapping, Sequence

from workers.channel import ChannelBurst, Kind
from workers.connections.connection import Connection
from workers.contract.events import ChannelEnded
from workers.contract.image import REPLICA, FeedImage, ReplicaImage
from workers.contract.replies import ReplicaOffered
from workers.contract.reports import MountReport
from workers.fanout.burst import packets_of
from workers.mounts.carried import CarriedMount, OnFailure
from workers.mounts.owned import OwnedMount
from workers.publishers.program import ChannelEvents, ProgramPublisher
from workers.readers.udp import UdpReaderTrack
from workers.runtime.pipe import Pipe
from workers.runtime.resources import Resources
from workers.sockets.descriptors import Descriptors
from workers.streams.port import Port


def image_for_replica(mount: OwnedMount, name: str) -> bytes:
    """Say what a replica has to know at this point of the stream: the channel brings what follows."""
    tracks = tuple(each.stream.for_replica() for each in mount.tracks)
    feed = FeedImage(name, senders=[None] * len(tracks))  # the owner's reports come through the channel
    return REPLICA.pack(ReplicaImage(mount.path, mount.generation, tracks, feed))


class ReplicaMount(CarriedMount):
    """A mount that another worker owns: that one reads the sockets, and publishes here through a channel."""

    def __init__(
        self, state: ReplicaImage, sockets: Sequence[socket.socket], resources: Resources, on_failure: OnFailure
    ) -> None:
        super().__init__(state, sockets, resources, on_failure)
        self._state = state
        self._resources = resources
        self._ports: list[Port] = []
        for track in self.tracks:
            stream = track.stream
            for image, outputs in zip((stream.state.rtp, stream.state.rtcp), stream.outputs, strict=True):
                self._ports.append(Port(image, outputs, resources.loop, self.fail))
        self._owner: ProgramPublisher | None = None
        if state.feed is not None:
            events = ChannelEvents(self._take_owners, self._on_owner_ended)
            self._owner = ProgramPublisher(state.feed, sockets[len(self._ports)], self.tracks, resources, events)

    @property
    def ports(self) -> Sequence[Port]:
        """The owner's sockets, to send by."""
        return self._ports

    @property
    def pipes(self) -> list[Pipe]:
        """The channel to the owner."""
        return [] if self._owner is None else [self._owner.pipe]

    def _take_owners(self, burst: ChannelBurst, now: float) -> None:
        """Take what the owner sends for one reader of this replica; another replica may be the one that has it."""
        transport = self.readers.find(burst.session, burst.track)
        for packet in (each for run in burst.runs for each in packets_of(run)):
            if burst.kind is not Kind.ADDRESS:
                if transport is not None:
                    transport.write(burst.kind, packet, now)
            elif isinstance(transport, UdpReaderTrack):
                transport.correct_as_told(packet, now)

    def _on_owner_ended(self, reason: str) -> None:
        """Send nothing more: the front closes it."""
        if self._state.feed is not None:
            name = self._state.feed.session
            self._let_go(self._resources.loop.clock())
            self._resources.tell(ChannelEnded(self.path, self.generation, name, reason[:1024]))

    def stop_reading(self) -> None:
        """Take nothing from the owner any more; what waits is still sent."""
        for each in self.pipes:
            each.stop_reading()

    def _let_go(self, now: float) -> None:
        if self._owner is not None:
            self._owner.end()
        self._owner = self._state.feed = None

    def pack(self) -> ReplicaImage:
        self._pack_ports()
        self._state.readers = self.readers.pack()
        return self._state

    def go_on(self, connections: Mapping[str, Connection], now: float) -> None:
        self.readers.go_on(self._state.readers, connections, now)
        self._go_on_ports()

    def describe(self, *, records: bool = False) -> MountReport:
        """Describe it as it is now; with what a new front needs to know of it, if `records` are asked for."""
        return MountReport(
            self.path,
            self.generation,
            "" if self._state.feed is None else self._state.feed.session,
            False,
            tuple(each.stream.describe() for each in self.tracks),
            tuple(each.describe(records=records) for each in self.readers),
            record=self._state.record if records else b"",
        )

    def tell_failure(self) -> None:
        """Let the front hear of it as of an owner that died."""
        self._resources.tell(ChannelEnded(self.path, self.generation, "", "internal error"))


class Offers:
    """Replicas whose descriptors are on their way up to the front."""

    def __init__(self, descriptors: Descriptors) -> None:
        self._descriptors = descriptors
        self._offers: dict[str, list[int]] = {}

    def send(self, name: str, mount: OwnedMount, reply: Callable[[ReplicaOffered], None], now: float) -> None:
        """Make a channel, tap the mount from here on, and send duplicates of all that a replica needs."""
        image = image_for_replica(mount, name)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        copies: list[int] = []
        try:
            # Duplicates of our own: what is sent late may have been closed, and its number be another's by then.
            for each in mount.media_sockets:
                copies.append(os.dup(each.fileno()))
        except OSError:
            for copy in copies:
                os.close(copy)
            ours.close()
            theirs.close()
            raise
        copies.append(theirs.detach())
        mount.replicate(name, ours, now)
        self._offers[name] = copies

        def sent() -> None:
            self._close(name)
            reply(ReplicaOffered(image, len(copies)))

        self._descriptors.send(name, copies, sent)

    def _close(self, name: str) -> None:
        for each in self._offers.pop(name, []):
            os.close(each)

    def end(self) -> None:
        """Take back what was not sent yet: the front is gone. The taps hear it from their channels' other ends."""
        for name in list(self._offers):
            self._close(name)
