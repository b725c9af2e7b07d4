"""What each RTSP method does: one function a method. No socket and no ZeroMQ in here.

A method checks first and changes state last, so that a refused request leaves everything as it was.
"""

from router.access import Access
from router.connection import ConnectionEnded, Side
from router.exchange import PUBLIC, Exchange, Method
from router.hooks import HookRequest
from router.lifecycle import Lifecycle
from router.mounts import Mount, Mounts
from router.placing import Placing
from router.rtsp.control import (
    candidates,
    content_base,
    find_track,
    mount_path,
    reader_control,
    track_name,
    track_url,
)
from router.rtsp.errors import PeerError
from router.rtsp.headers import transport as transport_header
from router.rtsp.message import Response
from router.rtsp.sdp import description_for_readers, parse_sdp
from router.rtsp.session_state import SessionState, next_state
from router.rtsp.url import RtspUrl, parse_url
from router.sessions import Role, Session, Sessions
from router.transports import answer, choose
from router.workers_link import Worker
from workers.contract.messages import (
    PauseReader,
    Play,
    ReaderSetUp,
    Record,
    SetUpReader,
    TrackTransport,
)


class Requests:
    """The methods, with what they need."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        mounts: Mounts,
        lifecycle: Lifecycle,
        placing: Placing,
        publish_access: Access,
        client_access: Access,
        max_tracks: int,
    ) -> None:
        self._sessions = sessions
        self._mounts = mounts
        self._lifecycle = lifecycle
        self._placing = placing
        self._publish_access = publish_access
        self._client_access = client_access
        self._max_tracks = max_tracks
        self._track_names = [track_name(index) for index in range(max_tracks)]

    def methods(self) -> dict[str, Method]:
        """Map each method's name to its function."""
        return {
            "OPTIONS": self.options,
            "DESCRIBE": self.describe,
            "ANNOUNCE": self.announce,
            "SETUP": self.setup,
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
        return exchange.respond(200, ("Public", ", ".join(PUBLIC[exchange.connection.side])))

    async def describe(self, exchange: Exchange) -> Response:
        """Describe a live mount."""
        url = exchange.target
        await self._admit(self._client_access, exchange, url)
        mount = self._mounts.live(mount_path(url))
        body = description_for_readers(
            mount.description,
            session_id=mount.generation,
            host=exchange.connection.local_host,
            controls=[reader_control(url, index) for index in range(len(mount.description.medias))],
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
        user = await self._admit(self._publish_access, exchange, url)
        content_type = exchange.request.headers.get("Content-Type", "application/sdp")
        if content_type is None or content_type.partition(";")[0].strip().lower() != "application/sdp":
            raise PeerError(400, f"ANNOUNCE needs an application/sdp body, not {content_type}")
        description = parse_sdp(exchange.request.body, self._max_tracks)
        if connection.closed:
            raise ConnectionEnded
        self._lifecycle.claim(path, connection)
        mount = self._mounts.add(path, description, exchange.now)
        try:
            session = self._sessions.add(Role.PUBLISHER, mount, connection, str(url), user, exchange.now)
        except PeerError:
            self._mounts.remove(mount)
            raise
        mount.publisher = session.id
        session.state = next_state(session.state, "ANNOUNCE")
        exchange.session = session
        return exchange.respond()

    # -- SETUP -----------------------------------------------------------------------------------------------------

    async def setup(self, exchange: Exchange) -> Response:
        """Choose a track's transport; the first SETUP of a reader begins its session."""
        value = ", ".join(exchange.request.headers.get_all("Transport"))
        if not value:
            raise PeerError(400, "SETUP without Transport")
        if exchange.session is not None and exchange.session.role is Role.PUBLISHER:
            return await self._setup_publisher(exchange, exchange.session, value)
        if exchange.connection.side is Side.PUBLISH:
            raise PeerError(455, "SETUP on the publish port comes after ANNOUNCE")
        return await self._setup_reader(exchange, value)

    async def _setup_publisher(self, exchange: Exchange, session: Session, value: str) -> Response:
        mount, description = session.mount, session.mount.description
        controls = [media.control for media in description.medias]
        track = find_track(parse_url(session.url), description.session_control, controls, exchange.target)
        if track is None:
            raise PeerError(400, f"no track of {mount.path} has the control URL {exchange.target}")
        taken = [each for each in session.transports.values() if each.track != track]
        chosen = choose(transport_header.parse_transports(value), session.host, taken)
        if mount.worker is None:
            await self._placing.place(mount)
        self._still_there(session, exchange)
        if not mount.rtp_ports:
            raise PeerError(503, f"{mount.path} is being opened for another request")
        granted = answer(chosen, mount.rtp_ports[track], "record", None)
        session.transports[track] = TrackTransport(track, chosen)
        return exchange.respond(200, ("Transport", transport_header.format(granted)))

    async def _setup_reader(self, exchange: Exchange, value: str) -> Response:
        mount, base, track = self._find_reader_track(exchange.target)
        session, user = exchange.session, ""
        if session is None:
            user = await self._admit(self._client_access, exchange, base)
            # The mount check may have started a publisher and waited for it.
            mount, base, track = self._find_reader_track(exchange.target)
        if mount is None:
            raise PeerError(404, f"nobody publishes {mount_path(base)}")
        if track is None:
            raise PeerError(400, f"no track of {mount.path} has the control URL {exchange.target}")
        if session is not None and session.mount is not mount:
            raise PeerError(459, "a session can't span mounts")
        taken = [each for each in session.transports.values() if each.track != track] if session else []
        chosen = choose(transport_header.parse_transports(value), exchange.connection.host, taken)
        if exchange.connection.closed:
            raise ConnectionEnded
        new = session is None
        if session is None:
            session = self._sessions.add(Role.READER, mount, exchange.connection, str(base), user, exchange.now)
            mount.readers.add(session.id)
        try:
            ssrc = await self._register(mount, session, TrackTransport(track, chosen))
            self._still_there(session, exchange)
        except Exception:
            if new:
                self._lifecycle.close_session(session, "its SETUP failed", keep_connection=True)
            raise
        session.transports[track] = TrackTransport(track, chosen)
        session.state = next_state(session.state, "SETUP")
        exchange.session = session
        granted = answer(chosen, mount.rtp_ports[track], "play", ssrc)
        return exchange.respond(200, ("Transport", transport_header.format(granted)))

    async def _register(self, mount: Mount, session: Session, transport: TrackTransport) -> int | None:
        worker = self._worker(mount)
        reply = await worker.ask(SetUpReader(mount.path, mount.generation, session.id, transport))
        assert isinstance(reply, ReaderSetUp)
        return reply.ssrc

    def _find_reader_track(self, target: RtspUrl) -> tuple[Mount | None, RtspUrl, int | None]:
        """Find the mount and track that a reader's SETUP names, with the mount's own URL.

        Where there is a mount and no such track, or neither, the likeliest URL of the mount is given.
        """
        found: Mount | None = None
        likeliest = target
        names = self._track_names
        for base in candidates(target):
            mount = self._mounts.get(mount_path(base))
            if mount is not None and mount.recording_since is not None:
                track = find_track(base, None, names[: len(mount.description.medias)], target)
                if track is not None:
                    return mount, base, track
                found, likeliest = mount, base
            elif found is None and find_track(base, None, names, target) is not None:
                likeliest = base
        return found, likeliest, None

    # -- PLAY, RECORD ----------------------------------------------------------------------------------------------

    async def play(self, exchange: Exchange) -> Response:
        """Start a reader. Its worker takes the connection over and writes the response."""
        session = self._needed(exchange)
        mount, worker = session.mount, self._worker(session.mount)
        headers = () if mount.range is None else (("Range", mount.range),)
        response = exchange.respond(200, *headers)
        base = parse_url(session.url)
        transports = session.in_order()
        async with exchange.connection.handed_to(worker) as handoff:
            await worker.ask(
                Play(
                    path=mount.path,
                    generation=mount.generation,
                    session=session.id,
                    connection=exchange.connection.id,
                    handoff=handoff,
                    transports=transports,
                    response_head=response.head_bytes(),
                    rtp_info_urls=tuple(track_url(base, each.track) for each in transports),
                )
            )
        exchange.answered = True
        if session.state is not SessionState.CLOSED:
            session.state = next_state(session.state, "PLAY")
        return response

    async def record(self, exchange: Exchange) -> Response:
        """Start a publisher. Its worker takes the connection over and writes the response."""
        session = self._needed(exchange)
        mount = session.mount
        missing = len(mount.description.medias) - len(session.transports)
        if missing:
            raise PeerError(400, f"{missing} of {len(mount.description.medias)} tracks are not set up")
        worker = self._worker(mount)
        mount.range = exchange.request.headers.get("Range", mount.range)
        response = exchange.respond()
        recording_before = mount.recording_since
        if recording_before is None:
            # Before the worker writes the 200: whoever knows of that may come to read at once.
            mount.recording_since = exchange.now
        try:
            async with exchange.connection.handed_to(worker) as handoff:
                await worker.ask(
                    Record(
                        path=mount.path,
                        generation=mount.generation,
                        session=session.id,
                        connection=exchange.connection.id,
                        handoff=handoff,
                        transports=session.in_order(),
                        response=response.to_bytes(),
                    )
                )
        except BaseException:
            mount.recording_since = recording_before
            raise
        exchange.answered = True
        if session.state is not SessionState.CLOSED:
            session.state = next_state(session.state, "RECORD")
        if recording_before is None:
            self._lifecycle.recording(mount)
        return response

    # -- inside a session ------------------------------------------------------------------------------------------

    async def pause(self, exchange: Exchange) -> Response:
        """Stop a reader's media. A publisher that pauses just sends none (rtspclientsink does before TEARDOWN)."""
        session = self._needed(exchange)
        if session.state is SessionState.PLAYING:
            mount = session.mount
            await self._worker(mount).ask(PauseReader(mount.path, mount.generation, session.id))
            self._still_there(session, exchange)
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

    def _worker(self, mount: Mount) -> Worker:
        if mount.worker is None or mount.closed:
            raise PeerError(404, f"{mount.path} was closed meanwhile")
        return mount.worker

    def _still_there(self, session: Session, exchange: Exchange) -> None:
        """Notice, after waiting, that the session ended in the meantime."""
        if session.state is SessionState.CLOSED:
            if exchange.connection.closed:
                raise ConnectionEnded
            exchange.session = None
            raise PeerError(454, "the session was closed meanwhile")

    async def _admit(self, access: Access, exchange: Exchange, mount_url: RtspUrl) -> str:
        """Let the request in, or not; give its user. `mount_url` is what the request is about, without a track."""
        request = exchange.request
        asked = HookRequest(
            method=request.method,
            uri=request.url,
            path=mount_path(mount_url),
            query=mount_url.query,
            headers=dict(request.headers.items()),
            host=exchange.connection.host,
        )
        user = await access.authenticate(asked, request.headers.get("Authorization"), exchange.now)
        await access.check_mount(asked)
        return user
