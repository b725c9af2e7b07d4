"""PLAY and RECORD: media flows. The worker takes the connection over and writes the response."""

from contextlib import suppress

from router.connections.transfer import handed_to
from router.handlers.contexts import PlayContext, RecordContext
from router.requests.exchange import Exchange, at_worker, still_there
from router.requests.method import Method
from router.rtsp.control import track_url
from router.rtsp.errors import PeerError
from router.rtsp.headers.range import format_range, parse_range
from router.rtsp.message import Response
from router.rtsp.session_state import SessionState, next_state
from router.rtsp.url import parse_url
from router.state import commands
from router.state.sessions import Session
from router.state.state import State
from router.streams.taps import Taps


def passed_range(value: str | None) -> str | None:
    """Give a publisher's Range as its readers may have it: not at all where it can't be read."""
    with suppress(PeerError):
        return None if value is None else format_range(parse_range(value))
    return None


class _Start(Method):
    """What both have."""

    def __init__(self, state: State, taps: Taps) -> None:
        self._state = state
        self._taps = taps

    async def _settle_tap(self, session: Session, exchange: Exchange) -> None:
        """Let the program hear the first packet already, if it wants to hear any."""
        if (tap := self._taps.get(session.mount)) is not None:
            async with at_worker(session.mount):
                await tap.settle()
            still_there(session, exchange)

    def _started(self, session: Session, exchange: Exchange) -> None:
        exchange.answered = True
        if session.state is not SessionState.CLOSED:
            session.state = next_state(session.state, exchange.request.method)
            self._state.sessions.move(session, exchange.connection)


class PlayMethod(_Start):
    """Starts a reader."""

    handler = "on_play"
    context = PlayContext

    async def run(self, exchange: Exchange) -> Response:
        session, name = exchange.in_session, exchange.connection.id
        headers = () if session.mount.range is None else (("Range", session.mount.range),)
        response = exchange.respond(200, *headers)
        base = parse_url(session.url)
        urls = tuple(track_url(base, each.track) for each in session.in_order())
        await self._settle_tap(session, exchange)
        async with at_worker(session.place) as worker, handed_to(exchange.connection, worker) as handoff:
            head = response.head_bytes()
            await worker.ask(commands.play(session, handoff, connection=name, response_head=head, rtp_info_urls=urls))
        if session.state is SessionState.READY:
            self._state.lifecycle.playing(session)
        self._started(session, exchange)
        return response


class RecordMethod(_Start):
    """Starts a publisher."""

    handler = "on_record"
    context = RecordContext

    async def run(self, exchange: Exchange) -> Response:
        session, mount, lifecycle = exchange.in_session, exchange.in_session.mount, self._state.lifecycle
        missing = len(mount.description.medias) - len(session.transports)
        if missing:
            raise PeerError(400, f"{missing} of {len(mount.description.medias)} tracks are not set up")
        response = exchange.respond()
        await self._settle_tap(session, exchange)
        media_range = passed_range(exchange.request.headers.get("Range"))
        with lifecycle.recording(session, media_range, exchange.now):
            async with at_worker(mount) as worker, handed_to(exchange.connection, worker) as handoff:
                whole, name = response.to_bytes(), exchange.connection.id
                await worker.ask(commands.record(session, handoff, connection=name, response=whole))
        self._started(session, exchange)
        lifecycle.recorded(session)
        return response
