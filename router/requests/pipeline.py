"""The dispatcher: leads each request through the front.

The way: parse -> known method -> right port -> session -> state -> the method's own function -> response.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache

from router.connections.connection import Connection, ConnectionEnded, Side
from router.handlers.handlers import Handlers
from router.logs import get_logger
from router.requests.exchange import BACK_CHANNEL, Exchange, Method, make_response, required
from router.requests.failure import NotHere, Unsupported, failure
from router.rtsp.errors import PeerError
from router.rtsp.message import MessageLimits, Request, Response, is_response, parse_request
from router.rtsp.session_state import next_state
from router.rtsp.url import parse_url
from router.state.events import EventDispatcher, RequestArrived, ResponseSent
from router.state.sessions import Role, Session, Sessions

log = get_logger(__name__)

REFUSALS_LOGGED = 10
"""Refused requests of one connection that are logged."""
SESSION_METHODS = ("PLAY", "RECORD", "PAUSE", "TEARDOWN")
"""Methods that make no sense without a session (454)."""


@cache
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


class Dispatcher:
    """Serves the requests of all connections. `counts` are responses by method and status."""

    def __init__(
        self,
        limits: MessageLimits,
        sessions: Sessions,
        methods: Mapping[str, Method],
        port_of: Callable[[Side], int],
        public: Callable[[], Mapping[Side, tuple[str, ...]]],
        handlers: Handlers,
        events: EventDispatcher,
    ) -> None:
        """`methods` maps each method's name to its function, `port_of` tells the number of a side's port, `public`
        the methods that each serves by now."""
        self._port_of = port_of
        self._public = public
        self._handlers = handlers
        self._events = events
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
        await self._handlers.room(connection.id)  # where they are far behind with what its connection has done before
        if connection.closed:
            return
        self._events.append(RequestArrived(connection, request))
        now = asyncio.get_running_loop().time()
        exchange = Exchange(connection, request, None, None, now, allowed=self._public()[connection.side])
        try:
            response = await self._answer(exchange)
        except ConnectionEnded:
            return
        except Exception as error:
            response = failure(exchange, error)
        method = request.method if request.method in self._methods else "other"
        if response.status >= 400:
            self._log_refusal(exchange, response)
        if exchange.answered:
            self.counts[method, response.status] += 1
        else:
            self._send(connection, method, response)
        if not connection.closed:  # of whose end all have been told
            self._events.append(ResponseSent(connection, exchange.session, request, response))

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
        if side is not Side.BOTH and method in self._public()[right]:
            raise NotHere(405, f"{method} belongs on the {right} port, {self._port_of(right)}")
        raise NotHere(405, f"{method} is not served here")

    def _check_require(self, request: Request) -> None:
        """Refuse what a client can't do without and we don't have (RFC 2326 section 12.32)."""
        unknown = [each for each in required(request) if each != BACK_CHANNEL]
        if unknown:
            raise Unsupported(", ".join(unknown))
