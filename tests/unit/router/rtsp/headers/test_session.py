"""The Session header."""

import pytest

from router.rtsp.errors import LocalError
from router.rtsp.headers.session import SessionHeader, format_session, parse_session
from tests.unit.router.rtsp.headers.cases import SESSIONS


@pytest.mark.parametrize(("value", "session"), SESSIONS)
def test_sessions_are_read(value: str, session: SessionHeader) -> None:
    assert parse_session(value) == session


def test_sessions_are_written_with_their_timeout() -> None:
    assert format_session("Az09$-_.+", 60) == "Az09$-_.+;timeout=60"


@pytest.mark.parametrize("id", ["", "a;b", "a b", "a\r\n", "ü", "a" * 129])
def test_what_is_no_session_id_is_our_own_fault(id: str) -> None:
    with pytest.raises(LocalError):
        format_session(id, 60)
