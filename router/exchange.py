"""One request on its way through the front, and the dispatcher that leads it there.

The way: parse -> known method -> right port -> session -> state -> the method's own function -> response.
Whatever goes wrong on it becomes a status here and nowhere else.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from router.access import Unauthorized
from router.connection import Connection, ConnectionEnded, Side
from router.fleet.gate import GateClosed
from router.fleet.worker import Worker, WorkerError, WorkerGone, WorkerRefused
from router.logs import get_logger
from router.mounts import Mount, Place, Replica
from router.rtsp.errors import PeerError
from router.rtsp.headers.session import format_session
from router.rtsp.message import MessageLimits, Request, Response, is_response, parse_request
from router.rtsp.session_state import SessionState, allowed, next_state
from router.rtsp.status import REASONS
from router.rtsp.url import RtspUrl, parse_url
from router.sessions import Role, Session, Sessions
from workers.contract.messages import Refusal

log = get_logger(__name__)

REFUSALS_LOGGED = 10
"""Refused requests of one connection that are logged."""
SESSION_METHODS = ("PLAY", "RECORD", "PAUSE", "TEARDOWN")
"""Methods that make no sense without a session (454)."""
BACK_CHANNEL = "www.onvif.org/ver20/backchannel"
"""What a reader requires that may send to the publisher (ONVIF Streaming section 5.3.1)."""


def public(*, publishing: bool, reading: bool) -> dict[Side, tuple[str, ...]]:
    """List the methods that each port serves, of a server where one can publish, or read, or both."""
    nothing = ("OPTIONS", "GET_PARAMETER", "SET_PARAMETER")
    common = ("OPTIONS", "SETUP", "PAUSE", "TEARDOWN", "GET_PARAMETER", "SET_PARAMETER")
    publish = (*common, "ANNOUNCE", "RECORD") if publishing else nothing
    client = (*common, "DESCRIBE", "PLAY") if reading else nothing
    return {
        Side.PUBLISH: publish,
        Side.CLIENT: client,
        Side.BOTH: tuple(dict.fromkeys(publish + client)),
    }


@dataclass(slots=True)
class Exchange:
    """One request with what is known of it. `url` is None for `OPTIONS *`.

    `path` and `query` are what a request that asks for admission is about, without a track; `user` who it is from.
    """

    connection: Connection
    request: Request
    url: RtspUrl | None
    session: Session | None
    now: float
    allowed: tuple[str, ...] = ()
    """The methods that its port serves."""
    path: str = ""
    query: str = ""
    user: str = ""
    offered: Mount | None = None
    """What a handler offers in place of what is published at the path."""
    extra: tuple[tuple[str, str], ...] = ()
    """Headers that a handler adds to a good response."""
    answered: bool = False
    """The worker wrote the response itself, with PLAY and RECORD."""

    @property
    def target(self) -> RtspUrl:
        """The request's URL.

        Raises:
            PeerError: 400 for `*`, which only OPTIONS may name.
        """
        if self.url is None:
            raise PeerError(400, f"{self.request.method} needs an rtsp:// URL")
        return self.url

    def respond(
        self, status: int = 200, *headers: tuple[str, str], body: bytes = b"", reason: str | None = None
    ) -> Response:
        """Make the response, with the headers that every response has, and a good one with a handler's."""
        if status < 300:
            headers += self.extra
        return make_response(self.request.cseq, self.session, status, headers, body, reason)


def make_response(
    cseq: str | None,
    session: Session | None,
    status: int,
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    reason: str | None = None,
) -> Response:
    """Make a response out of what is known of its request; `session` names its timeout (RFC 2326 section 12.37).

    A `reason` follows the status's own phrase: clients show that line to people.
    """
    common: list[tuple[str, str]] = []
    if cseq is not None:
        common.append(("CSeq", cseq))
    common.append(("Server", "Trunkline"))
    if session is not None:
        common.append(("Session", format_session(session.id, session.timeout_s)))
    phrase = None if reason is None else f"{REASONS[status]}: {reason}" if status in REASONS else reason
    return Response(status, (*common, *headers), body, phrase)


def required(request: Request) -> list[str]:
    """List what a client can't do without (RFC 2326 section 12.32)."""
    return [
        option for line in request.headers.get_all("Require") for each in line.split(",") if (option := each.strip())
    ]


Method = Callable[[Exchange], Awaitable[Response]]


def worker_of(mount: Place) -> Worker:
    """Give the worker of a mount, or of a replica.

    Raises:
        PeerError: 404 where the mount was closed while the request waited, 503 where it has no worker for now.
    """
    if isinstance(mount, Replica) and mount.closed and not mount.mount.closed:
        raise PeerError(503, f"{mount.mount.path} is served by another worker now; try again")
    if mount.closed or (mount.worker is None and (isinstance(mount, Replica) or mount.source is None)):
        raise PeerError(404, f"{mount.path} was closed meanwhile")
    if mount.worker is None:
        raise PeerError(503, f"{mount.path} has lost its worker and waits for another")
    assert isinstance(mount.worker, Worker)  # who is inside its gate meets no move
    return mount.worker


@asynccontextmanager
async def at_worker(mount: Place) -> AsyncIterator[Worker]:
    """Keep a mount where it is for as long as the block lasts; give its worker, once a move has ended.

    Raises:
        PeerError: as `worker_of` does.
        GateClosed: a move does not end.
    """
    async with mount.gate.inside():
        yield worker_of(mount)


def still_there(session: Session, exchange: Exchange) -> None:
    """Notice, after waiting, that the session ended in the meantime.

    Raises:
        PeerError: 454.
        ConnectionEnded: it ended with its connection.
    """
    if session.state is SessionState.CLOSED:
        if exchange.connection.closed:
            raise ConnectionEnded
        exchange.session = None
        raise PeerError(454, "the session was closed meanwhile")


class Observer(Protocol):
    """Who hears of requests and responses."""

    def request_came(self, connection: Connection, request: Request) -> None:
        """Hear of a request, before anything is done about it."""

    def response_sent(
        self, connection: Connection, session: Session | None, request: Request, response: Response
    ) -> None:
        """Hear of a response."""


class Dispatcher:
    """Serves the requests of all connections. `counts` are responses by method and status."""

    def __init__(
        self,
        limits: MessageLimits,
        sessions: Sessions,
        methods: Mapping[str, Method],
        port_of: Callable[[Side], int],
        public: Mapping[Side, tuple[str, ...]],
        observer: Observer,
    ) -> None:
        """`methods` maps each method's name to its function, `port_of` tells the number of a side's port, `public`
        the methods that it serves."""
        self._port_of = port_of
        self._public = public
        self._observer = observer
        self.counts: Counter[tuple[str, int]] = Counter()
        self._limits = limits
        self._sessions = sessions
        self._methods = methods

    async def serve(self, connection: Connection, message: bytes) -> None:
        """Answer one message; a client's own responses need no answer."""
        if is_response(message):
            return
        try:
            request = parse_request(message, self._limits)
        except PeerError as error:
            self._send(connection, "malformed", make_response(error.cseq, None, error.status, reason=error.reason))
            return
        now = asyncio.get_running_loop().time()
        exchange = Exchange(connection, request, None, None, now, allowed=self._public[connection.side])
        self._observer.request_came(connection, request)
        try:
            response = await self._answer(exchange)
        except ConnectionEnded:
            return
        except Exception as error:
            response = self.failure(exchange, error)
        method = request.method if request.method in self._methods else "other"
        if response.status >= 400:
            self._log_refusal(exchange, response)
        if exchange.answered:
            self.counts[method, response.status] += 1
        else:
            self._send(connection, method, response)
        self._observer.response_sent(connection, exchange.session, request, response)

    def _log_refusal(self, exchange: Exchange, response: Response) -> None:
        """Say what a client was refused. A few for each connection: a hostile one could fill the disk."""
        connection = exchange.connection
        if response.status == 401:
            return  # a challenge, or logged as what it is
        connection.refusals += 1
        if connection.refusals <= REFUSALS_LOGGED:
            log.info(
                "request refused",
                method=exchange.request.method,
                url=exchange.request.url,
                status=response.status,
                reason=response.reason,
                peer=connection.peer,
            )

    def refuse(self, connection: Connection, status: int, reason: str) -> None:
        """Say why a connection can't go on, and end it."""
        self._send(connection, "broken", make_response(None, None, status, reason=reason))
        connection.close()

    def _send(self, connection: Connection, method: str, response: Response) -> None:
        self.counts[method, response.status] += 1
        if not connection.closed:
            connection.write(response.to_bytes())

    async def _answer(self, exchange: Exchange) -> Response:
        request = exchange.request
        method = self._methods.get(request.method)
        if method is None:
            return exchange.respond(501, ("Public", ", ".join(exchange.allowed)))
        if request.url != "*":
            exchange.url = parse_url(request.url)
        self._check_port(exchange)
        self._check_require(request)
        exchange.session = self._session(exchange)
        if exchange.session is not None:
            next_state(exchange.session.state, request.method)
        elif request.method in SESSION_METHODS:
            raise PeerError(454, f"{request.method} needs the Session that SETUP or ANNOUNCE gave")
        return await method(exchange)

    def _session(self, exchange: Exchange) -> Session | None:
        """Find the request's session, and note that it lives."""
        request, connection = exchange.request, exchange.connection
        if request.session is not None:
            session = self._sessions.find(request.session, connection.host)
        elif request.method in ("SETUP", "RECORD"):
            # A publisher that leaves the Session of ANNOUNCE's response out means the one it announced here.
            announced = [each for each in self._sessions.of(connection) if each.role is Role.PUBLISHER]
            if len(announced) != 1:
                return None
            (session,) = announced
        else:
            return None
        session.heard = exchange.now
        if not (session.active and session.interleaved):  # its media ties it to the connection that carries it
            self._sessions.move(session, connection)
        return session

    def _check_port(self, exchange: Exchange) -> None:
        """Refuse a method that nobody serves here, and name the other port if that does."""
        method, side = exchange.request.method, exchange.connection.side
        if method in exchange.allowed:
            return
        right = Side.PUBLISH if side is Side.CLIENT else Side.CLIENT
        if side is not Side.BOTH and method in self._public[right]:
            raise NotHere(405, f"{method} belongs on the {right} port, {self._port_of(right)}")
        raise NotHere(405, f"{method} is not served here")

    def _check_require(self, request: Request) -> None:
        """Refuse what a client can't do without and we don't have (RFC 2326 section 12.32)."""
        unknown = [each for each in required(request) if each != BACK_CHANNEL]
        if unknown:
            raise Unsupported(", ".join(unknown))

    @staticmethod
    def failure(exchange: Exchange, error: Exception) -> Response:
        """Turn what went wrong into a response; what is nobody's word is ours, and logged whole."""
        match error:
            case Unauthorized():
                challenges = tuple(("WWW-Authenticate", challenge) for challenge in error.challenges)
                return exchange.respond(401, *challenges)
            case NotHere():
                return exchange.respond(405, ("Allow", ", ".join(exchange.allowed)), reason=error.reason)
            case Unsupported():
                return exchange.respond(551, ("Unsupported", error.options))
            case PeerError(status=455) if exchange.session is not None:
                methods = allowed(exchange.session.state)  # RFC 2326 section 11.3.6
                return exchange.respond(455, ("Allow", ", ".join(methods)), reason=error.reason)
            case PeerError():
                return exchange.respond(error.status, reason=error.reason)
            case WorkerRefused(cause=Refusal.UNKNOWN_MOUNT | Refusal.UNKNOWN_READER | Refusal.STALE):
                return exchange.respond(404, reason="the mount was closed meanwhile")
            case GateClosed():
                return exchange.respond(503, reason="the mount is on its way to another worker")
            case WorkerRefused() | WorkerGone():
                return exchange.respond(503, reason=str(error))
        log.error(
            "request failed",
            method=exchange.request.method,
            connection=exchange.connection.id,
            peer=exchange.connection.peer,
            exc_info=error,
        )
        assert not isinstance(error, WorkerError)
        return exchange.respond(500)


class NotHere(PeerError):
    """A method that this port doesn't serve."""


class Unsupported(PeerError):
    """Options that a client requires and nobody here has."""

    def __init__(self, options: str) -> None:
        super().__init__(551, "option not supported")
        self.options = options
