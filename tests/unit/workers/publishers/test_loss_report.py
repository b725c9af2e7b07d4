"""What goes wrong with a publisher's packets is told at most once a second."""

from tests.support.worker_parts import Parts, rtp, sockets
from workers.contract.events import SessionTrouble
from workers.publishers.loss_report import TROUBLE_INTERVAL_S, PublisherLossReport
from workers.runtime.counters import Drop
from workers.streams.track import make_tracks


class Scene:
    def __init__(self) -> None:
        parts, (_, pairs) = Parts(), sockets(4)
        states = [parts.track_state(port) for port in (10_000, 10_002)]
        self.streams = [each.stream for each in make_tracks(states, pairs, parts.resources, replica=False)]
        self.receive(0, 1)
        self.told: list[SessionTrouble] = []
        self.report = PublisherLossReport("p", self.streams, self.told.append)

    def receive(self, track: int, *numbers: int) -> None:
        self.streams[track].deliver_packets([rtp(each) for each in numbers], 0.0)


def test_where_all_is_well_nothing_is_told() -> None:
    scene = Scene()
    scene.receive(0, 2, 3)
    scene.report.sweep(100.0)
    assert scene.told == []


def test_the_trouble_of_all_tracks_is_told_together_and_once() -> None:
    scene = Scene()
    scene.receive(0, 4)
    scene.receive(1, 1, 3)
    scene.streams[0].refuse(Drop.NOT_RTP)
    scene.streams[1].refuse(Drop.PAYLOAD_TYPE)
    scene.report.sweep(100.0)
    assert scene.told == [SessionTrouble("p", lost=3, not_rtp=1, wrong_payload_type=1)]
    scene.receive(0, 6)
    scene.report.sweep(100.0 + TROUBLE_INTERVAL_S * 0.99)
    assert len(scene.told) == 1
    scene.report.sweep(100.0 + TROUBLE_INTERVAL_S)
    assert scene.told[1:] == [SessionTrouble("p", lost=1, not_rtp=0, wrong_payload_type=0)]
    scene.report.sweep(200.0)
    assert len(scene.told) == 2


def test_a_late_packet_makes_a_loss_good() -> None:
    scene = Scene()
    scene.receive(0, 3, 2)
    scene.report.sweep(100.0)
    assert scene.told == []


def test_what_was_wrong_before_this_session_is_not_its_trouble() -> None:
    scene = Scene()
    scene.receive(0, 9)
    scene.streams[0].refuse(Drop.NOT_RTP)
    report = PublisherLossReport("next", scene.streams, scene.told.append)
    report.sweep(100.0)
    assert scene.told == []
