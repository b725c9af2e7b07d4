"""Whatever goes wrong with a request is a status, and says no more than it should."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from router.access.authentication import Unauthorized
from router.link.placement import NotArrived
from router.link.worker import WorkerGone, WorkerRefused
from router.requests import failure as module
from router.requests.exchange import Exchange
from router.requests.failure import NotHere, Unsupported, failure
from router.rtsp.errors import PeerError
from router.rtsp.message import Request
from router.rtsp.session_state import SessionState
from workers.contract.parts import Refusal
from workers.contract.replies import Refused


class Log:
    def __init__(self) -> None:
        self.errors: list[BaseException] = []

    def error(self, text: str, *, exc_info: BaseException, **_: object) -> None:
        self.errors.append(exc_info)


def exchange(session: object = None) -> Exchange:
    connection = SimpleNamespace(id="c", peer="192.0.2.1:1")
    request = SimpleNamespace(method="PLAY", cseq="7")
    made = Exchange(cast(Any, connection), cast(Request, request), None, cast(Any, session), 0.0)
    made.allowed = ("OPTIONS", "DESCRIBE")
    return made


@pytest.mark.parametrize(
    ("error", "status", "header"),
    [
        (NotHere(405, "ANNOUNCE belongs on the other port"), 405, ("Allow", "OPTIONS, DESCRIBE")),
        (Unsupported("x-play"), 551, ("Unsupported", "x-play")),
        (PeerError(461, "no transport"), 461, None),
        (PeerError(455, "not now"), 455, None),
        (WorkerRefused(Refused(Refusal.UNKNOWN_MOUNT, "x")), 404, None),
        (WorkerRefused(Refused(Refusal.UNKNOWN_READER, "x")), 404, None),
        (WorkerRefused(Refused(Refusal.STALE, "x")), 404, None),
        (WorkerRefused(Refused(Refusal.NO_PORTS, "no port is free")), 503, None),
        (WorkerGone("worker 0 died"), 503, None),
        (NotArrived(), 503, None),
    ],
)
def test_each_error_has_its_status(
    monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, header: tuple[str, str] | None
) -> None:
    log = Log()
    monkeypatch.setattr(module, "log", log)
    response = failure(exchange(), error)
    assert response.status == status
    assert header is None or header in response.headers
    assert log.errors == [], "these are nobody's defects"


def test_every_challenge_is_a_header_of_its_own() -> None:
    response = failure(exchange(), Unauthorized("wrong", ("Basic realm=r", "Digest realm=r")))
    assert response.status == 401
    assert [value for name, value in response.headers if name == "WWW-Authenticate"] == [
        "Basic realm=r",
        "Digest realm=r",
    ]


def test_a_method_at_the_wrong_time_is_told_which_ones_would_be_right() -> None:
    session = SimpleNamespace(id="s", state=SessionState.PLAYING, timeout_s=60)
    response = failure(exchange(session), PeerError(455, "not now"))
    (allow,) = [value for name, value in response.headers if name == "Allow"]
    assert "PAUSE" in allow


def test_a_defect_is_ours_and_logged_whole_and_the_client_hears_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log()
    monkeypatch.setattr(module, "log", log)
    error = KeyError("/etc/secret")
    response = failure(exchange(), error)
    assert (response.status, log.errors) == (500, [error])
    assert "secret" not in repr(response)
