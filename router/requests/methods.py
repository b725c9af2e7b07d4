"""What each RTSP method does: one function a method. No socket and no ZeroMQ in here.

A method checks first and changes state last, so that a refused request leaves everything as it was.
"""

from contextlib import suppress

from router.connections.connection import ConnectionEnded
from router.requests.exchange import BACK_CHANNEL, Exchange, Method, at_worker, required, still_there
from router.requests.setup import Setup
from router.rtsp.control import content_base, mount_path, reader_control, track_url
from router.rtsp.errors import PeerError
from router.rtsp.headers.range import format_range, parse_range
from router.rtsp.message import Response
from router.rtsp.sdp import SdpDocument, description_for_readers, parse_sdp
from router.rtsp.session_state import SessionState, next_state
from router.rtsp.url import parse_url
from router.state import commands
from router.state.lifecycle import Lifecycle
from router.state.mounts import Mounts
from router.state.sessions import Role, Session, Sessions
from router.streams.taps import Taps


def passed_range(value: str | None) -> str | None:
    """Give a publisher's Range as its readers may have it: not at all where it can't be read."""
    with suppress(PeerError):
        return None if value is None else format_range(parse_range(value))
    return None


def check_description(exchange: Exchange, max_tracks: int) -> SdpDocument:
    """Read the description that an ANNOUNCE brings.

    Raises:
        PeerError: 400 for none, or a broken one.
    """
    content_type = exchange.request.headers.get("Content-Type", "application/sdp")
    if content_type is None or content_type.partition(";")[0].strip().lower() != "application/sdp":
        raise PeerError(400, f"ANNOUNCE needs an application/sdp body, not {content_type}")
    return parse_sdp(exchange.request.body, max_tracks)


class Requests:
    """The methods, with what they need."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        mounts: Mounts,
        lifecycle: Lifecycle,
        setup: Setup,
        taps: Taps,
        max_tracks: int,
    ) -> None:
        self._sessions = sessions
        self._mounts = mounts
        self._lifecycle = lifecycle
        self._taps = taps
        self._max_tracks = max_tracks
        self._setup = setup

    def methods(self) -> dict[str, Method]:
        """Map each method's name to its function."""
        return {
            "OPTIONS": self.options,
            "DESCRIBE": self.describe,
            "ANNOUNCE": self.announce,
            "SETUP": self._setup.setup,
            "PLAY": self.play,
            "RECORD": self.record,
            "PAUSE": self.pause,
            "TEARDOWN": self.teardown,
            "GET_PARAMETER": self.get_parameter,
            "SET_PARAMETER": self.set_parameter,
        }

    # -- without a session -----------------------------------------------------------------------------------------

    async def options(self, exchange: Exchange) -> Response:
        """Tell what this port can do."""
        return exchange.respond(200, ("Public", ", ".join(exchange.allowed)))

    async def describe(self, exchange: Exchange) -> Response:
        """Describe a live mount, or the one that a handler offers."""
        url = exchange.target
        mount = exchange.offered or self._mounts.live(mount_path(url))
        body = description_for_readers(
            mount.description,
            session_id=mount.generation,
            host=exchange.connection.local_host,
            controls=[reader_control(url, index) for index in range(len(mount.description.medias))],
            back_channels=BACK_CHANNEL in required(exchange.request),
        )
        return exchange.respond(
            200,
            ("Content-Base", content_base(url)),
            ("Content-Type", "application/sdp"),
            body=body,
        )

    async def announce(self, exchange: Exchange) -> Response:
        """Begin a publisher's session and take its path."""
        connection, url = exchange.connection, exchange.target
        path = mount_path(url)
        description = check_description(exchange, self._max_tracks)
        if connection.closed:
            raise ConnectionEnded
        kept = self._lifecycle.claim(path, description, connection, exchange.now)
        mount = kept or self._mounts.add(path, description, exchange.now)
        session = self._sessions.add(Role.PUBLISHER, mount, connection, str(url), exchange.user, exchange.now)
        mount.publisher, mount.description = session.id, description
        session.state = next_state(session.state, "ANNOUNCE")
        exchange.session = session
        self._lifecycle.begun(session)
        return exchange.respond()

    # -- PLAY, RECORD ----------------------------------------------------------------------------------------------

    async def play(self, exchange: Exchange) -> Response:
        """Start a reader. Its worker takes the connection over and writes the response."""
        session = self._needed(exchange)
        mount = session.mount
        headers = () if mount.range is None else (("Range", mount.range),)
        response = exchange.respond(200, *headers)
        base = parse_url(session.url)
        urls = tuple(track_url(base, each.track) for each in session.in_order())
        await self._heard(session, exchange)
        async with at_worker(session.place) as worker, exchange.connection.handed_to(worker) as handoff:
            await worker.ask(
                commands.play(
                    session,
                    handoff,
                    connection=exchange.connection.id,
                    response_head=response.head_bytes(),
                    rtp_info_urls=urls,
                )
            )
        exchange.answered = True
        if session.state is not SessionState.CLOSED:
            if session.state is not SessionState.PLAYING:
                self._lifecycle.playing(session)
            session.state = next_state(session.state, "PLAY")
            self._sessions.move(session, exchange.connection)
        return response

    async def record(self, exchange: Exchange) -> Response:
        """Start a publisher. Its worker takes the connection over and writes the response."""
        session = self._needed(exchange)
        mount = session.mount
        missing = len(mount.description.medias) - len(session.transports)
        if missing:
            raise PeerError(400, f"{missing} of {len(mount.description.medias)} tracks are not set up")
        response = exchange.respond()
        await self._heard(session, exchange)
        media_range = passed_range(exchange.request.headers.get("Range"))
        with self._lifecycle.recording(session, media_range, exchange.now):
            async with at_worker(mount) as worker, exchange.connection.handed_to(worker) as handoff:
                whole = response.to_bytes()
                await worker.ask(commands.record(session, handoff, connection=exchange.connection.id, response=whole))
        exchange.answered = True
        if session.state is not SessionState.CLOSED:
            session.state = next_state(session.state, "RECORD")
            self._sessions.move(session, exchange.connection)
        self._lifecycle.recorded(session)
        return response

    async def _heard(self, session: Session, exchange: Exchange) -> None:
        """Let the program hear the first packet already, if it wants to hear any."""
        if (tap := self._taps.get(session.mount)) is not None:
            async with at_worker(session.mount):
                await tap.settle()
            still_there(session, exchange)

    # -- inside a session ------------------------------------------------------------------------------------------

    async def pause(self, exchange: Exchange) -> Response:
        """Stop a reader's media. A publisher that pauses just sends none (rtspclientsink does before TEARDOWN)."""
        session = self._needed(exchange)
        if session.state is SessionState.PLAYING:
            async with at_worker(session.place) as worker:
                await worker.ask(commands.pause(session))
            still_there(session, exchange)
        session.state = next_state(session.state, "PAUSE")
        return exchange.respond()

    async def teardown(self, exchange: Exchange) -> Response:
        """End a session; the connection stays for the next one."""
        session = self._needed(exchange)
        response = exchange.respond()
        self._lifecycle.close_session(session, "TEARDOWN", keep_connection=True)
        return response

    async def get_parameter(self, exchange: Exchange) -> Response:
        """Serve as a sign of life; there are no parameters to get."""
        return exchange.respond()

    async def set_parameter(self, exchange: Exchange) -> Response:
        """Serve as a sign of life; there are no parameters to set (451)."""
        if exchange.request.body.strip():
            raise PeerError(451, "there are no parameters to set")
        return exchange.respond()

    # -- what they share -------------------------------------------------------------------------------------------

    def _needed(self, exchange: Exchange) -> Session:
        assert exchange.session is not None  # the dispatcher refuses SESSION_METHODS without one
        return exchange.session
