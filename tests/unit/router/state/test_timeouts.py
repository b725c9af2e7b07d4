"""How long a session lives, by its role and state."""

from collections.abc import Callable

import pytest

from router.rtsp.sdp import parse_sdp
from router.rtsp.session_state import SessionState
from router.settings import Settings
from router.state.mount_state import MountLife, MountState
from router.state.mounts import Mount
from router.state.sessions import Role, Session
from router.state.timeouts import Timeouts
from workers.contract.parts import InterleavedTransport, TrackTransport

SDP = parse_sdp(b"v=0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", 32)
SETTINGS = Settings(
    session_timeout_s=60, handshake_timeout_s=10, publish_start_timeout_s=20, stale_after_s=5, publish_timeout_s=30,
    reconnect_grace_s=15,
)  # fmt: skip


def a_session(role: Role, state: SessionState, mount_state: MountState, *, orphaned: float | None = None) -> Session:
    mount = Mount("/cam", 1, 0.0, SDP)
    mount.life = MountLife(mount_state, 0.0)
    if mount_state is not MountState.ANNOUNCED:
        mount.last_publisher = "s"
    session = Session(
        id="s", role=role, host="192.0.2.1", mount=mount, url="rtsp://server/cam", user="", connection=None,
        timeout_s=60, since=0.0, heard=0.0, state=state,
    )  # fmt: skip
    session.orphaned = orphaned
    return session


def interleaved() -> Session:
    session = a_session(Role.READER, SessionState.PLAYING, MountState.LIVE)
    session.transports[0] = TrackTransport(0, InterleavedTransport(0, 1))
    return session


@pytest.mark.parametrize(
    ("session", "lives_for", "reason"),
    [
        (lambda: a_session(Role.READER, SessionState.PLAYING, MountState.LIVE), 60, "no sign of life"),
        (lambda: a_session(Role.READER, SessionState.READY, MountState.LIVE), 60, "no sign of life"),
        (lambda: a_session(Role.READER, SessionState.READY, MountState.LIVE, orphaned=0.0), 10, "no sign of life"),
        (lambda: a_session(Role.PUBLISHER, SessionState.ANNOUNCED, MountState.ANNOUNCED), 20, "no RECORD within 20 s"),
        (lambda: a_session(Role.PUBLISHER, SessionState.RECORDING, MountState.STARTING), 20, "no RTP within 20 s"),
        (lambda: a_session(Role.PUBLISHER, SessionState.RECORDING, MountState.STARTING, orphaned=0.0), 5, "within 5 s"),
        (lambda: a_session(Role.PUBLISHER, SessionState.RECORDING, MountState.SILENT), 25, "no RTP for 3"),
        (lambda: a_session(Role.PUBLISHER, SessionState.RECORDING, MountState.SILENT, orphaned=0.0), 5, "is lost"),
    ],
)
def test_a_session_ends_right_after_its_limit(session: Callable[[], Session], lives_for: float, reason: str) -> None:
    timeouts = Timeouts(SETTINGS)
    assert timeouts.of_session(session(), lives_for) is None
    assert reason in (timeouts.of_session(session(), lives_for + 0.01) or "")


@pytest.mark.parametrize(
    "session", [interleaved, lambda: a_session(Role.PUBLISHER, SessionState.RECORDING, MountState.LIVE)]
)
def test_what_its_worker_looks_after_never_ends_here(session: Callable[[], Session]) -> None:
    assert Timeouts(SETTINGS).of_session(session(), 1e6) is None


def test_a_mount_waits_as_long_as_nobody_else_tries() -> None:
    timeouts, mount = Timeouts(SETTINGS), Mount("/cam", 1, 0.0, SDP)
    mount.life = MountLife(MountState.WAITING, 0.0)
    assert timeouts.of_mount(mount, 15) is None
    assert timeouts.of_mount(mount, 15.01) == "no publisher came back within 15 s"
    mount.publisher = "s"
    assert timeouts.of_mount(mount, 15.01) is None
