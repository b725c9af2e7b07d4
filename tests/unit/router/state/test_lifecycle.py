"""What begins and ends, and that what fails leaves everything as it was."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import pytest

from router.connections.connection import Connection
from router.rtsp.errors import PeerError
from router.rtsp.sdp import parse_sdp
from router.rtsp.session_state import SessionState
from router.settings import Settings
from router.state.events import FrontEvent, MountEnded, MountReady, PublisherReplaced, SessionBegan, SessionEnded
from router.state.mount_state import MountState
from router.state.mounts import Mount
from router.state.sessions import Role, Session
from router.state.state import State

SDP = parse_sdp(b"v=0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", 32)
OTHER = parse_sdp(b"v=0\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n", 32)


class Front:
    """State with everything that happens to it."""

    def __init__(self, **settings: Any) -> None:
        self.state = State.of(Settings(**settings))
        self.events: list[FrontEvent] = []
        for kind in (SessionBegan, SessionEnded, MountReady, PublisherReplaced, MountEnded):
            self.state.events.subscribe(kind, self.events.append)

    @property
    def happened(self) -> list[str]:
        return [type(each).__name__ for each in self.events]

    def announce(self, path: str = "/cam", now: float = 0.0, connection: Connection | None = None) -> Session:
        """Do what ANNOUNCE does."""
        state, connection = self.state, connection or connected()
        kept = state.lifecycle.claim(path, SDP, connection, now)
        mount = kept or state.mounts.add(path, SDP, now)
        session = state.sessions.add(Role.PUBLISHER, mount, connection, f"rtsp://server{path}", "", now)
        mount.publisher = session.id
        session.state = SessionState.ANNOUNCED
        state.lifecycle.begun(session)
        return session

    def record(self, session: Session, now: float = 0.0) -> Mount:
        """Do what RECORD does."""
        with self.state.lifecycle.recording(session, None, now):
            pass
        self.state.lifecycle.recorded(session)
        return session.mount

    def lose(self, session: Session, now: float) -> None:
        """Let a publisher vanish."""
        self.state.lifecycle.close_session(session, "gone", vanished_at=now)


class Client:
    """A connection of somebody's."""

    def __init__(self, host: str) -> None:
        self.id, self.host, self.peer = host, host, f"{host}:1"

    def close(self) -> None:
        pass


def connected(host: str = "192.0.2.1") -> Connection:
    return cast(Connection, Client(host))


def fail_to_record(front: Front, session: Session, now: float, meanwhile: Callable[[], None]) -> None:
    """Let a RECORD fail behind what happens meanwhile."""
    with suppress(RuntimeError), front.state.lifecycle.recording(session, "npt=5-", now):
        assert (session.mount.readable, session.mount.range) == (True, "npt=5-")
        meanwhile()
        raise RuntimeError("refused")


def test_a_mount_is_ready_once_and_ends_after_its_session() -> None:
    front = Front()
    session = front.announce()
    front.record(session)
    front.record(session)  # it may say so again, after a PAUSE
    front.state.lifecycle.close_session(session, "TEARDOWN")
    assert front.happened == ["SessionBegan", "MountReady", "SessionEnded", "MountEnded"]


def test_another_publisher_of_a_mount_that_waits_makes_it_not_ready_anew() -> None:
    front = Front(reconnect_grace_s=10)
    first = front.announce()
    mount = front.record(first)
    front.lose(first, 5.0)
    assert (mount.state, mount.life.since) == (MountState.WAITING, 5.0)
    second = front.announce(now=6.0)
    assert front.record(second, 7.0) is mount
    assert (mount.state, mount.life.since) == (MountState.STARTING, 7.0)
    assert front.happened[2:] == ["SessionEnded", "SessionBegan", "PublisherReplaced"]


def test_a_programs_mount_is_ready_like_any_other() -> None:
    front = Front()
    mount = front.state.mounts.add("/made", SDP, 0.0)
    front.state.lifecycle.stream_opened(mount, 1.0)
    front.state.lifecycle.close_mount(mount, "over")
    assert front.events == [MountReady(mount, None), MountEnded(mount, "over")]


def test_a_record_that_fails_leaves_the_mount_as_it_was() -> None:
    front = Front()
    session = front.announce()
    mount = session.mount
    before = mount.life
    fail_to_record(front, session, 3.0, lambda: None)
    assert (mount.life, mount.range, mount.readable) == (before, None, False)


def test_a_record_said_again_while_the_first_is_on_its_way_changes_nothing() -> None:
    front = Front()
    session = front.announce()
    lifecycle = front.state.lifecycle
    with lifecycle.recording(session, None, 1.0), lifecycle.recording(session, None, 2.0):
        assert (session.mount.state, session.mount.life.since) == (MountState.STARTING, 1.0)


def test_a_record_that_fails_lets_a_mount_wait_on() -> None:
    front = Front(reconnect_grace_s=10)
    first = front.announce()
    mount = front.record(first)
    front.state.lifecycle.media_heard("/cam", mount.generation, 1.0)
    front.lose(first, 5.0)
    second = front.announce(now=6.0)
    fail_to_record(front, second, 7.0, lambda: front.lose(second, 8.0))
    assert (mount.state, mount.life.since) == (MountState.WAITING, 5.0)


def test_a_publisher_that_vanishes_while_it_is_about_to_record_leaves_a_mount_that_waits() -> None:
    front = Front(reconnect_grace_s=10)
    session = front.announce()
    fail_to_record(front, session, 1.0, lambda: front.lose(session, 2.0))
    assert session.mount.state is MountState.WAITING
    front.state.lifecycle.expire(13.0)
    assert session.mount.closed


@pytest.mark.parametrize("per_connection", [True, False])
def test_who_can_have_no_session_takes_nobodys_path(per_connection: bool) -> None:
    limits = {"sessions_per_connection": 1} if per_connection else {"sessions": 2}
    front = Front(publish_conflict="takeover", reconnect_grace_s=10, limits=limits)
    waits = front.announce("/waits")
    front.record(waits)
    front.lose(waits, 1.0)  # a mount without a session: its end makes no room
    connection = connected("192.0.2.2")
    front.announce("/one", connection=connection)
    if not per_connection:
        front.announce("/two")
    with pytest.raises(PeerError, match="sessions"):
        front.state.lifecycle.claim("/waits", OTHER, connection, 2.0)
    assert not waits.mount.closed


def test_who_takes_over_at_the_limit_has_the_session_of_the_one_before() -> None:
    front = Front(publish_conflict="takeover", limits={"sessions": 1})
    first = front.announce()
    second = front.announce(now=1.0)
    assert first.mount.closed
    assert second.mount.publisher == second.id
