"""The methods that take a few lines: OPTIONS, PAUSE, TEARDOWN, GET_PARAMETER and SET_PARAMETER."""

from router.handlers.contexts import GetParameterContext, PauseContext, SetParameterContext
from router.requests.exchange import Exchange, at_worker, still_there
from router.requests.method import Method
from router.rtsp.errors import PeerError
from router.rtsp.message import Response
from router.rtsp.session_state import SessionState, next_state
from router.state import commands
from router.state.lifecycle import Lifecycle


class Options(Method):
    """Says what the port can do."""

    async def run(self, exchange: Exchange) -> Response:
        return exchange.respond(200, ("Public", ", ".join(exchange.allowed)))


class Pause(Method):
    """Stops a reader's media. A publisher that pauses just sends none (rtspclientsink does before TEARDOWN); its worker
    remembers that for the next front."""

    handler = "on_pause"
    context = PauseContext

    async def run(self, exchange: Exchange) -> Response:
        session = exchange.in_session
        before, after = session.state, next_state(session.state, "PAUSE")
        if before is SessionState.PLAYING:
            async with at_worker(session.place) as worker:
                await worker.ask(commands.pause(session))
            still_there(session, exchange)
        session.state = after
        if before is SessionState.RECORDING:
            session.place.placement.tell(commands.go_on(session))
        return exchange.respond()


class Teardown(Method):
    """Ends a session; the connection stays for the next one."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle

    async def run(self, exchange: Exchange) -> Response:
        response = exchange.respond()
        self._lifecycle.close_session(exchange.in_session, "TEARDOWN", keep_connection=True)
        return response


class GetParameter(Method):
    """A sign of life; there are no parameters to get."""

    handler = "on_get_parameter"
    context = GetParameterContext

    async def run(self, exchange: Exchange) -> Response:
        return exchange.respond()


class SetParameter(Method):
    """A sign of life; there are no parameters to set."""

    handler = "on_set_parameter"
    context = SetParameterContext

    async def run(self, exchange: Exchange) -> Response:
        if exchange.request.body.strip():
            raise PeerError(451, "there are no parameters to set")
        return exchange.respond()
