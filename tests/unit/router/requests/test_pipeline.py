"""The way of a request: every message has its response, in whatever way it fails."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from router.connections.connection import Connection, Side
from router.handlers.contexts import DecisionContext
from router.requests.exchange import Exchange
from router.requests.method import Method
from router.requests.pipeline import RequestPipeline
from router.rtsp.errors import PeerError
from router.rtsp.message import Response
from router.rtsp.url import RtspUrl
from router.settings import Settings
from router.state.events import RequestArrived, ResponseSent
from router.state.sessions import Role
from router.state.state import State

OK = Response(200)


class Spoken:
    """What a connection was answered."""

    def __init__(self) -> None:
        self.id, self.host, self.peer, self.side = "c", "192.0.2.1", "192.0.2.1:1", Side.BOTH
        self.closed, self.refusals = False, 0
        self.lines: list[str] = []

    def write(self, response: bytes) -> None:
        self.lines.append(response.decode().split("\r\n")[0].removeprefix("RTSP/1.0 "))


class Asks(Method):
    """A method with every step; it notes those that it came to."""

    handler = "on_describe"
    context = DecisionContext

    def __init__(self, steps: list[str], response: Response | Exception = OK) -> None:
        self._steps = steps
        self._response = response

    def role(self, exchange: Exchange) -> Role:
        self._steps.append("role")
        return Role.READER

    def about(self, exchange: Exchange) -> RtspUrl:
        self._steps.append("about")
        return exchange.target

    def check(self, exchange: Exchange) -> None:
        self._steps.append("check")

    def needs_mount(self, exchange: Exchange) -> bool:
        self._steps.append("needs mount")
        return self._response == Response(404)

    async def run(self, exchange: Exchange) -> Response:
        self._steps.append("run")
        if isinstance(self._response, Exception):
            raise self._response
        return self._response


class Served:
    def of(self, side: Side) -> tuple[str, ...]:
        return ("DESCRIBE", "OPTIONS")

    def check(self, exchange: Exchange) -> None: ...


def ask(method: Method, message: bytes, steps: list[str]) -> tuple[list[str], list[str]]:
    """Let one message be answered; gives the status lines and the kinds of events."""

    async def program() -> tuple[list[str], list[str]]:
        state, spoken, events = State.of(Settings()), Spoken(), list[str]()
        for kind in (RequestArrived, ResponseSent):
            state.events.subscribe(kind, lambda event: events.append(type(event).__name__))

        async def authenticate(role: Role, connection: object, request: object, about: RtspUrl) -> str:
            steps.append(f"authenticate {role} of {about.path}")
            return "carl"

        async def decide(exchange: Exchange, method: Method, carry_out: Any) -> Response:
            steps.append("handlers")
            response: Response = await carry_out(exchange)
            return response

        async def room(connection: object) -> None: ...

        pipeline = RequestPipeline(
            state,
            {"DESCRIBE": method},
            cast(Any, Served()),
            cast(Any, SimpleNamespace(authenticate=authenticate)),
            cast(Any, SimpleNamespace(decide=decide, room=room)),
        )
        await pipeline.serve(cast(Connection, spoken), message)
        return spoken.lines, events

    return asyncio.run(program())


DESCRIBE = b"DESCRIBE rtsp://server/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n"


def test_the_steps_come_in_this_order() -> None:
    steps: list[str] = []
    assert ask(Asks(steps), DESCRIBE, steps) == (["200 OK"], ["RequestArrived", "ResponseSent"])
    expected = ["role", "about", "authenticate reader of /cam", "check", "handlers", "needs mount", "run"]
    assert steps == expected


def test_a_path_where_nothing_is_published_is_found_out_behind_the_handlers() -> None:
    steps: list[str] = []
    lines, _ = ask(Asks(steps, Response(404)), DESCRIBE, steps)
    assert lines == ["404 Not Found: nobody publishes /cam"]
    assert steps[-2:] == ["handlers", "needs mount"]


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (DESCRIBE.replace(b"DESCRIBE", b"BOIL"), "501 Not Implemented"),
        (DESCRIBE.replace(b"rtsp://server/cam", b"http://server/cam"), "400 Bad Request"),
        (DESCRIBE.replace(b"\r\n\r\n", b"\r\nRequire: teleport\r\n\r\n"), "551 Option not supported"),
        (DESCRIBE.replace(b"\r\n\r\n", b"\r\nSession: 12345678\r\n\r\n"), "454 Session Not Found"),
        (b"what?\r\n\r\n", "400 Bad Request"),
    ],
)
def test_what_is_refused_before_anybody_is_asked(message: bytes, line: str) -> None:
    steps: list[str] = []
    lines, _ = ask(Asks(steps), message, steps)
    assert len(lines) == 1
    assert lines[0].lower().startswith(line.lower())
    assert steps == []


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (PeerError(453, "too much"), "453 Not Enough Bandwidth: too much"),
        (RuntimeError("a mistake"), "500 Internal Server Error"),
        (Response(200, (("X-Broken", "a\r\nb"),)), "500 Internal Server Error"),
    ],
    ids=["a peer's error", "ours", "a response that can't be written"],
)
def test_whatever_fails_has_a_response(outcome: Response | Exception, line: str) -> None:
    steps: list[str] = []
    lines, events = ask(Asks(steps, outcome), DESCRIBE, steps)
    assert lines == [line]
    assert events == ["RequestArrived", "ResponseSent"]
