"""What handlers are asked on the way of a request: between who its sender is and what the server does by itself."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from router.access.authentication import Access
from router.connections.connection import ConnectionEnded
from router.description import DescriptionError, SessionDescription
from router.handlers.calls import UserCodeError
from router.handlers.clients import Clients
from router.handlers.contexts import (
    AccessContext,
    AnnounceContext,
    DecisionContext,
    DescribeContext,
    GetParameterContext,
    PauseContext,
    PlayContext,
    RecordContext,
    SetParameterContext,
    SetupContext,
)
from router.handlers.events import HandlerEvents
from router.handlers.handlers import Handler, Handlers, Verdict, read_answer
from router.logs import get_logger
from router.requests.exchange import Exchange, Method
from router.requests.failure import failure
from router.requests.methods import check_description
from router.requests.setup import Setup
from router.rtsp.control import mount_path
from router.rtsp.headers import transport as transport_header
from router.rtsp.message import Response
from router.rtsp.url import RtspUrl
from router.state.lifecycle import Lifecycle
from router.state.sessions import Role

log = get_logger(__name__)

OURS = frozenset({"cseq", "server", "session", "content-length"})
"""Headers that every response has from us, whoever made it."""


class Default:
    """What the server does by itself, once, in a task of its own: a handler that is given up takes nothing with it."""

    def __init__(self, exchange: Exchange, method: Method) -> None:
        self._exchange = exchange
        self._method = method
        self._task: asyncio.Task[Response] | None = None
        self.ended = False
        """The client left meanwhile."""

    @property
    def begun(self) -> bool:
        """Whether anybody has called it."""
        return self._task is not None

    async def run(self) -> Response:
        """Do it, or wait for it, and give the response."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        return await asyncio.shield(self._task)

    async def _run(self) -> Response:
        try:
            return await self._method(self._exchange)
        except ConnectionEnded:
            self.ended = True
            return self._exchange.respond(454, reason="the client has left")
        except Exception as error:
            return failure(self._exchange, error)


class HandlerPipeline:
    """The methods of the server with its handlers around them."""

    def __init__(
        self,
        *,
        handlers: Handlers,
        clients: Clients,
        notices: HandlerEvents,
        lifecycle: Lifecycle,
        setup: Setup,
        methods: Mapping[str, Method],
        access: Mapping[Role, Access],
        max_tracks: int,
    ) -> None:
        """`methods` are what the server does by itself."""
        self._handlers = handlers
        self._clients = clients
        self._notices = notices
        self._lifecycle = lifecycle
        self._setup = setup
        self._methods = methods
        self._access = access
        self._max_tracks = max_tracks

    def methods(self) -> dict[str, Method]:
        """Map each method's name to its function."""
        return {
            **self._methods,
            "DESCRIBE": self.describe,
            "ANNOUNCE": self.announce,
            "SETUP": self.setup,
            "PLAY": partial(self.inside, "on_play", PlayContext),
            "RECORD": partial(self.inside, "on_record", RecordContext),
            "PAUSE": partial(self.inside, "on_pause", PauseContext),
            "GET_PARAMETER": partial(self.inside, "on_get_parameter", GetParameterContext),
            "SET_PARAMETER": partial(self.inside, "on_set_parameter", SetParameterContext),
        }

    # -- the methods -----------------------------------------------------------------------------------------------

    async def describe(self, exchange: Exchange) -> Response:
        """Ask who it is and what there is for them."""
        await self._admit(exchange, exchange.target, Role.READER)
        return await self._decide("on_describe", exchange, Role.READER, self._context(DescribeContext))

    async def announce(self, exchange: Exchange) -> Response:
        """Ask who it is and whether they may publish this."""
        await self._admit(exchange, exchange.target, Role.PUBLISHER)
        announced = check_description(exchange, self._max_tracks)

        def context(of: Exchange) -> DecisionContext:
            description = None
            with suppress(DescriptionError):
                description = SessionDescription.of(announced)
            return self._context(AnnounceContext, description=description)(of)

        return await self._decide("on_announce", exchange, Role.PUBLISHER, context)

    async def setup(self, exchange: Exchange) -> Response:
        """Ask, at the first SETUP of a reader, who it is; then whether the track may be had."""
        role = self._setup.check(exchange)
        if exchange.session is None:
            await self._admit(exchange, self._setup.base_of(exchange.target), role)
        first = next(iter(transport_header.parse_transports(exchange.request.headers.get("Transport", "") or "")), None)
        wanted = "udp" if first is None else "tcp" if first.tcp else "multicast" if first.multicast else "udp"
        publishes = role is Role.PUBLISHER
        return await self._decide(
            "on_setup", exchange, role, self._context(SetupContext, publishes=publishes, transport=wanted)
        )

    async def inside(self, name: str, kind: type[DecisionContext], exchange: Exchange) -> Response:
        """Ask about a request that no longer asks who somebody is."""
        role = None if exchange.session is None else exchange.session.role
        return await self._decide(name, exchange, role, self._context(kind))

    async def _admit(self, exchange: Exchange, about: RtspUrl, role: Role) -> None:
        """Find out who sent a request about a stream.

        Raises:
            PeerError: 401, or 400 for credentials that can't be read.
        """
        exchange.path, exchange.query = mount_path(about), about.query
        context = AccessContext(
            server=self._clients.server,
            connection=self._clients.connection(exchange.connection),
            request=exchange.request,
            path=exchange.path,
            query=exchange.query,
        )
        exchange.user = await self._access[role].authenticate(
            context, exchange.request.headers.get("Authorization"), exchange.now
        )

    # -- the handlers ----------------------------------------------------------------------------------------------

    def _context(self, kind: type[DecisionContext], **values: Any) -> Callable[[Exchange], DecisionContext]:
        def make(exchange: Exchange) -> DecisionContext:
            session = None if exchange.session is None else self._clients.session(exchange.session)
            path, query, user = exchange.path, exchange.query, exchange.user
            if session is not None:
                path, query, user = session.path, session.query, session.user
            elif not path and exchange.url is not None:
                path, query = mount_path(exchange.url), exchange.url.query
            return kind(
                server=self._clients.server,
                connection=self._clients.connection(exchange.connection),
                session=session,
                request=exchange.request,
                path=path,
                query=query,
                user=user,
                **values,
            )

        return make

    async def _decide(
        self, name: str, exchange: Exchange, role: Role | None, context: Callable[[Exchange], DecisionContext]
    ) -> Response:
        """Ask one handler after the other, then do what the server does by itself."""
        method = self._methods[exchange.request.method]
        for handler in self._handlers.with_method(name, role):
            default = Default(exchange, method)
            response = await self._ask(handler, name, exchange, context(exchange), default)
            if default.ended:
                raise ConnectionEnded
            if response is not None:
                return response
        return await method(exchange)

    async def _ask(
        self, handler: Handler, name: str, exchange: Exchange, context: DecisionContext, default: Default
    ) -> Response | None:
        """Ask one; None where it leaves the matter to the next."""
        before = exchange.session

        async def run() -> Response:
            response = await default.run()
            if exchange.session is not None:
                context.session = self._clients.session(exchange.session)
            return response

        context.run = run
        keys = [exchange.connection.id] if before is None else self._notices.keys(before)
        await handler.calls.caught_up(keys)
        try:
            answer = await handler.ask(name, context)
            try:
                verdict = read_answer(name, answer, self._clients.server)
            except UserCodeError as error:
                log.error("handler's answer can't be used", method=name, reason=str(error))
                raise
        except UserCodeError as error:
            return await self._failed(exchange, before is None, default, error)
        if default.begun:
            response = await default.run()
            if exchange.answered or verdict is None or verdict.response is None:
                return response
            if verdict.response.status >= 300:
                self._end_begun(exchange, before is None, f"{name} gave {verdict.response.status}")
            return self._after(exchange, response, verdict.response)
        return None if verdict is None else self._take(name, exchange, verdict)

    def _take(self, name: str, exchange: Exchange, verdict: Verdict) -> Response | None:
        """Take an answer of a handler that left the server's part to the server."""
        response = verdict.response
        if verdict.offered is not None:
            exchange.offered = verdict.offered
        if response is None:
            return None
        whole = bool(response.body) and verdict.offered is None
        if response.status >= 300 or whole or name in ("on_get_parameter", "on_set_parameter"):
            return self._own(exchange, response)
        exchange.extra = _foreign(response)
        return None

    def _after(self, exchange: Exchange, done: Response, response: Response) -> Response:
        """Take a response that was given after the server's own: a bare status below 300 confirms that."""
        return (
            done if response == Response(response.status) and response.status < 300 else self._own(exchange, response)
        )

    def _own(self, exchange: Exchange, response: Response) -> Response:
        """Make a handler's response ours."""
        made = exchange.respond(response.status, *_foreign(response), body=response.body)
        return Response(made.status, made.headers, made.body, response.reason)

    async def _failed(self, exchange: Exchange, new: bool, default: Default, error: UserCodeError) -> Response:
        """Answer for a handler that failed; what it had begun and nobody will hear of is ended."""
        if default.begun:
            response = await default.run()
            if exchange.answered:
                return response  # PLAY's or RECORD's is sent: there is nobody left to tell
            self._end_begun(exchange, new, str(error))
        return exchange.respond(500)

    def _end_begun(self, exchange: Exchange, new: bool, reason: str) -> None:
        """End a session that a request began and was refused after all: its client does not know of it."""
        if new and exchange.session is not None:
            self._lifecycle.close_session(exchange.session, reason, keep_connection=True)
            exchange.session = None


def _foreign(response: Response) -> tuple[tuple[str, str], ...]:
    """Give the headers that only a handler can have set."""
    return tuple((name, value) for name, value in response.headers if name.lower() not in OURS)
