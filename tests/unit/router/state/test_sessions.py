"""Sessions by id, up to each limit, and tied to whoever spoke last."""

from typing import Any

import pytest

from router.rtsp.errors import PeerError
from router.rtsp.session_state import SessionState
from router.settings import Settings
from router.state.mounts import Mount, Mounts
from router.state.sessions import Role, Session, Sessions
from tests.unit.router.state.people import SDP, client
from workers.contract.parts import InterleavedTransport, MulticastTransport, TrackTransport, UdpTransport

HERE = client()


class Scene:
    def __init__(self, **limits: int) -> None:
        tables: dict[str, Any] = {"limits": limits, "mounts": {"/free": {"max_readers": 0}}}
        self.sessions = Sessions(Settings.model_validate(tables))
        self.mounts = Mounts(10)
        self.cam, self.free = (self.mounts.add(path, SDP, 0.0) for path in ("/cam", "/free"))

    def add(self, role: Role = Role.READER, mount: Mount | None = None, connection: Any = HERE) -> Session:
        return self.sessions.add(role, mount or self.cam, connection, "rtsp://server/cam", "anna", 5.0)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"sessions": 2}, "all 2 sessions are taken"),
        ({"sessions_per_connection": 2}, "this connection has 2 sessions already"),
        ({"max_readers": 2}, "there are 2 readers, as many as may be"),
        ({"max_readers_per_mount": 2}, "/cam has 2 readers, as many as it may"),
    ],
)
def test_one_more_than_may_be_gets_503_until_another_leaves(limits: dict[str, int], reason: str) -> None:
    scene = Scene(**limits)
    first, _ = scene.add(), scene.add()
    with pytest.raises(PeerError, match=reason) as caught:
        scene.add()
    assert caught.value.status == 503
    assert len(scene.sessions) == 2
    scene.sessions.remove(first)
    scene.sessions.remove(first)
    scene.add()
    with pytest.raises(PeerError, match=reason):
        scene.add()


def test_publishers_are_no_readers_and_a_mount_may_have_a_limit_of_its_own() -> None:
    scene = Scene(max_readers_per_mount=1)
    scene.add(Role.PUBLISHER)
    scene.add()
    for _ in range(3):
        scene.add(mount=scene.free)


def test_one_that_is_about_to_leave_makes_room() -> None:
    scene = Scene(sessions=1, sessions_per_connection=1)
    leaving = scene.add()
    with pytest.raises(PeerError):
        scene.sessions.check_room(HERE)
    scene.sessions.check_room(HERE, leaving=[leaving.id])
    with pytest.raises(PeerError):
        scene.sessions.check_room(client("192.0.2.9"), leaving=["nobody"])


def test_another_hosts_session_is_none() -> None:
    scene = Scene()
    session = scene.add()
    assert scene.sessions.find(session.id, "192.0.2.1") is session
    for session_id, host in ((session.id, "192.0.2.2"), ("nobody", "192.0.2.1")):
        with pytest.raises(PeerError, match="no such session") as caught:
            scene.sessions.find(session_id, host)
        assert caught.value.status == 454


def test_a_session_is_tied_to_the_connection_that_spoke_last() -> None:
    scene, other = Scene(), client("192.0.2.9")
    session = scene.add()
    assert session.last_connection == HERE.id
    session.orphaned = 3.0
    scene.sessions.move(session, other)
    assert (scene.sessions.of(HERE), scene.sessions.of(other)) == ([], [session])
    assert not session.orphaned
    scene.sessions.move(session, None)
    assert (session.connection, scene.sessions.of(other)) == (None, [])
    scene.sessions.remove(session)
    assert (session.state, scene.sessions.get(session.id)) == (SessionState.CLOSED, None)
    assert session.last_connection == other.id, "its end is told in order with that connection's"


def test_those_of_an_earlier_front_are_known_again_whatever_the_limits() -> None:
    scene = Scene(sessions=1, max_readers=1)
    session = scene.add()
    scene.sessions.remove(session)
    scene.add()
    scene.sessions.restore(session)
    assert len(scene.sessions) == 2
    with pytest.raises(PeerError):
        scene.add()


UDP, TCP = UdpTransport("192.0.2.1", 5000, 5001), InterleavedTransport(0, 1)
MULTICAST = MulticastTransport("192.0.2.1", "239.1.2.3", 5004, 5005, 1, "")


@pytest.mark.parametrize(
    ("transports", "name"),
    [
        ([], ""),
        ([UDP], "udp"),
        ([TCP], "tcp"),
        ([MULTICAST], "multicast"),
        ([UDP, TCP], "tcp"),
        ([UDP, MULTICAST], "multicast"),
    ],
)
def test_a_transport_has_the_name_that_people_give_it(transports: list[Any], name: str) -> None:
    session = Scene().add()
    session.transports = {track: TrackTransport(track, each) for track, each in enumerate(transports)}
    assert session.transport_name == name
    assert (session.over_udp, session.interleaved) == (UDP in transports, TCP in transports)


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        (TrackTransport(0, UdpTransport("192.0.2.1", 9000, 9001)), True),
        (TrackTransport(0, UdpTransport("192.0.2.9", 9000, 9001)), False),  # another host
        (TrackTransport(1, UdpTransport("192.0.2.1", 9000, 9001)), False),  # a track that it has not
        (TrackTransport(0, TCP), False),
    ],
)
def test_a_nat_changes_ports_and_nothing_else(told: TrackTransport, taken: bool) -> None:
    session = Scene().add()
    declared = session.transports[0] = TrackTransport(0, UDP)
    session.correct(told)
    assert session.in_order() == (declared,)
    session.let_corrections_be()
    assert session.in_order() == ((told,) if taken else (declared,))
    assert session.corrected == {}
