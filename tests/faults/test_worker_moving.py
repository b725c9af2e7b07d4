"""Two real workers, and what moves from one to the other: all that is known, nothing twice, and never to both."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.test_worker_fanout import frame, gather, read_exactly, received, rtp, sender_report
from tests.support.fake_front import FakeFront, one_worker, udp
from tests.support.ports import bound_udp_ports
from tests.support.waiting import eventually
from workers.contract.commands import (
    ExportMounts,
    ForgetMove,
    ImportMounts,
    OpenMount,
    Play,
    RemoveReader,
    ReportState,
    Respond,
    ResumeExported,
    SetUpReader,
    StartImported,
)
from workers.contract.events import ConnectionClosed, RequestReceived
from workers.contract.image import PACKER
from workers.contract.parts import InterleavedTransport, MountName, MulticastTransport, Refusal, TrackTransport
from workers.contract.replies import Done, Entangled, Exported, MountOpened, Playing, Refused
from workers.contract.reports import StateReport

CAM = MountName("/cam", 1)
ACROSS = TrackTransport(0, InterleavedTransport(0, 1))


@pytest.fixture
def fronts(tmp_path: Path) -> Iterator[tuple[FakeFront, FakeFront]]:
    """Two routers of one worker each: what is between them is the test's to carry."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with one_worker(tmp_path / "a") as source, one_worker(tmp_path / "b") as target:
        yield source, target


class Move:
    """One move, step by step."""

    def __init__(self, source: FakeFront, target: FakeFront) -> None:
        self.source, self.target = source, target
        self.exported: Exported | None = None

    def export(self, *connections: str, mounts: tuple[MountName, ...] = (CAM,)) -> "Move":
        reply = self.source.ask(ExportMounts("m", mounts, connections))
        assert isinstance(reply, Exported), reply
        self.exported = reply
        self.descriptors = self.source.take_descriptors("m", reply.descriptors)
        return self

    def prepare(self) -> "Move":
        assert self.exported is not None
        self.target.pass_descriptors("m", self.descriptors)
        self.close()
        assert self.target.ask(ImportMounts("m", self.exported.image)) == Done()
        return self

    def start(self) -> "Move":
        assert self.target.ask(StartImported("m")) == Done()
        return self

    def finish(self) -> None:
        assert self.source.ask(ForgetMove("m")) == Done()

    def close(self) -> None:
        for each in self.descriptors:
            os.close(each)
        self.descriptors = []


def report(front: FakeFront) -> StateReport:
    (part,) = front.ask_all(ReportState())
    assert isinstance(part, StateReport)
    return part


class Scene:
    """A mount with a UDP publisher, a UDP reader and an interleaved one."""

    def __init__(self, front: FakeFront) -> None:
        (self.port,) = front.open_mount("/cam")
        self.publisher, self.reader = front.pair(), front.pair()
        self.publishing = front.record("/cam", udp(0, self.publisher))
        self.over_udp, _ = front.play("/cam", "u", udp(0, self.reader))
        self.over_tcp, _ = front.play("/cam", "t", ACROSS)
        for client in (self.over_udp, self.over_tcp):
            client.recv(4096)  # the response
        self.sent = 0

    @property
    def connections(self) -> tuple[str, ...]:
        return ("publisher-connection", "u-connection", "t-connection")

    def send(self, count: int) -> list[bytes]:
        packets = [rtp(self.sent + each, 400) for each in range(count)]
        self.sent += count
        for each in packets:
            self.publisher[0].sendto(each, ("127.0.0.1", self.port))
        return packets

    def expect(self, packets: list[bytes]) -> None:
        """Wait until both readers have exactly these."""
        assert gather(self.reader[0], len(packets)) == packets
        data = b"".join(frame(0, each) for each in packets)
        assert read_exactly(self.over_tcp, len(data)) == data

    def expect_nothing_more(self) -> None:
        assert not received(self.reader[0])
        self.over_tcp.setblocking(False)
        with pytest.raises(BlockingIOError):
            self.over_tcp.recv(1)
        self.over_tcp.settimeout(10)


def test_all_goes_on_where_it_stopped(fronts: tuple[FakeFront, FakeFront]) -> None:
    source, target = fronts
    scene = Scene(source)
    scene.publisher[1].sendto(sender_report(), ("127.0.0.1", scene.port + 1))
    told = frame(1, sender_report())
    assert read_exactly(scene.over_tcp, len(told)) == told
    scene.expect(scene.send(20))
    before = report(source)
    move = Move(source, target).export(*scene.connections)
    queued = scene.send(30)  # in the kernel, as nobody reads
    scene.over_tcp.sendall(b"OPTIONS * RTSP/1.0\r\nCSe")
    assert report(source).mounts == ()
    move.prepare()
    scene.expect_nothing_more()
    move.start()
    scene.expect(queued)
    move.finish()
    scene.expect(scene.send(20))
    after = report(target)
    assert report(source).connections == ()
    assert sorted(after.connections) == sorted(before.connections)
    (was,), (now,) = before.mounts, after.mounts
    assert (now.path, now.generation, now.publisher, now.silent) == (was.path, 1, "publisher", was.silent)
    assert now.tracks[0].rtp_port == scene.port
    assert now.tracks[0].ssrc == was.tracks[0].ssrc
    assert now.tracks[0].packets_in == was.tracks[0].packets_in + 50
    assert now.tracks[0].lost == 0
    counts = {each.session: each.packets_out for each in was.readers}
    assert {each.session: each.packets_out for each in now.readers} == {name: n + 50 for name, n in counts.items()}
    # A request that had half come is whole at the target, and its answer goes out there.
    scene.over_tcp.sendall(b"q: 1\r\n\r\n")
    assert target.await_event(RequestReceived).message == b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
    target.send(Respond("t-connection", b"RTSP/1.0 200 OK\r\n\r\n", close=False))
    assert read_exactly(scene.over_tcp, 19) == b"RTSP/1.0 200 OK\r\n\r\n"
    # Who comes now gets the publisher's last report, which the source has heard.
    late = target.pair()
    target.play("/cam", "late", udp(0, late))
    assert gather(late[1], 1) == [sender_report()]
    # Connections end at the target alone.
    scene.over_udp.close()
    assert target.await_event(ConnectionClosed).connection == "u-connection"
    source.listen()
    assert not [each for each in source.events if isinstance(each, ConnectionClosed)]
    # Ports stay the source's, lent, until its front says otherwise.
    assert report(source).lent_ports == (scene.port,)


def test_it_comes_home_again(fronts: tuple[FakeFront, FakeFront]) -> None:
    source, target = fronts
    scene = Scene(source)
    for there, back in ((source, target), (target, source), (source, target)):
        move = Move(there, back).export(*scene.connections)
        queued = scene.send(10)
        move.prepare().start().finish()
        scene.expect(queued)
    assert [each.path for each in report(target).mounts] == ["/cam"]
    assert report(source).mounts == ()


def test_a_move_that_is_called_off_leaves_everything_where_it_was(fronts: tuple[FakeFront, FakeFront]) -> None:
    source, target = fronts
    scene = Scene(source)
    scene.expect(scene.send(5))
    move = Move(source, target).export(*scene.connections).prepare()
    queued = scene.send(10)
    assert source.ask(ResumeExported("m")) == Done()
    scene.expect(queued)
    # What was made ready comes too late.
    late = target.ask(StartImported("m"))
    assert isinstance(late, Refused)
    assert late.cause is Refusal.MOVED
    assert target.ask(ForgetMove("m")) == Done()
    assert report(target).mounts == ()
    scene.expect(scene.send(10))
    assert sorted(report(source).connections) == sorted(scene.connections)
    assert move.descriptors == []


def test_who_has_started_keeps_it(fronts: tuple[FakeFront, FakeFront]) -> None:
    source, target = fronts
    scene = Scene(source)
    Move(source, target).export(*scene.connections).prepare().start()
    refused = source.ask(ResumeExported("m"))
    assert isinstance(refused, Refused)
    assert refused.cause is Refusal.MOVED
    scene.expect(scene.send(10))
    assert report(source).mounts == ()


@pytest.mark.parametrize("started", [False, True])
def test_a_front_that_dies_half_way_leaves_it_on_exactly_one(
    fronts: tuple[FakeFront, FakeFront], started: bool
) -> None:
    source, target = fronts
    scene = Scene(source)
    move = Move(source, target).export(*scene.connections).prepare()
    if started:
        move.start()
    queued = scene.send(10)
    source.die()
    scene.expect(queued)
    scene.expect(scene.send(10))
    # Whoever does not carry on holds nothing of it: with the other one the ports are gone. (The one without a front
    # ends after five seconds anyway.)
    if not started:
        assert target.ask(ForgetMove("m")) == Done()
    carrier = (target if started else source).process
    assert carrier is not None
    carrier.kill()
    eventually(lambda: not bound_udp_ports(scene.port, 2), "free ports", 3)


def test_a_source_that_is_told_nothing_goes_on_by_itself(fronts: tuple[FakeFront, FakeFront]) -> None:
    source, target = fronts
    scene = Scene(source)
    Move(source, target).export(*scene.connections).prepare()
    queued = scene.send(10)
    scene.expect(queued)  # within three seconds
    assert isinstance(target.ask(StartImported("m")), Refused)
    assert [each.path for each in report(source).mounts] == ["/cam"]


def test_the_target_alone_is_enough_where_the_source_dies(fronts: tuple[FakeFront, FakeFront]) -> None:
    source, target = fronts
    scene = Scene(source)
    move = Move(source, target).export(*scene.connections).prepare()
    queued = scene.send(10)
    assert source.process is not None
    source.process.kill()
    source.process.wait()
    move.start()
    scene.expect(queued)
    scene.expect(scene.send(10))


def test_a_target_that_dies_before_it_starts_has_had_nothing(fronts: tuple[FakeFront, FakeFront]) -> None:
    source, target = fronts
    scene = Scene(source)
    Move(source, target).export(*scene.connections).prepare()
    queued = scene.send(10)
    assert target.process is not None
    target.process.kill()
    target.process.wait()
    assert source.ask(ResumeExported("m")) == Done()
    scene.expect(queued)


def test_what_shares_a_connection_moves_together(fronts: tuple[FakeFront, FakeFront]) -> None:
    source, target = fronts
    scene = Scene(source)
    source.open_mount("/other")
    other = source.pair()
    source.record("/other", udp(0, other), session="other")
    two = TrackTransport(0, InterleavedTransport(2, 3))
    played = source.ask(Play("/other", 1, "o", "t-connection", None, (two,), b"RTSP/1.0 200 OK\r\n", ("u",)))
    assert isinstance(played, Playing)
    scene.over_tcp.recv(4096)
    for asked in ((CAM,), (MountName("/other", 1),)):
        reply = source.ask(ExportMounts("m", asked, ()))
        assert reply == Entangled(("/cam", "/other"), ("t-connection",))
    scene.expect(scene.send(3))  # nothing was frozen
    move = Move(source, target).export(*scene.connections, mounts=(CAM, MountName("/other", 1)))
    queued = scene.send(3)
    move.prepare().start().finish()
    scene.expect(queued)
    assert sorted(each.path for each in report(target).mounts) == ["/cam", "/other"]


def test_an_interleaved_publisher_moves_with_its_bytes(fronts: tuple[FakeFront, FakeFront]) -> None:
    source, target = fronts
    source.open_mount("/cam")
    publisher = source.record("/cam", ACROSS)
    reader = source.pair()
    source.play("/cam", "u", udp(0, reader))
    stream = b"".join(frame(0, rtp(each, 1000)) for each in range(40))
    publisher.sendall(stream[:5500])  # five and a half
    assert gather(reader[0], 5) == [rtp(each, 1000) for each in range(5)]
    move = Move(source, target).export("publisher-connection", "u-connection")
    publisher.sendall(stream[5500:30_100])
    move.prepare().start().finish()
    publisher.sendall(stream[30_100:])
    assert gather(reader[0], 35) == [rtp(each, 1000) for each in range(5, 40)]
    (mount,) = report(target).mounts
    assert (mount.tracks[0].packets_in, mount.tracks[0].lost) == (40, 0)


def test_what_a_slow_reader_has_not_taken_travels(fronts: tuple[FakeFront, FakeFront]) -> None:
    """A megabyte waits in the kernel and in the queue; all of it arrives, in order, from two workers."""
    source, target = fronts
    (port,) = source.open_mount("/cam")
    publisher = source.pair()
    source.record("/cam", udp(0, publisher))
    client, _ = source.play("/cam", "t", ACROSS)
    client.recv(4096)
    packets: list[bytes] = []

    def fill() -> bool:
        for _ in range(20 if len(packets) < 900 else 0):
            packets.append(rtp(len(packets), 1200))
            publisher[0].sendto(packets[-1], ("127.0.0.1", port))
        (mount,) = report(source).mounts
        (state,) = mount.readers
        assert state.dropped == 0
        return len(packets) >= 900 and state.packets_out >= len(packets)

    eventually(fill, "a queue of some size", 30, interval_s=0)
    move = Move(source, target).export("publisher-connection", "t-connection")
    assert move.exported is not None
    images = {each.name: each for each in PACKER.unpack(move.exported.image).connections}
    image = images["t-connection"]
    assert image.unwritten.cut == 0
    assert sum(each.packets for each in image.unwritten.media) > 50
    move.prepare().start().finish()
    data = b"".join(frame(0, each) for each in packets)
    assert read_exactly(client, len(data)) == data


def test_a_readers_corrected_address_is_kept(fronts: tuple[FakeFront, FakeFront]) -> None:
    source, target = fronts
    (port,) = source.open_mount("/cam")
    publisher, declared, behind_nat = source.pair(), source.pair(), source.pair()
    source.record("/cam", udp(0, publisher))
    source.ask(SetUpReader("/cam", 1, "r", udp(0, declared)))
    behind_nat[0].sendto(b"\x80" + bytes(11), ("127.0.0.1", port))
    source.play("/cam", "r", udp(0, declared))
    publisher[0].sendto(rtp(0), ("127.0.0.1", port))
    assert gather(behind_nat[0], 1) == [rtp(0)]
    Move(source, target).export("publisher-connection", "r-connection").prepare().start().finish()
    publisher[0].sendto(rtp(1), ("127.0.0.1", port))
    assert gather(behind_nat[0], 1) == [rtp(1)]
    assert not received(declared[0])


def test_what_can_not_be_taken_is_refused_and_nothing_kept(fronts: tuple[FakeFront, FakeFront]) -> None:
    source, target = fronts
    scene = Scene(source)
    assert isinstance(source.ask(ExportMounts("m", (MountName("/cam", 2),), ())), Refused)
    assert isinstance(target.ask(ImportMounts("nothing", b"\xc1")), Refused)
    move = Move(source, target).export(*scene.connections)
    assert move.exported is not None
    target.pass_descriptors("m", move.descriptors[:-1])
    move.close()
    refused = target.ask(ImportMounts("m", move.exported.image))
    assert isinstance(refused, Refused)
    assert refused.cause is Refusal.NO_DESCRIPTOR
    queued = scene.send(5)
    assert source.ask(ResumeExported("m")) == Done()
    scene.expect(queued)


def test_a_mount_that_was_opened_anew_meanwhile_wins(fronts: tuple[FakeFront, FakeFront]) -> None:
    source, target = fronts
    scene = Scene(source)
    move = Move(source, target).export(*scene.connections)
    spec = source.ask(OpenMount("/cam", 2, ()))
    assert isinstance(spec, MountOpened)
    assert source.ask(ResumeExported("m")) == Done()
    (mount,) = report(source).mounts
    assert mount.generation == 2
    move.close()


def free_of(process_id: int) -> int:
    return len(os.listdir(f"/proc/{process_id}/fd"))


def test_no_descriptor_is_left_whatever_becomes_of_a_move(fronts: tuple[FakeFront, FakeFront]) -> None:
    source, target = fronts
    scene = Scene(source)
    assert source.process is not None
    assert target.process is not None
    pids = (source.process.pid, target.process.pid)
    counts = [free_of(each) for each in pids]
    Move(source, target).export(*scene.connections).prepare()
    source.ask(ResumeExported("m"))
    target.ask(ForgetMove("m"))
    assert [free_of(each) for each in pids] == counts
    Move(source, target).export(*scene.connections).prepare().start().finish()
    moved = 2 + len(scene.connections)
    assert [free_of(each) for each in pids] == [counts[0] - moved, counts[1] + moved]
    Move(target, source).export(*scene.connections).prepare().start().finish()
    assert [free_of(each) for each in pids] == counts


def test_a_multicast_group_moves_with_its_readers(fronts: tuple[FakeFront, FakeFront]) -> None:
    source, target = fronts
    (port,) = source.open_mount("/cam")
    publisher = source.pair()
    source.record("/cam", udp(0, publisher))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("239.77.9.1", 0))
        group = MulticastTransport("127.0.0.1", "239.77.9.1", listener.getsockname()[1], 1, 1, "127.0.0.1")
        membership = socket.inet_aton(group.group) + socket.inet_aton("127.0.0.1")
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        listener.setblocking(False)
        for session in ("a", "b"):
            source.play("/cam", session, TrackTransport(0, group))
        publisher[0].sendto(rtp(0), ("127.0.0.1", port))
        assert gather(listener, 1) == [rtp(0)]
        before = {each.session: each.packets_out for each in report(source).mounts[0].readers}
        Move(source, target).export("publisher-connection", "a-connection", "b-connection").prepare().start().finish()
        publisher[0].sendto(rtp(1), ("127.0.0.1", port))
        assert gather(listener, 1) == [rtp(1)]  # once, though there are two readers
        after = {each.session: each.packets_out for each in report(target).mounts[0].readers}
        assert after == {name: count + 1 for name, count in before.items()}
        assert not received(listener)
        # The last one that leaves ends it, as where it began.
        for session in ("a", "b"):
            assert target.ask(RemoveReader("/cam", 1, session)) == Done()
        publisher[0].sendto(rtp(2), ("127.0.0.1", port))
        eventually(lambda: report(target).mounts[0].tracks[0].packets_in == 3, "the packet")
        assert not received(listener)
