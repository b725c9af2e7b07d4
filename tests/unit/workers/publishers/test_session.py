"""A publisher's session over both transports: how it starts, loses its connection, and is followed."""

from tests.support.worker_parts import FakeConnection, Parts, rtp, sockets
from workers.channel import Kind
from workers.contract.events import SessionHeard
from workers.contract.image import PublisherImage
from workers.contract.parts import InterleavedTransport, TrackTransport, UdpTransport
from workers.publishers.interleaved import InterleavedLink
from workers.publishers.session import PublisherSession
from workers.streams.link import NO_PUBLISHER
from workers.streams.track import make_tracks

UDP = TrackTransport(0, UdpTransport("10.0.0.1", 6000, 6001))
TCP = TrackTransport(1, InterleavedTransport(2, 3))


class Scene:
    def __init__(self, *transports: TrackTransport) -> None:
        self.parts = Parts()
        self.fakes, pairs = sockets(4)
        states = [self.parts.track_state(port) for port in (10_000, 10_002)]
        self.tracks = make_tracks(states, pairs, self.parts.resources, replica=False)
        self.connection = FakeConnection()
        state = PublisherImage("p", transports=transports)
        self.session = PublisherSession(state, "/cam", self.tracks, self.parts.resources)
        self.session.start(self.connection.real, 0.0)


def test_each_track_is_linked_by_its_transport() -> None:
    scene = Scene(UDP, TCP)
    over_udp, over_tcp = (each.stream for each in scene.tracks)
    assert over_udp.sources[Kind.RTP].expected == scene.parts.resources.family.pack("10.0.0.1", 6000)
    assert isinstance(over_tcp.link, InterleavedLink)
    assert (scene.session.carriers, scene.session.state.carrier) == ({scene.connection.real}, "c")
    assert scene.connection.gathers
    over_udp.link.on_rtcp(100.0)
    assert scene.parts.told == [SessionHeard("p")]


def test_without_a_connection_nothing_is_interleaved() -> None:
    scene = Scene(UDP, TCP)
    scene.session.stop()
    scene.session.start(None, 0.0)
    assert scene.tracks[1].stream.link is NO_PUBLISHER
    assert scene.session.carriers == set()


def test_what_comes_over_udp_goes_on_without_the_connection() -> None:
    scene = Scene(UDP, TCP)
    over_udp = scene.tracks[0].stream.link
    scene.connection.end()
    assert [each.stream.link for each in scene.tracks] == [over_udp, NO_PUBLISHER]
    assert (scene.session.carriers, scene.session.state.carrier) == (set(), "")


def test_record_said_again_is_the_same_publisher_only_with_all_the_same() -> None:
    scene = Scene(UDP, TCP)
    same, other = scene.connection.real, FakeConnection("other").real
    assert scene.session.is_same("p", (UDP, TCP), same)
    assert not scene.session.is_same("p", (UDP, TCP), other)
    assert not scene.session.is_same("p", (UDP, TCP), None)
    assert not scene.session.is_same("q", (UDP, TCP), same)
    assert not scene.session.is_same("p", (UDP,), same)
    assert Scene(UDP).session.is_same("p", (UDP,), None), "UDP needs no connection"


def test_after_its_end_the_next_ones_packets_follow_on_all_tracks() -> None:
    scene = Scene(UDP, TCP)
    for each in scene.tracks:
        each.stream.deliver_packets([rtp(1)], 0.0)
    scene.session.stop()
    assert (list(scene.connection.users), scene.connection.routed) == ([], set())
    successions = [each.stream.state.succession for each in scene.tracks]
    assert successions[0] is not None
    assert successions[1] is not None
    assert successions[0].ntp is successions[1].ntp, "tracks stay in step"
    assert scene.tracks[0].stream.sources[Kind.RTP].expected is None
