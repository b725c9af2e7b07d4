"""Who publishes a mount, one after the other, and what its front is told of it."""

import pytest

from tests.support.worker_parts import FakeConnection, Parts, rtp, sockets
from workers.channel import Kind
from workers.contract.commands import Record
from workers.contract.events import MediaHeard, MediaSilent, StreamsFollow
from workers.contract.parts import InterleavedTransport, Refusal, TrackTransport, UdpTransport
from workers.mounts.owned import OwnedMount
from workers.runtime.refusal import RefusedError

UDP = TrackTransport(0, UdpTransport("10.0.0.1", 6000, 6001))
TCP = TrackTransport(0, InterleavedTransport(0, 1))


class Scene:
    """A mount of one track."""

    def __init__(self) -> None:
        self.parts = Parts()
        self.fakes, real = sockets(2)
        self.mount = OwnedMount(self.parts.mount_state(), real, self.parts.resources, lambda mount, error: None)
        self.mount.resume(0.0)
        self.stream = self.mount.tracks[0].stream

    def record(self, session: str, transport: TrackTransport = UDP, connection: FakeConnection | None = None) -> None:
        command = Record("/cam", 1, session, "c", None, (transport,), b"", b"mount", session.encode())
        self.mount.publishing.record(command, None if connection is None else connection.real, 0.0)

    def send(self, *numbers: int, ssrc: int = 7, now: float = 0.0) -> None:
        self.stream.deliver_packets([rtp(each, ssrc=ssrc) for each in numbers], now)


def test_the_front_hears_when_media_begins_and_ceases_once_each() -> None:
    scene = Scene()
    scene.record("p")
    scene.mount.sweep(0.0)
    assert scene.parts.told == []
    scene.send(1)
    for now in (0.1, 0.2, 0.6, 0.7):
        scene.mount.sweep(now)
    assert scene.parts.told == [MediaHeard("/cam", 1), MediaSilent("/cam", 1)]


def test_record_that_is_said_again_changes_nothing_and_another_session_follows() -> None:
    scene = Scene()
    scene.record("p")
    scene.send(1, 2)
    scene.record("p")
    scene.send(3)
    assert scene.stream.numbers.next_packet(0.0)[0] == 4
    assert scene.stream.state.succession is None
    scene.record("q")
    scene.send(900, ssrc=8)
    assert (scene.stream.numbers.ssrc, scene.stream.numbers.next_packet(0.0)[0]) == (7, 5)
    assert scene.mount.describe(records=True).publisher_record == b"q"


def test_the_same_session_by_another_way_has_its_own_numbers() -> None:
    scene, connection = Scene(), FakeConnection()
    scene.record("p")
    scene.send(1, 2)
    scene.record("p", TCP, connection)
    assert connection.gathers
    connection.bring(0, rtp(700))
    assert scene.stream.numbers.next_packet(0.0)[0] == 701
    assert scene.mount.publishing.carriers == {connection.real}


def test_how_streams_follow_is_told_whenever_it_changes_and_goes_on_at_another_worker() -> None:
    scene = Scene()
    scene.record("p")
    scene.send(1, 2)
    scene.mount.publishing.stop("another")
    assert scene.parts.told == []
    scene.mount.publishing.stop("p")
    (told,) = [each for each in scene.parts.told if isinstance(each, StreamsFollow)]
    assert scene.mount.describe(records=True).publisher == ""
    after = Scene()
    after.mount.publishing.follow(told.streams)
    assert list(after.parts.loop.watched) == [each.number for each in after.fakes], "readers may be heard before"
    after.record("q")
    after.send(900, ssrc=8)
    assert (after.stream.numbers.ssrc, after.stream.numbers.next_packet(0.0)[0]) == (7, 4)
    with pytest.raises(RefusedError) as refused:
        after.mount.publishing.follow(b"garbage")
    assert refused.value.cause is Refusal.FAILED


def test_a_publisher_without_its_connection_can_be_told_nothing() -> None:
    scene, connection = Scene(), FakeConnection()
    scene.record("p", TCP, connection)
    assert scene.stream.send_to_publisher(Kind.RTCP, b"report", 0.0)
    connection.outlet.flush(0.0)
    assert connection.frames == [(1, b"report")]
    connection.end()
    assert not scene.stream.send_to_publisher(Kind.RTCP, b"report", 0.0)
    assert scene.mount.publishing.carriers == set()
