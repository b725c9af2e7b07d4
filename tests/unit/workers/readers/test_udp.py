"""A reader over UDP: where its packets go, and how that is corrected."""

import pytest

from tests.support.worker_parts import rtp
from tests.unit.workers.readers.readers import Scene as Track
from workers.channel import Kind
from workers.contract.events import ReaderCorrected
from workers.contract.image import ReaderTrackImage
from workers.contract.parts import TrackTransport, UdpTransport
from workers.readers.udp import UdpReaderTrack
from workers.sockets.addresses import IPV4
from workers.streams.ingest import UdpSender
from workers.streams.sources import AddressBook

DECLARED = UdpTransport("10.0.0.1", 7000, 7001)
NATTED, STRANGER = IPV4.pack("10.0.0.1", 9000), IPV4.pack("10.0.0.2", 9000)


class Scene(Track):
    def __init__(self) -> None:
        super().__init__()
        self.book: AddressBook[UdpSender] = AddressBook(IPV4)
        self.reader = self.make(ReaderTrackImage(TrackTransport(0, DECLARED)))

    def make(self, state: ReaderTrackImage) -> UdpReaderTrack:
        return UdpReaderTrack(state, DECLARED, self.track, self.context, self.book)


def test_packets_flow_from_play_to_pause() -> None:
    scene = Scene()
    scene.send(1)
    scene.track.stream.reports.sender_report = b"report"
    scene.reader.open_gate(0.0)
    scene.send(2)
    scene.reader.close_gate()
    scene.send(3)
    assert (scene.got(7000), scene.got(7001)) == ([rtp(2)], [b"report"])
    assert (scene.reader.packets_out, scene.reader.dropped) == (2, 0)


def test_a_report_is_not_said_again_to_one_that_plays() -> None:
    scene = Scene()
    scene.reader.open_gate(0.0)
    scene.track.stream.reports.sender_report = b"report"
    scene.reader.open_gate(0.0)
    assert scene.got(7001) == []


def test_a_nat_may_correct_the_port_and_the_front_is_told() -> None:
    scene = Scene()
    scene.reader.open_gate(0.0)
    scene.reader.correct(Kind.RTP, NATTED, 1.0)
    scene.send(1)
    assert (scene.got(7000), scene.got(9000)) == ([], [rtp(1)])
    corrected = TrackTransport(0, UdpTransport("10.0.0.1", 9000, 7001))
    assert scene.parts.told == [ReaderCorrected("r", corrected)]
    assert scene.reader.corrected == corrected
    assert scene.book.find(NATTED) is scene.reader
    assert scene.book.find(IPV4.pack("10.0.0.1", 7000)) is None
    assert scene.signs == [1.0]


@pytest.mark.parametrize(
    "told", [b"", b"\0", b"\0" + STRANGER, b"\1" + STRANGER, b"\0" + NATTED[:-1], b"\0" + NATTED * 2]
)
def test_nobody_sends_its_packets_to_another_host_or_to_no_address(told: bytes) -> None:
    scene = Scene()
    scene.reader.correct_as_told(told, 1.0)
    assert scene.reader.corrected is None
    assert scene.parts.told == []


@pytest.mark.parametrize(("kind", "ports"), [(Kind.RTP, (9000, 7001)), (Kind.RTCP, (7000, 9000))])
def test_a_replica_corrects_what_the_mounts_owner_has_heard(kind: Kind, ports: tuple[int, int]) -> None:
    scene = Scene()
    scene.reader.correct_as_told(bytes([kind]) + NATTED, 1.0)
    assert scene.reader.corrected == TrackTransport(0, UdpTransport("10.0.0.1", *ports))


def test_one_that_was_heard_is_waited_for_no_more() -> None:
    scene = Scene()
    assert scene.book.only_unheard(0, NATTED) is scene.reader
    scene.reader.on_packet(Kind.RTP, IPV4.pack("10.0.0.1", 7000), 1.0)
    assert scene.book.only_unheard(0, NATTED) is None
    assert scene.book.only_unheard(1, NATTED) is scene.reader, "it may punch its other port yet"


def test_what_is_forgotten_is_nowhere() -> None:
    scene = Scene()
    scene.reader.open_gate(0.0)
    scene.reader.forget()
    scene.send(1)
    assert scene.got(7000) == []
    assert scene.book.find(IPV4.pack("10.0.0.1", 7000)) is None
    assert scene.book.only_unheard(0, NATTED) is scene.book.only_unheard(1, NATTED) is None


def test_a_corrected_port_moves_to_the_next_worker() -> None:
    scene = Scene()
    scene.reader.correct(Kind.RTP, NATTED, 1.0)
    after = scene.make(scene.reader.state)
    after.go_on(0.0)
    scene.send(1)
    assert scene.got(9000) == [rtp(1)]
    assert after.corrected == scene.reader.corrected
