"""A program that publishes: its bursts, and sender reports until it makes them itself."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.support.worker_parts import Parts, rtp, sockets
from workers.channel import ChannelBurst, Kind, decode, encode
from workers.fanout.burst import PacketBurst, packets_of, single
from workers.publishers.program import ChannelEvents, ProgramPublisher, new_feed
from workers.rtp import rtcp
from workers.runtime.counters import Drop
from workers.runtime.loop import READ
from workers.streams.track import make_tracks

REPORT = rtcp.sender_report(7, 1.8e9, 5, 1, 2, "program")


class Sink:
    def __init__(self) -> None:
        self.packets: list[bytes] = []

    def send(self, burst: PacketBurst, now: float) -> None:
        self.packets += [each for run in burst.runs for each in packets_of(run)]


class Scene:
    """A program that feeds one track."""

    def __init__(self) -> None:
        self.parts = Parts()
        _, real = sockets(2)
        self.tracks = make_tracks([self.parts.track_state()], real, self.parts.resources, replica=False)
        self.sinks = (Sink(), Sink())
        for outputs, sink in zip(self.tracks[0].stream.outputs, self.sinks, strict=True):
            outputs.add_copy(sink)
        self.for_one: list[ChannelBurst] = []
        self.ended: list[str] = []
        near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        events = ChannelEvents(lambda burst, now: self.for_one.append(burst), self.ended.append)
        self.state = new_feed("program", self.tracks)
        self.publisher = ProgramPublisher(self.state, near, self.tracks, self.parts.resources, events)
        self.publisher.pipe.resume(0.0)

    def feed(self, packet: bytes, kind: Kind = Kind.RTP, *, track: int = 0, session: str = "") -> None:
        for each in encode(kind, track, single(packet).runs, ntp=1.8e9, session=session):
            self.far.send(each)
        self.publisher.pipe.ready(READ, 5.0)

    def close(self) -> None:
        self.publisher.stop()
        self.far.close()


@pytest.fixture
def scene() -> Iterator[Scene]:
    with contextlib.closing(Scene()) as made:
        yield made


def test_a_sender_report_goes_right_behind_the_first_packets_and_then_now_and_then(scene: Scene) -> None:
    scene.feed(rtp(1))
    scene.feed(rtp(2))
    assert scene.sinks[Kind.RTP].packets == [rtp(1), rtp(2)]
    (report,) = scene.sinks[Kind.RTCP].packets
    parts = rtcp.split(report)
    assert parts is not None
    assert rtcp.sender(parts[0]) == 7
    assert scene.tracks[0].stream.reports.sender_report == report
    assert len(scene.parts.loop.due) == 1


def test_a_program_that_reports_itself_is_left_alone(scene: Scene) -> None:
    scene.feed(rtp(1))
    scene.feed(REPORT, Kind.RTCP)
    assert scene.sinks[Kind.RTCP].packets[-1] == REPORT
    assert scene.parts.loop.due == []
    assert scene.state.senders == [None]
    assert scene.publisher.timers == []


def test_what_is_no_media_is_dropped_as_a_whole_and_what_is_for_one_session_is_passed_on(scene: Scene) -> None:
    scene.feed(b"no RTP at all")
    scene.feed(bytes([0x80, 97]) + rtp(1)[2:])
    scene.feed(rtp(1), track=5)
    scene.feed(rtp(1), Kind.ADDRESS)
    assert scene.sinks[Kind.RTP].packets == []
    drops = {cause: count for cause, count in scene.parts.counters.drops.items() if count}
    assert drops == {Drop.NOT_RTP: 1, Drop.PAYLOAD_TYPE: 1, Drop.CONTROL_GARBAGE: 2}
    scene.feed(rtp(1), session="r")
    assert [each.session for each in scene.for_one] == ["r"]


def test_what_is_meant_for_the_publisher_goes_to_the_program(scene: Scene) -> None:
    assert scene.tracks[0].stream.send_to_publisher(Kind.RTCP, b"wish", 1.0, "r")
    burst = decode(scene.far.recv(65_536))
    assert (burst.kind, burst.track, burst.session) == (Kind.RTCP, 0, "r")
    scene.publisher.end()
    assert not scene.tracks[0].stream.send_to_publisher(Kind.RTCP, b"wish", 1.0)
    assert scene.tracks[0].stream.numbers.ssrc is None


def test_the_end_of_the_program_is_told(scene: Scene) -> None:
    scene.far.close()
    scene.publisher.pipe.ready(READ, 5.0)
    assert len(scene.ended) == 1
