"""The way of each request through the front, as one list: `RequestPipeline._answer`."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from functools import partial

from router.access.authentication import Admission
from router.connections.connection import Connection, ConnectionEnded
from router.host_log import HostLog
from router.logs import get_logger
from router.requests.decisions import HandlerDecisions
from router.requests.exchange import BACK_CHANNEL, Exchange, make_response, required
from router.requests.failure import Unsupported, failure
from router.requests.method import Method
from router.requests.served import ServedMethods
from router.rtsp.control import mount_path
from router.rtsp.errors import PeerError
from router.rtsp.message import MessageLimits, Request, Response, is_response, parse_request
from router.rtsp.session_state import next_state
from router.rtsp.url import parse_url
from router.state.events import RequestArrived, ResponseSent
from router.state.sessions import Role, Session
from router.state.state import State

log = get_logger(__name__)

_NO_HTTP = b"This is an RTSP port: use an rtsp:// URL. RTSP over HTTP, a tunnel or WebSocket, is not implemented.\n"
NO_HTTP = (
    b"HTTP/1.0 501 Not Implemented\r\nServer: Trunkline\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_NO_HTTP), _NO_HTTP)
)
"""What a browser or a tunnel's client gets."""
REFUSALS_LOGGED = 10
"""Refused requests of one connection that are logged."""
SESSION_METHODS = ("PLAY", "RECORD", "PAUSE", "TEARDOWN")
"""Methods that make no sense without a session (454)."""


class RequestPipeline:
    """Serves the requests of all connections. `counts` are responses by method and status."""

    def __init__(
        self,
        state: State,
        methods: Mapping[str, Method],
        served: ServedMethods,
        admission: Admission,
        decisions: HandlerDecisions,
    ) -> None:
        limits = state.settings.limits
        self._limits = MessageLimits(line_bytes=limits.line_bytes, headers=limits.headers)
        self._state = state
        self._methods = methods
        self._served = served
        self._admission = admission
        self._decisions = decisions
        self.counts: Counter[tuple[str, int]] = Counter()
        self._strangers = HostLog(log)

    # -- from message to response ----------------------------------------------------------------------------------

    async def serve(self, connection: Connection, message: bytes) -> None:
        """Answer one message; a client's own responses need no answer."""
        if is_response(message):
            return
        try:
            request = parse_request(message, self._limits)
        except PeerError as error:
            self._tell("malformed request", connection, error.status, error.reason)
            self._send(connection, "malformed", make_response(error.cseq, None, error.status, reason=error.reason))
            return
        await self._decisions.room(connection)
        if connection.closed:
            return
        self._state.events.append(RequestArrived(connection, request))
        now = asyncio.get_running_loop().time()
        exchange = Exchange(connection, request, None, None, now, allowed=self._served.of(connection.side))
        try:
            response = await self._answer(exchange)
            written = b"" if exchange.answered else response.to_bytes()
        except ConnectionEnded:
            return
        except Exception as error:
            response = failure(exchange, error)
            written = response.to_bytes()
        method = request.method if request.method in self._methods else "other"
        if response.status >= 400:
            self._log_refusal(exchange, response)
        self.counts[method, response.status] += 1
        if not connection.closed:  # of whose end all have been told
            if written:
                connection.write(written)
            self._state.events.append(ResponseSent(connection, exchange.session, request, response))

    async def _answer(self, exchange: Exchange) -> Response:
        """Lead a request through all that decides on it. Raises what `failure` makes a response of."""
        request = exchange.request
        method = self._methods.get(request.method)
        if method is None:
            return exchange.respond(501, ("Public", ", ".join(exchange.allowed)))
        exchange.url = None if request.url == "*" else parse_url(request.url)
        self._served.check(exchange)
        self._check_require(request)
        self._find_session(exchange)
        exchange.role = method.role(exchange)
        await self._authenticate(exchange, method)
        method.check(exchange)
        return await self._decisions.decide(exchange, method, partial(self._carry_out, method))

    async def _carry_out(self, method: Method, exchange: Exchange) -> Response:
        """Do what the server does by itself. What is published is looked up now: a handler may have waited for it."""
        if exchange.mount is None and method.needs_mount(exchange):
            exchange.mount = await self._state.directory.resolve(exchange.path)
        return await method.run(exchange)

    # -- the steps -------------------------------------------------------------------------------------------------

    def _check_require(self, request: Request) -> None:
        """Refuse what a client can't do without and we don't have (RFC 2326 section 12.32)."""
        unknown = [each for each in required(request) if each != BACK_CHANNEL]
        if unknown:
            raise Unsupported(", ".join(unknown))

    def _find_session(self, exchange: Exchange) -> None:
        """Find the request's session, and note that it lives; refuse what its state does not allow."""
        method = exchange.request.method
        session = exchange.session = self._session(exchange)
        if session is None:
            if method in SESSION_METHODS:
                raise PeerError(454, f"{method} needs the Session that SETUP or ANNOUNCE gave")
            return
        session.heard = exchange.now
        if not (session.active and session.interleaved):  # its media ties it to the connection that carries it
            self._state.sessions.move(session, exchange.connection)
        next_state(session.state, method)

    def _session(self, exchange: Exchange) -> Session | None:
        request, connection, sessions = exchange.request, exchange.connection, self._state.sessions
        if request.session is not None:
            return sessions.find(request.session, connection.host)
        if request.method not in ("SETUP", "RECORD"):
            return None
        # A publisher that leaves the Session of ANNOUNCE's response out means the one it announced here.
        announced = [each for each in sessions.of(connection) if each.role is Role.PUBLISHER]
        return announced[0] if len(announced) == 1 else None

    async def _authenticate(self, exchange: Exchange, method: Method) -> None:
        """Find out who asks for a stream, where that has to be known."""
        about = method.about(exchange)
        if about is None or exchange.role is None:
            return
        exchange.path, exchange.query = mount_path(about), about.query
        exchange.user = await self._admission.authenticate(exchange.role, exchange.connection, exchange.request, about)

    # -- responses -------------------------------------------------------------------------------------------------

    def refuse(self, connection: Connection, status: int, reason: str) -> None:
        """Say why a connection can't go on, and end it."""
        self._tell("connection refused", connection, status, reason)
        self._send(connection, "broken", make_response(None, None, status, reason=reason))
        connection.close()

    def refuse_foreign(self, connection: Connection, protocol: str) -> None:
        """Tell a client of another protocol, in its own words where it has any, and end the connection."""
        self._strangers.info("not RTSP", connection.host, kind=protocol, peer=connection.host, protocol=protocol)
        if protocol != "HTTP":
            response = make_response(None, None, 400, reason=f"{protocol} is not spoken here, only RTSP")
            self._send(connection, "broken", response)
        else:
            self.counts["broken", 501] += 1
            connection.write(NO_HTTP)
        connection.close()

    def _tell(self, event: str, connection: Connection, status: int, reason: str) -> None:
        self._strangers.info(
            event, connection.host, kind=f"{event} {status}", status=status, reason=reason, peer=connection.peer
        )

    def _send(self, connection: Connection, method: str, response: Response) -> None:
        self.counts[method, response.status] += 1
        if not connection.closed:
            connection.write(response.to_bytes())

    def _log_refusal(self, exchange: Exchange, response: Response) -> None:
        """Say what a client was refused: a few for each connection, and for each host."""
        connection = exchange.connection
        if response.status == 401:
            return  # a challenge, or logged as what it is
        connection.refusals += 1
        method = exchange.request.method
        kind = f"{method if method in self._methods else 'other'} {response.status}"
        if connection.refusals > REFUSALS_LOGGED:
            self._strangers.leave_out("request refused", connection.host, kind=kind)
            return
        self._strangers.info(
            "request refused",
            connection.host,
            kind=kind,
            method=method,
            url=exchange.request.url,
            status=response.status,
            reason=response.reason,
            peer=connection.peer,
        )
