"""Whose methods are called, and what their answers mean."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import pytest

from router.handlers.calls import UserCodeError
from router.handlers.handlers import Handler, HandlerAnswer, Handlers, read_answer
from router.handlers.interface import NAMES
from router.rtsp.message import Response
from router.state.sessions import Role

SERVER = object()
MOUNT: Any = SimpleNamespace(closed=False)
STREAM = SimpleNamespace(mount=MOUNT, server=SERVER)
OK = Response(200)
GONE = Response(404, reason="Not Found: the stream is closed")


@pytest.mark.parametrize(
    ("answer", "meant"),
    [
        (None, None),
        (403, HandlerAnswer(Response(403), None)),
        (OK, HandlerAnswer(OK, None)),
        (STREAM, HandlerAnswer(None, MOUNT)),
        ((200, STREAM), HandlerAnswer(OK, MOUNT)),
        ((OK, STREAM), HandlerAnswer(OK, MOUNT)),
        ((404, None), HandlerAnswer(Response(404), None)),
        (HTTPStatus.NOT_FOUND, HandlerAnswer(Response(404), None)),
        (SimpleNamespace(mount=None, server=SERVER), HandlerAnswer(GONE, None)),
        ((OK, SimpleNamespace(mount=SimpleNamespace(closed=True), server=SERVER)), HandlerAnswer(GONE, None)),
    ],
)
def test_answers(answer: object, meant: HandlerAnswer | None) -> None:
    assert read_answer("on_describe", answer, SERVER) == meant


@pytest.mark.parametrize(
    "answer",
    [
        True,
        "200",
        b"",
        99,
        600,
        (200,),
        (200, "stream"),
        (200, STREAM, 1),
        ("no", STREAM),
        SimpleNamespace(mount=MOUNT, server=object()),
        Response(200, (("a b", ""),)),
    ],
)
def test_what_is_no_answer(answer: object) -> None:
    with pytest.raises(UserCodeError, match="on_describe gave"):
        read_answer("on_describe", answer, SERVER)


def test_only_describe_and_setup_may_offer_a_stream() -> None:
    with pytest.raises(UserCodeError, match="on_play gave"):
        read_answer("on_play", STREAM, SERVER)


def test_a_handler_with_a_role_is_asked_about_such_sessions_only() -> None:
    source = SimpleNamespace(on_session_close=print, on_request=print)
    publishers, everybody = Handler(source, "a", 1, Role.PUBLISHER), Handler(source, "b", 1)
    handlers = Handlers([publishers, everybody])
    assert handlers.with_method("on_session_close", Role.READER) == [everybody]
    assert handlers.with_method("on_session_close", Role.PUBLISHER) == [publishers, everybody]
    assert handlers.with_method("on_play", Role.READER) == []
    assert handlers.of(Role.READER) == [everybody]


def test_a_handler_has_one_method_at_least_and_a_class_is_made_into_one() -> None:
    with pytest.raises(UserCodeError, match="has none of on_connection_open"):
        Handler.of_program(SimpleNamespace(onPlay=print), 1)

    class Mine:
        def on_play(self, context: object) -> None: ...

    assert [name for name in NAMES if name in Handler.of_program(Mine, 1)] == ["on_play"]


@pytest.mark.parametrize(
    "method",
    [lambda: None, lambda session, reason: None, lambda context, *, reason: None],
    ids=["nothing", "two", "a keyword"],
)
def test_a_method_that_takes_no_context_is_found_at_once(method: Callable[..., None]) -> None:
    with pytest.raises(UserCodeError, match=r"on_play\(.*\) can't be called: .*one argument, the context"):
        Handler.of_program(SimpleNamespace(on_play=method), 1)


@pytest.mark.parametrize(
    "method", [lambda context, more=1: None, lambda *all_: None, partial(print, end=""), print, dict]
)
def test_a_method_may_be_whatever_can_be_called_with_a_context(method: Callable[..., None]) -> None:
    assert "on_play" in Handler.of_program(SimpleNamespace(on_play=method), 1)


def test_what_is_nearly_a_method_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    Handler.of_program(SimpleNamespace(on_play=print, on_desribe=print, onSetup=print), 1)
    assert "on_desribe" in caplog.text
    assert "onSetup" in caplog.text
