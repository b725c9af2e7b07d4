"""A mount at two workers: what readers get goes to the replica, what they send comes back."""

import contextlib
import socket
import struct
from collections.abc import Iterator

import pytest

from tests.support.worker_parts import FakeSocket, Parts, rtp, sockets
from workers.channel import Kind
from workers.contract.commands import Play, Record
from workers.contract.events import ChannelEnded
from workers.contract.image import PACKER, REPLICA, Image, ReplicaImage
from workers.contract.parts import TrackTransport, UdpTransport
from workers.mounts.owned import OwnedMount
from workers.mounts.replica import ReplicaMount, image_for_replica
from workers.mounts.table import count_sockets
from workers.rtp import rtcp
from workers.runtime.counters import Drop
from workers.runtime.loop import READ

READER = TrackTransport(0, UdpTransport("10.0.0.2", 7000, 7001))
WISH = rtcp.receiver_report(99, (), "reader") + struct.pack("!BBHII", 0x81, 206, 2, 99, 7)


class Scene:
    """An owner with a publisher that has sent two packets, then a replica with one reader."""

    def __init__(self) -> None:
        self.owners, self.replicas = Parts(), Parts()
        self.owner_fakes, real = sockets(2)
        self.owner = OwnedMount(self.owners.mount_state(), real, self.owners.resources, lambda mount, error: None)
        self.owner.resume(0.0)
        way = TrackTransport(0, UdpTransport("10.0.0.1", 6000, 6001))
        self.owner.publishing.record(Record("/cam", 1, "p", "c", None, (way,), b""), None, 0.0)
        self.send(1, 2)
        state = REPLICA.unpack(image_for_replica(self.owner, "n"))
        near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.owner.replicate("n", near, 0.0)
        self.replica, self.fakes = self.make(state, self.far)
        self.replica.readers.arm(Play("/r", 1, "r", "c", None, (READER,), b"", ()), None, 0.0)
        self.replica.readers.open_gate("r", 0.0)

    def make(self, state: ReplicaImage, channel: socket.socket) -> tuple[ReplicaMount, list[FakeSocket]]:
        fakes, real = sockets(2)
        assert count_sockets(state) == 3
        made = ReplicaMount(state, [*real, channel], self.replicas.resources, lambda mount, error: None)
        made.go_on({}, 0.0)
        made.resume(0.0)
        return made, fakes

    def send(self, *numbers: int) -> None:
        self.owner.tracks[0].stream.deliver_packets([rtp(each) for each in numbers], 1.0)

    def pass_on(self) -> None:
        """Let what is in the channel be read at both ends."""
        self.replica.pipes[0].ready(READ, 1.0)
        self.owner.pipes[0].ready(READ, 1.0)

    def close(self) -> None:
        for each in (self.owner, self.replica):
            each.close(2.0)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with contextlib.closing(Scene()) as made:
        yield made


def test_its_readers_get_what_the_owners_get_from_the_first_packet_on(scene: Scene) -> None:
    assert scene.replica.tracks[0].stream.numbers.next_packet(1.0)[0] == 3
    scene.send(3)
    scene.pass_on()
    assert scene.fakes[Kind.RTP].sent == [(rtp(3), 7000)]
    scene.replica.sweep(1.0)
    assert scene.replicas.told == [], "the owner tells that it is heard"
    assert scene.fakes[Kind.RTP].number not in scene.replicas.loop.watched, "the owner reads the sockets"
    assert scene.replica.own_ports == []


def test_what_its_readers_send_reaches_the_publisher(scene: Scene) -> None:
    transport = scene.replica.readers.find("r", 0)
    assert transport is not None
    transport.take_rtcp(WISH, 1.0)
    scene.pass_on()
    ((packet, port),) = scene.owner_fakes[Kind.RTCP].sent
    assert port == 6001
    assert packet.endswith(WISH[-12:])


def test_where_a_nat_has_moved_its_reader_the_owner_tells_it(scene: Scene) -> None:
    scene.owner.readers.set_up("r", READER, elsewhere=True)
    assert scene.owner.readers.served == 0
    address = scene.owners.resources.family.pack("10.0.0.2", 7333)
    sender = scene.owner.readers.addresses.only_unheard(0, address)
    assert sender is not None
    sender.correct(Kind.RTP, address, 1.0)
    scene.send(3)
    scene.pass_on()
    assert scene.fakes[Kind.RTP].sent == [(rtp(3), 7333)]


def test_it_goes_on_at_another_worker(scene: Scene) -> None:
    scene.replica.suspend()
    (packed,) = PACKER.unpack(PACKER.pack(Image((scene.replica.pack(),), ()))).mounts
    assert isinstance(packed, ReplicaImage)
    before = scene.replica.describe()
    channel = scene.far.dup()
    scene.replica.detach()
    scene.send(3)
    scene.replica, scene.fakes = scene.make(packed, channel)
    assert scene.replica.describe() == before
    scene.pass_on()
    assert scene.fakes[Kind.RTP].sent == [(rtp(3), 7000)]


def test_both_tell_their_front_when_the_other_is_gone(scene: Scene) -> None:
    scene.owner.untap("n", 1.0)
    scene.replica.pipes[0].ready(READ, 1.0)
    (told,) = scene.replicas.told
    assert isinstance(told, ChannelEnded)
    assert (told.path, told.name) == ("/cam", "n")
    assert scene.replica.describe().publisher == ""
    assert (scene.owner.pipes, scene.replica.pipes) == ([], [])
    assert scene.replicas.counters.drops[Drop.SEQUENCE_GAP] == 0
