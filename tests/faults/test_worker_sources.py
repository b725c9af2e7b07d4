"""Who may feed a mount, proved on a real worker's ports."""

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.test_worker_fanout import Pair, drops, gather, received, rtp, sender_report
from tests.support.fake_front import FakeFront, one_worker, udp
from tests.support.waiting import eventually
from workers.contract.commands import SetUpReader
from workers.contract.events import ReaderCorrected, SessionHeard
from workers.contract.parts import TrackTransport, UdpTransport
from workers.contract.replies import ReaderSetUp

FFMPEG_RTP_PUNCH = b"\x80" + bytes(11)
FFMPEG_RTCP_PUNCH = b"\x80\xc9\x00\x01" + bytes(4)
GSTREAMER_PUNCH = b"\xce\xfa\xed\xfe"


class Scene:
    """A mount with a publisher and a reader on the same host."""

    def __init__(self, front: FakeFront) -> None:
        self.front = front
        (self.port,) = front.open_mount("/cam")
        self.publisher = front.pair()
        self.reader = front.pair()

    def record(self, pair: Pair | None = None) -> None:
        self.front.record("/cam", udp(0, pair or self.publisher))

    def play(self, pair: Pair | None = None) -> None:
        self.front.play("/cam", "r", udp(0, pair or self.reader))

    def send(self, sock: socket.socket, packet: bytes, *, rtcp: bool = False, host: str = "127.0.0.1") -> None:
        sock.sendto(packet, (host, self.port + rtcp))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with one_worker(tmp_path) as front:
        yield Scene(front)


def test_another_port_on_the_publishers_host_is_refused_once_it_is_heard(scene: Scene) -> None:
    scene.record()
    scene.play()
    scene.send(scene.publisher[0], rtp(1))
    assert gather(scene.reader[0], 1) == [rtp(1)]
    stranger = scene.front.pair()
    for packet in (rtp(2), rtp(3)):
        scene.send(stranger[0], packet)
    scene.send(scene.publisher[0], rtp(4))
    assert gather(scene.reader[0], 1) == [rtp(4)]
    assert drops(scene.front, "wrong_source") == 2


def test_another_host_is_refused(scene: Scene) -> None:
    scene.record()
    scene.play()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
        elsewhere.bind(("127.0.0.2", 0))
        scene.send(elsewhere, rtp(1))
        scene.send(elsewhere, sender_report(), rtcp=True)
    eventually(lambda: drops(scene.front, "wrong_source") == 2, "both are dropped")
    assert received(scene.reader[0]) + received(scene.reader[1]) == []


def test_nat_is_latched_by_the_first_media_and_undone_by_the_declared_port(scene: Scene) -> None:
    declared, behind_nat, stranger = scene.publisher, scene.front.pair(), scene.front.pair()
    scene.record(declared)
    scene.play()
    scene.send(scene.reader[0], FFMPEG_RTP_PUNCH)
    scene.front.await_event(SessionHeard)
    scene.send(stranger[0], rtp(0)[:12])  # without payload: a punch, of nobody
    scene.send(behind_nat[0], rtp(1))
    assert gather(scene.reader[0], 1) == [rtp(1)]
    scene.send(stranger[0], rtp(2))
    scene.send(behind_nat[0], rtp(3))
    assert gather(scene.reader[0], 1) == [rtp(3)]
    scene.send(stranger[1], sender_report(8), rtcp=True)  # of another stream
    scene.send(behind_nat[1], sender_report(), rtcp=True)
    assert gather(scene.reader[1], 1) == [sender_report()]
    scene.send(declared[0], rtp(4))
    assert gather(scene.reader[0], 1) == [rtp(4)]
    scene.send(behind_nat[0], rtp(5))
    scene.send(declared[0], rtp(6))
    assert gather(scene.reader[0], 1) == [rtp(6)]


def test_a_readers_media_is_never_latched(scene: Scene) -> None:
    scene.record()
    scene.play()
    scene.send(scene.reader[0], rtp(1))
    scene.send(scene.publisher[0], rtp(2))
    assert gather(scene.reader[0], 1) == [rtp(2)]


def test_packets_that_are_not_the_tracks_are_dropped_by_cause(scene: Scene) -> None:
    scene.record()
    scene.play()
    bad = [rtp(1, payload_type=97), b"\x40" + rtp(1)[1:], b"\x80\x60short", rtp(1, 9217)]
    mixed = [rtp(1), *bad, rtp(2), rtp(3)]
    for packet in mixed:
        scene.send(scene.publisher[0], packet)
    assert gather(scene.reader[0], 3) == [rtp(1), rtp(2), rtp(3)]
    scene.send(scene.publisher[1], b"not RTCP", rtcp=True)
    counted = {cause: drops(scene.front, cause) for cause in ("payload_type", "not_rtp", "truncated")}
    assert counted == {"payload_type": 1, "not_rtp": 3, "truncated": 1}


@pytest.mark.parametrize(
    ("punch", "on_rtcp"),
    [(FFMPEG_RTP_PUNCH, False), (FFMPEG_RTCP_PUNCH, True), (GSTREAMER_PUNCH, False), (GSTREAMER_PUNCH, True)],
)
def test_a_punch_corrects_the_one_unheard_readers_port(scene: Scene, punch: bytes, on_rtcp: bool) -> None:
    scene.record()
    scene.send(scene.publisher[0], rtp(0))
    reply = scene.front.ask(SetUpReader("/cam", 1, "r", udp(0, scene.reader)))
    assert isinstance(reply, ReaderSetUp)
    behind_nat = scene.front.pair()
    scene.send(behind_nat[on_rtcp], punch, rtcp=on_rtcp)
    scene.front.await_event(SessionHeard)
    declared, there = (each[on_rtcp].getsockname()[1] for each in (scene.reader, behind_nat))
    told = scene.front.await_event(ReaderCorrected)
    assert isinstance(told.transport.transport, UdpTransport)
    ports = (told.transport.transport.rtp_port, told.transport.transport.rtcp_port)
    assert (told.session, ports[on_rtcp]) == ("r", there) != ("r", declared)
    assert ports[not on_rtcp] == scene.reader[not on_rtcp].getsockname()[1]
    scene.play()  # names the declared ports again: the correction lasts
    scene.send(scene.publisher[0], rtp(1))
    scene.send(scene.publisher[1], sender_report(), rtcp=True)
    rtp_to, rtcp_to = (scene.reader[0], behind_nat[1]) if on_rtcp else (behind_nat[0], scene.reader[1])
    assert gather(rtp_to, 1) == [rtp(1)]
    assert gather(rtcp_to, 1) == [sender_report()]


def test_a_punch_corrects_nothing_where_it_is_not_clear_whose_it_is(scene: Scene) -> None:
    scene.record()
    other = scene.front.pair()
    for session, pair in (("a", scene.reader), ("b", other)):
        scene.front.ask(SetUpReader("/cam", 1, session, udp(0, pair)))
    scene.send(scene.front.pair()[0], FFMPEG_RTP_PUNCH)
    eventually(lambda: drops(scene.front, "wrong_source") == 1, "the punch is nobody's")
    # Once one of them is heard, it is the other one's.
    scene.send(other[0], FFMPEG_RTP_PUNCH)
    assert scene.front.await_event(SessionHeard).session == "b"
    behind_nat = scene.front.pair()
    scene.send(behind_nat[0], FFMPEG_RTP_PUNCH)
    assert scene.front.await_event(SessionHeard).session == "a"


def test_a_punch_from_another_host_corrects_nothing(scene: Scene) -> None:
    scene.record()
    scene.play()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
        elsewhere.bind(("127.0.0.2", 0))
        scene.send(elsewhere, FFMPEG_RTP_PUNCH)
    eventually(lambda: drops(scene.front, "wrong_source") == 1, "it is dropped")
    scene.send(scene.publisher[0], rtp(1))
    assert gather(scene.reader[0], 1) == [rtp(1)]


def test_a_reader_cannot_take_the_publishers_address(scene: Scene) -> None:
    """A reader that names the publisher's own port hurts nobody but gets what it asked for."""
    scene.record()
    scene.front.ask(SetUpReader("/cam", 1, "thief", udp(0, scene.publisher)))
    scene.play()
    scene.send(scene.publisher[0], rtp(1))
    assert gather(scene.reader[0], 1) == [rtp(1)]


def test_ipv6_readers_of_an_ipv4_publisher(scene: Scene) -> None:
    pair = scene.front.pair("::1")
    scene.record()
    ports = [each.getsockname()[1] for each in pair]
    transport = TrackTransport(0, UdpTransport("::1", *ports))
    scene.front.play("/cam", "six", transport)
    scene.send(scene.publisher[0], rtp(1))
    assert gather(pair[0], 1) == [rtp(1)]
    report = struct.pack("!BBHI", 0x80, 201, 1, 5)
    pair[1].sendto(report, ("::1", scene.port + 1))
    assert scene.front.await_event(SessionHeard).session == "six"
