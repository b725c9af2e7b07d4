"""Two real workers that fan one mount out: the owner, and a replica that sends by duplicates of its sockets."""

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.test_worker_fanout import drops, frame, gather, read_exactly, rtp, sender_report
from tests.faults.test_worker_moving import Move
from tests.support.fake_front import FakeFront, one_worker, udp
from tests.support.processes import descriptors
from tests.support.reader import PUNCH
from tests.support.rtp import BYE, parse_rtcp
from tests.support.waiting import eventually
from workers.channel import MOST_MESSAGE_BYTES, Kind, decode, encode
from workers.contract.commands import (
    AttachTap,
    CloseMount,
    OfferReplica,
    OpenMount,
    OpenReplica,
    Play,
    ReportState,
    SetUpReader,
    StopPublisher,
)
from workers.contract.events import ChannelEnded, Heartbeat, MediaHeard, SessionHeard
from workers.contract.parts import Format, InterleavedTransport, MountName, Refusal, TrackSpec, TrackTransport
from workers.contract.replies import Done, MountOpened, Playing, ReaderSetUp, Refused, ReplicaOffered
from workers.contract.reports import StateReport
from workers.shared.burst_socket import MOST_QUEUED_BYTES

REPLICA = "replica:r:/cam"
TCP = TrackTransport(0, InterleavedTransport(0, 1))
WISH = struct.pack("!BBHII", 0x81, 206, 2, 1, 7)
"""A picture loss indication (RFC 4585 section 6.3.1)."""


@pytest.fixture
def fronts(tmp_path: Path) -> Iterator[tuple[FakeFront, FakeFront]]:
    """Two routers of one worker each: what is between them is the test's to carry."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with one_worker(tmp_path / "a") as owner, one_worker(tmp_path / "b") as other:
        yield owner, other


def offer(owner: FakeFront, name: str = "r") -> tuple[bytes, list[int]]:
    """Let the owner offer a replica, and take what it sends."""
    reply = owner.ask(OfferReplica("/cam", 1, name))
    assert isinstance(reply, ReplicaOffered), reply
    return reply.image, owner.take_descriptors(name, reply.descriptors)


def replicate(owner: FakeFront, other: FakeFront, name: str = "r", path: str = REPLICA) -> None:
    """Make a replica."""
    image, carried = offer(owner, name)
    other.pass_descriptors(name, carried)
    for each in carried:
        os.close(each)
    assert other.ask(OpenReplica(path, 1, name, image, b"record")) == Done()


def report(front: FakeFront) -> StateReport:
    (part,) = front.ask_all(ReportState())
    assert isinstance(part, StateReport)
    return part


class Scene:
    """A mount with a UDP publisher."""

    def __init__(self, owner: FakeFront) -> None:
        (self.port,) = owner.open_mount("/cam")
        self.publisher = owner.pair()
        owner.record("/cam", udp(0, self.publisher))
        self.sent = 65_530

    def send(self, count: int, size: int = 400) -> list[bytes]:
        packets = [rtp(self.sent + each, size) for each in range(count)]
        self.sent += count
        for each in packets:
            self.publisher[0].sendto(each, ("127.0.0.1", self.port))
        return packets

    def pass_on(self, count: int, reader: socket.socket, size: int = 400) -> None:
        """Send, and wait until a reader has exactly this."""
        packets = self.send(count, size)
        assert gather(reader, count) == packets


def test_readers_of_owner_and_replica_get_the_same_from_the_same_port(fronts: tuple[FakeFront, FakeFront]) -> None:
    owner, other = fronts
    scene = Scene(owner)
    first = owner.pair()
    owner.play("/cam", "first", udp(0, first))
    scene.pass_on(3, first[0])
    scene.publisher[1].sendto(sender_report(), ("127.0.0.1", scene.port + 1))
    assert gather(first[1], 1) == [sender_report()]
    replicate(owner, other)
    over_udp = other.pair()
    assert other.ask(SetUpReader(REPLICA, 1, "u", udp(0, over_udp))) == ReaderSetUp(7)
    _, playing = other.play(REPLICA, "u", udp(0, over_udp))
    assert playing.rtp_info[0].sequence == scene.sent % 65_536
    stream, _ = other.play(REPLICA, "t", TCP)
    assert gather(over_udp[1], 1) == [sender_report()]
    head = b"RTSP/1.0 200 OK\r\n"
    assert read_exactly(stream, len(head)) == head
    while read_exactly(stream, 1) != b"\n" or not stream.recv(1, socket.MSG_PEEK).startswith(b"\r"):
        pass  # RTP-Info
    assert read_exactly(stream, 2) == b"\r\n"
    expected = frame(1, sender_report())
    assert read_exactly(stream, len(expected)) == expected
    packets = scene.send(150)
    assert gather(first[0], 150) == packets
    got: list[bytes] = []
    sources: set[int] = set()
    while len(got) < 150:
        eventually(lambda: bool(over_udp[0].recv(1, socket.MSG_PEEK)) if _readable(over_udp[0]) else False, "a packet")
        data, source = over_udp[0].recvfrom(65_536)
        got.append(data)
        sources.add(source[1])
    assert got == packets
    assert sources == {scene.port}
    expected = b"".join(frame(0, each) for each in packets)
    assert read_exactly(stream, len(expected)) == expected
    (mount,) = report(other).mounts
    assert (mount.path, mount.publisher, mount.tracks[0].ssrc, mount.tracks[0].rtp_port) == (
        REPLICA,
        "r",
        7,
        scene.port,
    )
    other.listen()
    assert not [each for each in other.events if isinstance(each, MediaHeard)], "its owner tells that"
    beat = other.await_event(Heartbeat)
    assert beat.ports_used == 0
    scene.publisher[1].sendto(sender_report(), ("127.0.0.1", scene.port + 1))
    assert gather(over_udp[1], 1) == [sender_report()]


def _readable(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


def test_a_stream_that_has_had_two_publishers_is_one_at_a_replica_too(fronts: tuple[FakeFront, FakeFront]) -> None:
    owner, other = fronts
    scene = Scene(owner)
    first = owner.pair()
    owner.play("/cam", "first", udp(0, first))
    scene.pass_on(5, first[0])
    assert owner.ask(StopPublisher("/cam", 1, "publisher")) == Done()
    second = owner.pair()
    owner.record("/cam", udp(0, second), session="second")
    for phase in range(2):  # before the newcomer's first packet, and after it
        name, reader = f"r{phase}", other.pair()
        replicate(owner, other, name, f"replica:{name}:/cam")
        assert other.ask(SetUpReader(f"replica:{name}:/cam", 1, name, udp(0, reader))) == ReaderSetUp(7)
        _, playing = other.play(f"replica:{name}:/cam", name, udp(0, reader))
        second[0].sendto(rtp(100 + phase, ssrc=9), ("127.0.0.1", scene.port))
        (packet,) = gather(first[0], 1)
        assert struct.unpack_from("!HII", packet, 2)[2] == 7
        assert gather(reader[0], 1) == [packet]
        assert playing.rtp_info[0].sequence == (scene.sent + phase) % 65_536 == struct.unpack_from("!H", packet, 2)[0]


def test_what_a_replica_s_udp_readers_send_is_heard_at_the_owner(fronts: tuple[FakeFront, FakeFront]) -> None:
    owner, other = fronts
    scene = Scene(owner)
    replicate(owner, other)
    declared, true = other.pair(), other.pair()
    transport = udp(0, declared)
    other.ask(SetUpReader(REPLICA, 1, "u", transport))
    owner.ask(SetUpReader("/cam", 1, "u", transport, elsewhere=True))
    other.play(REPLICA, "u", transport)
    true[0].sendto(PUNCH, ("127.0.0.1", scene.port))
    assert owner.await_event(SessionHeard).session == "u"
    other.await_event(SessionHeard)  # it has learnt where the reader is
    scene.pass_on(5, true[0])
    assert not _readable(declared[0])
    declared[1].sendto(WISH, ("127.0.0.1", scene.port + 1))
    (packet,) = gather(scene.publisher[1], 1)
    assert [each.kind for each in parse_rtcp(packet)][-1] == 206
    owner.events.clear()
    assert owner.await_event(Heartbeat).readers == 0
    other.await_event(Heartbeat)
    scene.send(5)
    other.events.clear()
    beat = other.await_event(Heartbeat)
    while not beat.busiest:
        beat = other.await_event(Heartbeat)
    assert (beat.busiest, beat.busiest_share) == (REPLICA, 1.0)
    assert other.await_event(Heartbeat).readers == 1


def test_what_a_replica_s_interleaved_readers_send_reaches_the_publisher(fronts: tuple[FakeFront, FakeFront]) -> None:
    owner, other = fronts
    spec = TrackSpec((Format(96, 90_000),))
    opened = owner.ask(OpenMount("/cam", 1, (spec, TrackSpec((Format(96, 8_000),), back_channel=True))))
    assert isinstance(opened, MountOpened)
    publishers = [owner.pair(), owner.pair()]
    owner.record("/cam", udp(0, publishers[0]), udp(1, publishers[1]))
    publishers[0][0].sendto(rtp(1), ("127.0.0.1", opened.rtp_ports[0]))
    owner.await_event(MediaHeard)
    replicate(owner, other)
    stream, _ = other.play(REPLICA, "t", TCP, TrackTransport(1, InterleavedTransport(2, 3)))
    stream.sendall(frame(1, WISH))
    (packet,) = gather(publishers[0][1], 1)
    assert [each.kind for each in parse_rtcp(packet)][-1] == 206
    stream.sendall(frame(2, rtp(9, 172)))
    assert gather(publishers[1][0], 1) == [rtp(9, 172)]
    assert other.await_event(SessionHeard).session == "t"


def test_a_program_writes_to_a_reader_wherever_that_plays(fronts: tuple[FakeFront, FakeFront]) -> None:
    owner, other = fronts
    scene = Scene(owner)
    replicate(owner, other)
    stream, _ = other.play(REPLICA, "t", TCP)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        owner.send_descriptor(b"program", theirs)
        theirs.close()
        assert owner.ask(AttachTap("/cam", 1, "program", "program", (), readers=True)) == Done()
        ours.settimeout(10)
        for message in encode(Kind.RTCP, 0, [(WISH, len(WISH), 1)], session="t"):
            ours.send(message)
        head = b"RTSP/1.0 200 OK\r\n\r\n"
        assert read_exactly(stream, len(head)) == head
        assert read_exactly(stream, 4 + len(WISH)) == frame(1, WISH)
        stream.sendall(frame(1, sender_report()))
        burst = decode(ours.recv(MOST_MESSAGE_BYTES))
        assert (burst.kind, burst.session, burst.runs[0][0]) == (Kind.RTCP, "t", sender_report())
    assert owner.await_event(ChannelEnded).name == "program"
    scene.send(1)


def test_replica_and_owner_close_apart_and_leave_nothing(fronts: tuple[FakeFront, FakeFront]) -> None:
    owner, other = fronts
    scene = Scene(owner)
    reader = owner.pair()
    owner.play("/cam", "first", udp(0, reader))
    assert owner.process is not None
    assert other.process is not None
    before = descriptors(owner.process.pid), descriptors(other.process.pid)
    replicate(owner, other)
    assert other.ask(CloseMount(REPLICA, 1)) == Done()
    assert owner.await_event(ChannelEnded).name == "r"
    scene.pass_on(2, reader[0])
    assert (descriptors(owner.process.pid), descriptors(other.process.pid)) == before
    replicate(owner, other, "s", "replica:s:/cam")
    leaving = other.pair()
    other.play("replica:s:/cam", "u", udp(0, leaving))
    assert owner.ask(CloseMount("/cam", 1)) == Done()
    ended = other.await_event(ChannelEnded)
    assert (ended.path, ended.name) == ("replica:s:/cam", "s")
    assert other.ask(CloseMount("replica:s:/cam", 1)) == Done()
    assert BYE in [each.kind for packet in gather(leaving[1], 1) for each in parse_rtcp(packet)]
    assert report(other).mounts == ()


def test_a_replica_that_does_not_read_misses_whole_bursts_and_nobody_waits(
    fronts: tuple[FakeFront, FakeFront],
) -> None:
    owner, _ = fronts
    scene = Scene(owner)
    reader = owner.pair()
    owner.play("/cam", "first", udp(0, reader))
    _, carried = offer(owner)
    sent = 0
    while drops(owner, "channel_full") == 0:
        for _ in range(20):
            scene.pass_on(40, reader[0], 1200)
            sent += 40
        assert sent * 1200 < 4 * MOST_QUEUED_BYTES
    for each in carried:
        os.close(each)
    assert owner.await_event(ChannelEnded).name == "r"
    scene.pass_on(40, reader[0], 1200)


def test_nothing_is_kept_of_a_replica_that_can_t_be_opened(fronts: tuple[FakeFront, FakeFront]) -> None:
    owner, other = fronts
    Scene(owner)
    assert other.process is not None
    before = descriptors(other.process.pid)
    image, carried = offer(owner)
    for name, data, count in (("r", b"garbage", len(carried)), ("s", image, len(carried) - 1), ("t", image, 0)):
        if count:
            other.pass_descriptors(name, carried[:count])
        refused = other.ask(OpenReplica(f"replica:{name}", 1, name, data))
        assert isinstance(refused, Refused)
        assert refused.cause is (Refusal.FAILED if data == b"garbage" else Refusal.NO_DESCRIPTOR)
    assert report(other).mounts == ()
    assert descriptors(other.process.pid) == before
    for each in carried:
        os.close(each)
    assert owner.await_event(ChannelEnded).name == "r"


@pytest.mark.parametrize("what", ["replica", "owner"])
def test_either_moves_while_packets_flow(fronts: tuple[FakeFront, FakeFront], tmp_path: Path, what: str) -> None:
    owner, other = fronts
    scene = Scene(owner)
    replicate(owner, other)
    first, over_udp = owner.pair(), other.pair()
    owner.play("/cam", "first", udp(0, first))
    declared = udp(0, over_udp)
    other.ask(SetUpReader(REPLICA, 1, "u", declared))
    owner.ask(SetUpReader("/cam", 1, "u", declared, elsewhere=True))
    other.play(REPLICA, "u", declared)
    sent = scene.send(20)
    assert gather(over_udp[0], 20) == sent
    assert gather(first[0], 20) == sent
    (tmp_path / "c").mkdir()
    with one_worker(tmp_path / "c") as third:
        source = other if what == "replica" else owner
        mount = MountName(REPLICA if what == "replica" else "/cam", 1)
        move = Move(source, third).export(mounts=(mount,))
        sent = scene.send(30)
        move.prepare().start().finish()
        assert gather(over_udp[0], 30) == sent
        assert gather(first[0], 30) == sent
        assert report(source).mounts == ()
        # What readers send is still heard: at the owner, wherever that is.
        now = third if what == "owner" else owner
        over_udp[1].sendto(WISH, ("127.0.0.1", scene.port + 1))
        (packet,) = gather(scene.publisher[1], 1)
        assert [each.kind for each in parse_rtcp(packet)][-1] == 206
        assert now.await_event(SessionHeard).session == "u"
        sent = scene.send(10)
        assert gather(over_udp[0], 10) == sent
        assert gather(first[0], 10) == sent


def test_a_reader_comes_over_from_a_replica_with_the_address_that_was_heard(
    fronts: tuple[FakeFront, FakeFront],
) -> None:
    """As the front does where a replica is lost."""
    owner, other = fronts
    scene = Scene(owner)
    replicate(owner, other)
    declared, true = other.pair(), other.pair()
    transport = udp(0, declared)
    other.ask(SetUpReader(REPLICA, 1, "u", transport))
    owner.ask(SetUpReader("/cam", 1, "u", transport, elsewhere=True))
    other.play(REPLICA, "u", transport)
    true[0].sendto(PUNCH, ("127.0.0.1", scene.port))
    owner.await_event(SessionHeard)
    assert other.process is not None
    other.process.kill()
    assert owner.await_event(ChannelEnded).name == "r"
    assert isinstance(owner.ask(Play("/cam", 1, "u", "", None, (transport,), b"", ())), Playing)
    scene.pass_on(5, true[0])
    owner.events.clear()
    assert owner.await_event(Heartbeat).readers == 1
