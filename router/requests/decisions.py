"""What handlers decide about a request, around what the server does by itself."""

import asyncio
from collections.abc import Awaitable, Callable

from router.connections.connection import Connection, ConnectionEnded
from router.handlers.calls import UserCodeError
from router.handlers.clients import Clients
from router.handlers.contexts import DecisionContext
from router.handlers.handlers import Handler, HandlerAnswer, Handlers, read_answer
from router.logs import get_logger
from router.requests.exchange import Exchange
from router.requests.failure import failure
from router.requests.method import Method
from router.rtsp.control import mount_path
from router.rtsp.message import Response
from router.state.lifecycle import Lifecycle

log = get_logger(__name__)

OURS = frozenset({"cseq", "server", "session", "content-length"})
"""Headers that every response has from us, whoever made it."""

CarryOut = Callable[[Exchange], Awaitable[Response]]


class Default:
    """What the server does by itself, once, in a task of its own: a handler that is given up takes nothing with it."""

    def __init__(self, exchange: Exchange, carry_out: CarryOut) -> None:
        self._exchange = exchange
        self._carry_out = carry_out
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
            return await self._carry_out(self._exchange)
        except ConnectionEnded:
            self.ended = True
            return self._exchange.respond(454, reason="the client has left")
        except Exception as error:
            return failure(self._exchange, error)


class HandlerDecisions:
    """Asks one handler after the other."""

    def __init__(self, handlers: Handlers, clients: Clients, lifecycle: Lifecycle) -> None:
        self._handlers = handlers
        self._clients = clients
        self._lifecycle = lifecycle

    async def room(self, connection: Connection) -> None:
        """Wait where handlers are far behind with what a connection has done before."""
        await self._handlers.room(connection.id)

    async def decide(self, exchange: Exchange, method: Method, carry_out: CarryOut) -> Response:
        """Ask those that decide on a method, then carry out what is left to the server. Raises as that does."""
        for handler in self._handlers.with_method(method.handler, exchange.role):
            default = Default(exchange, carry_out)
            response = await self._ask(handler, method, exchange, default)
            if default.ended:
                raise ConnectionEnded
            if response is not None:
                return response
        return await carry_out(exchange)

    async def _ask(self, handler: Handler, method: Method, exchange: Exchange, default: Default) -> Response | None:
        """Ask one; None where it leaves the matter to the next."""
        name, context = method.handler, self._context(method, exchange)
        before = exchange.session

        async def run() -> Response:
            response = await default.run()
            if exchange.session is not None:
                context.session = self._clients.session(exchange.session)
            return response

        context.run = run
        keys = [exchange.connection.id] if before is None else self._clients.keys(before)
        await handler.calls.caught_up(keys)
        try:
            given = await handler.ask(name, context)
            try:
                answer = read_answer(name, given, self._clients.server)
            except UserCodeError as error:
                log.error("handler's answer can't be used", method=name, reason=str(error))
                raise
        except UserCodeError as error:
            return await self._failed(exchange, before is None, default, error)
        if default.begun:
            response = await default.run()
            if exchange.answered or answer is None or answer.response is None:
                return response
            if answer.response.status >= 300:
                self._end_begun(exchange, before is None, f"{name} gave {answer.response.status}")
            elif answer.response == Response(answer.response.status):  # a bare status below 300 confirms
                return response
            return _own(exchange, answer.response)
        return None if answer is None else self._take(name, exchange, answer)

    def _context(self, method: Method, exchange: Exchange) -> DecisionContext:
        session = None if exchange.session is None else self._clients.session(exchange.session)
        path, query, user = exchange.path, exchange.query, exchange.user
        if session is not None:
            path, query, user = session.path, session.query, session.user
        elif not path and exchange.url is not None:
            path, query = mount_path(exchange.url), exchange.url.query
        return method.context(
            server=self._clients.server,
            connection=self._clients.connection(exchange.connection),
            session=session,
            request=exchange.request,
            path=path,
            query=query,
            user=user,
            **method.values(exchange),
        )

    def _take(self, name: str, exchange: Exchange, answer: HandlerAnswer) -> Response | None:
        """Take an answer of a handler that left the server's part to the server."""
        response = answer.response
        if answer.offered is not None:
            exchange.mount = answer.offered
        if response is None:
            return None
        whole = bool(response.body) and answer.offered is None
        if response.status >= 300 or whole or name in ("on_get_parameter", "on_set_parameter"):
            return _own(exchange, response)
        exchange.extra = _foreign(response)
        return None

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


def _own(exchange: Exchange, response: Response) -> Response:
    """Make a handler's response ours."""
    made = exchange.respond(response.status, *_foreign(response), body=response.body)
    return Response(made.status, made.headers, made.body, response.reason)


def _foreign(response: Response) -> tuple[tuple[str, str], ...]:
    """Give the headers that only a handler can have set."""
    return tuple((name, value) for name, value in response.headers if name.lower() not in OURS)
