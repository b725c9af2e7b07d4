"""One track's stream: to everybody, counted, and one stream for readers whoever publishes."""

from tests.support.worker_parts import Parts, rtp, sockets
from workers.channel import Kind
from workers.contract.image import NtpShift, TrackImage
from workers.fanout.burst import PacketBurst, packets_of
from workers.rtp import rtcp
from workers.runtime.counters import Drop
from workers.streams.outputs import Outputs
from workers.streams.stream import Stream


class Sink:
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []

    def send(self, burst: PacketBurst, now: float) -> None:
        self.packets += [each for run in burst.runs for each in packets_of(run)]


class Scene:
    """A stream with a sink for each way."""

    def __init__(self, parts: Parts, state: TrackImage | None = None) -> None:
        _, (rtp_socket, rtcp_socket) = sockets(2)
        outputs = (Outputs(rtp_socket, parts.resources), Outputs(rtcp_socket, parts.resources))
        self.sinks = (Sink(), Sink())
        for way, sink in zip(outputs, self.sinks, strict=True):
            way.add_copy(sink)
        self.stream = Stream(parts.track_state() if state is None else state, outputs, parts.resources)

    def send(self, *numbers: int, ssrc: int = 7, now: float = 0.0) -> None:
        self.stream.deliver_packets([rtp(each, ssrc=ssrc) for each in numbers], now)


def test_a_burst_goes_to_everybody_and_is_counted() -> None:
    parts = Parts()
    scene = Scene(parts)
    scene.send(1, 2, 3, now=5.0)
    assert scene.sinks[Kind.RTP].packets == [rtp(each) for each in (1, 2, 3)]
    state = scene.stream.state
    assert (state.packets_in, state.bytes_in, state.media_at) == (3, 3 * 19, 5.0)
    assert (parts.counters.packets_in, parts.counters.bytes_in) == (3, 3 * 19)


def test_what_was_lost_is_counted_once_and_the_count_never_falls() -> None:
    parts = Parts()
    scene = Scene(parts)

    def lost() -> tuple[int, int]:
        scene.stream.count_losses()
        return scene.stream.describe().lost, parts.counters.drops[Drop.SEQUENCE_GAP]

    scene.send(1, 5)
    assert lost() == (3, 3)
    scene.send(4)
    assert lost() == (3, 3), "a late packet takes nothing back that was told"
    scene.send(40_000)
    scene.send(40_001, 40_005)  # the source has started again
    assert lost() == (5, 5)
    scene.stream.forget_publisher(NtpShift())
    assert lost() == (5, 5)
    scene.send(1, 3, ssrc=8)
    assert lost() == (6, 6)
    moved = Scene(parts, scene.stream.state)
    moved.stream.count_losses()
    assert parts.counters.drops[Drop.SEQUENCE_GAP] == 6, "what another worker has counted"
    assert moved.stream.describe().lost == 6


def test_another_publishers_packets_follow_as_one_stream_at_the_next_worker_too() -> None:
    parts = Parts()
    scene = Scene(parts)
    scene.send(1, 2)
    scene.stream.forget_publisher(NtpShift())
    assert scene.stream.numbers.next_packet(0.0)[0] == 3
    scene.send(500, ssrc=8, now=1.0)
    moved = Scene(parts, scene.stream.state)
    moved.send(501, ssrc=8, now=1.0)
    seen = [*scene.sinks[Kind.RTP].packets, *moved.sinks[Kind.RTP].packets]
    assert [(each[3], each[11]) for each in seen] == [(1, 7), (2, 7), (3, 7), (4, 7)]
    assert moved.stream.numbers.ssrc == 7
    assert moved.stream.numbers.next_packet(1.0)[0] == 5
    assert moved.stream.state.reception.last_sequence == 501, "of the publisher's own stream"


def test_a_replica_begins_with_the_numbers_that_readers_see() -> None:
    scene = Scene(Parts())
    scene.send(1, 2)
    scene.stream.forget_publisher(NtpShift())
    scene.send(500, ssrc=8, now=1.0)
    replica = Scene(Parts(), scene.stream.for_replica())
    assert replica.stream.numbers.ssrc == 7
    assert replica.stream.numbers.next_packet(1.0) == scene.stream.numbers.next_packet(1.0)


def test_reports_go_to_everybody_and_what_is_no_report_is_refused() -> None:
    scene = Scene(Parts())
    report = rtcp.sender_report(7, 1e9, 5, 1, 2, "publisher")
    scene.stream.deliver_rtcp(report, 0.0)
    scene.stream.deliver_rtcp(b"nothing", 0.0)
    assert scene.sinks[Kind.RTCP].packets == [report]
    assert scene.stream.reports.sender_report == report
    assert scene.stream.state.not_rtp == 1


def test_reports_to_the_publisher_are_due_at_the_next_worker_when_they_were() -> None:
    parts = Parts()
    scene = Scene(parts)
    scene.stream.start_reports(10.0)
    (due,) = parts.loop.due
    scene.stream.report_timer.suspend()
    assert parts.loop.due == []
    after = Parts()
    moved = Scene(after, scene.stream.state)
    moved.stream.report_timer.resume(11.0)
    assert after.loop.due == [due]
    moved.stream.forget_publisher()
    assert after.loop.due == []
