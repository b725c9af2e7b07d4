"""A reader's session: its tracks over both transports, its connection, its counts."""

from tests.support.worker_parts import FakeConnection
from tests.unit.workers.readers.readers import Scene as Track
from workers.contract.image import ReaderImage, ReaderTrackImage
from workers.contract.parts import InterleavedTransport, TrackTransport, UdpTransport
from workers.readers.interleaved import TcpReaderTrack
from workers.readers.session import ReaderSession
from workers.readers.udp import UdpReaderTrack
from workers.sockets.addresses import IPV4
from workers.streams.ingest import UdpSender
from workers.streams.sources import AddressBook

UDP, TCP = UdpTransport("10.0.0.1", 7000, 7001), InterleavedTransport(0, 1)


class Scene(Track):
    """A session with one track over UDP and one inside its connection; both are of the same stream."""

    def __init__(self) -> None:
        super().__init__()
        self.session = ReaderSession(ReaderImage("r"), "/cam", self.parts.resources)
        book: AddressBook[UdpSender] = AddressBook(IPV4)
        context = self.session.context
        self.session.tracks[0] = UdpReaderTrack(
            ReaderTrackImage(TrackTransport(0, UDP)), UDP, self.track, context, book
        )
        self.session.tracks[1] = TcpReaderTrack(ReaderTrackImage(TrackTransport(1, TCP)), TCP, self.track, context)
        self.connection = FakeConnection()

    def attach(self, connection: FakeConnection) -> None:
        for index in self.session.tracks:
            self.session.attach(index, connection.real)


def test_only_interleaved_tracks_use_the_connection() -> None:
    scene = Scene()
    scene.session.attach(0, scene.connection.real)
    assert (scene.session.carrier, list(scene.connection.users)) == (None, [])
    scene.session.attach(1, scene.connection.real)
    assert (scene.session.carrier, scene.session.state.carrier) == (scene.connection.real, "c")
    assert [each.text for each in scene.connection.users] == ["reader r of /cam"]


def test_another_connection_takes_the_place_of_the_first() -> None:
    scene, other = Scene(), FakeConnection("other")
    scene.attach(scene.connection)
    scene.attach(other)
    assert (list(scene.connection.users), scene.connection.routed) == ([], set())
    assert (scene.session.state.carrier, len(list(other.users))) == ("other", 1)


def test_what_goes_over_udp_survives_the_connection() -> None:
    scene = Scene()
    scene.attach(scene.connection)
    scene.session.open_gate(0.0)
    scene.send(1)
    scene.connection.end()
    scene.send(2)
    assert scene.session.state.playing
    assert len(scene.got(7000)) == 2
    assert scene.session.describe().packets_out == 3
    scene.session.drop(0)
    assert scene.session.describe().packets_out == 3, "what it has got still counts"


def test_a_session_of_the_connection_alone_ends_with_it() -> None:
    scene = Scene()
    scene.session.drop(0)
    scene.attach(scene.connection)
    scene.session.open_gate(0.0)
    scene.connection.end()
    assert (scene.session.state.playing, scene.session.carrier) == (False, None)


def test_what_is_forgotten_leaves_its_connection() -> None:
    scene = Scene()
    scene.attach(scene.connection)
    scene.session.open_gate(0.0)
    scene.session.forget()
    scene.send(1)
    assert (list(scene.connection.users), scene.got(7000), scene.session.tracks) == ([], [], {})


def test_records_are_for_a_new_front_alone() -> None:
    scene = Scene()
    scene.session.state.record = b"record"
    assert scene.session.describe().record == b""
    assert scene.session.describe(records=True).record == b"record"
