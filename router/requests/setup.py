"""SETUP: the method that chooses a track's transport, for publishers and for readers."""

from collections.abc import Callable

from router.connections.connection import ConnectionEnded, Side
from router.fleet.placing import Placing
from router.fleet.replicas import Replicas
from router.link.placement import PlacementState
from router.requests.exchange import Exchange, at_worker, still_there
from router.requests.transports import Chosen, answer, choose
from router.rtsp.control import candidates, find_track, mount_path, track_name
from router.rtsp.errors import PeerError
from router.rtsp.headers import transport as transport_header
from router.rtsp.message import Response
from router.rtsp.session_state import next_state
from router.rtsp.url import RtspUrl, parse_url
from router.state import commands
from router.state.lifecycle import Lifecycle
from router.state.mounts import Mount, Mounts
from router.state.multicast import Multicast
from router.state.sessions import Role, Session, Sessions
from workers.contract.parts import MulticastTransport, TrackTransport, UdpTransport
from workers.contract.replies import ReaderSetUp


class Setup:
    """SETUP, with what it needs."""

    def __init__(
        self,
        sessions: Sessions,
        mounts: Mounts,
        placing: Placing,
        multicast: Multicast,
        lifecycle: Lifecycle,
        replicas: Replicas,
        max_tracks: int,
    ) -> None:
        self._replicas = replicas
        self._sessions = sessions
        self._mounts = mounts
        self._placing = placing
        self._multicast = multicast
        self._lifecycle = lifecycle
        self._track_names = [track_name(index) for index in range(max_tracks)]

    def check(self, exchange: Exchange) -> Role:
        """Say whether a publisher or a reader asks.

        Raises:
            PeerError: 400 without a transport, 455 where only a publisher could ask and none does.
        """
        if "Transport" not in exchange.request.headers:
            raise PeerError(400, "SETUP without Transport")
        if exchange.session is not None and exchange.session.role is Role.PUBLISHER:
            return Role.PUBLISHER
        if exchange.connection.side is Side.PUBLISH:
            raise PeerError(455, "SETUP on the publish port comes after ANNOUNCE")
        return Role.READER

    def base_of(self, target: RtspUrl) -> RtspUrl:
        """Give the URL of the mount that a reader's SETUP is about, whether there is one or not."""
        return self._find_reader_track(target)[1]

    async def setup(self, exchange: Exchange) -> Response:
        """Choose a track's transport; the first SETUP of a reader begins its session. It has passed `check`."""
        session = exchange.session
        if session is not None and session.role is Role.PUBLISHER:
            return await self._setup_publisher(exchange, session)
        return await self._setup_reader(exchange, session)

    async def _setup_publisher(self, exchange: Exchange, session: Session) -> Response:
        mount, description = session.mount, session.mount.description
        controls = [media.control for media in description.medias]
        track = find_track(parse_url(session.url), description.session_control, controls, exchange.target)
        if track is None:
            raise PeerError(400, f"no track of {mount.path} has the control URL {exchange.target}")
        chosen = self._choose(exchange, session, track)
        if mount.placement.state is PlacementState.UNPLACED:
            await self._placing.place(mount)
        still_there(session, exchange)
        if not mount.rtp_ports:
            raise PeerError(503, f"{mount.path} is being opened for another request")
        granted = answer(chosen, mount.rtp_ports[track], "record", None)
        session.transports[track] = TrackTransport(track, chosen)
        return exchange.respond(200, ("Transport", transport_header.format(granted)))

    async def _setup_reader(self, exchange: Exchange, session: Session | None) -> Response:
        offered = exchange.offered
        if session is not None and self._mounts.get(mount_path(parse_url(session.url))) is not session.mount:
            offered = offered or session.mount  # a handler's, which no path leads to
        if offered is not None:
            mount, (base, track) = offered, self._find_offered_track(offered, session, exchange.target)
        else:
            # A handler may have started a publisher and waited for it, so this is looked up now.
            found, base, track = self._find_reader_track(exchange.target)
            if found is None:
                raise PeerError(404, f"nobody publishes {mount_path(base)}")
            if session is None and found.path != exchange.path:
                raise PeerError(404, f"nobody publishes {exchange.path}")
            mount = found
        if mount.closed:
            raise PeerError(404, f"nobody publishes {mount_path(base)}")
        if track is None:
            raise PeerError(400, f"no track of {mount.path} has the control URL {exchange.target}")
        if session is not None and session.mount is not mount:
            raise PeerError(459, "a session can't span mounts")
        group = self._multicast.way_to(mount, track, exchange.connection.host)
        transport = TrackTransport(track, self._choose(exchange, session, track, group))
        if exchange.connection.closed:
            raise ConnectionEnded
        new = session is None
        if session is None:
            session, ssrc = await self._begin(exchange, mount, base, transport)
        else:
            ssrc = await self._register(mount, session, transport)
            still_there(session, exchange)
        session.transports[track] = transport
        session.corrected.pop(track, None)
        session.state = next_state(session.state, "SETUP")
        exchange.session = session
        if new:
            self._lifecycle.begun(session)
        granted = answer(transport.transport, mount.rtp_ports[track], "play", ssrc)
        return exchange.respond(200, ("Transport", transport_header.format(granted)))

    def _choose(
        self,
        exchange: Exchange,
        session: Session | None,
        track: int,
        group: Callable[[], MulticastTransport] | None = None,
    ) -> Chosen:
        """Choose among the client's offers, beside what else its connection carries."""
        taken = [
            transport
            for each in self._sessions.of(exchange.connection)
            for transport in each.transports.values()
            if each is not session or transport.track != track
        ]
        offers = transport_header.parse_transports(", ".join(exchange.request.headers.get_all("Transport")))
        return choose(offers, exchange.connection.host, taken, group)

    async def _begin(
        self, exchange: Exchange, mount: Mount, base: RtspUrl, transport: TrackTransport
    ) -> tuple[Session, int | None]:
        """Begin a reader's session. Nobody hears of it before its worker knows it."""
        session = self._sessions.add(Role.READER, mount, exchange.connection, str(base), exchange.user, exchange.now)
        try:
            if not isinstance(transport.transport, MulticastTransport):  # the owner sends to a group once for all
                session.replica = await self._replicas.choose(mount)
            if session.replica is not None:
                session.replica.readers.add(session.id)
            ssrc = await self._register(mount, session, transport)
            if mount.closed:
                raise PeerError(404, f"{mount.path} was closed meanwhile")
            still_there(session, exchange)
        except BaseException:
            self._sessions.remove(session)
            for place in {mount, session.place}:
                place.readers.discard(session.id)
                if not place.closed:
                    place.placement.tell(commands.remove_reader(place, session))
            raise
        mount.readers.add(session.id)
        return session, ssrc

    async def _register(self, mount: Mount, session: Session, transport: TrackTransport) -> int | None:
        """Let the worker know a reader that serves it; and the mount's owner, to whom its UDP packets come."""
        place = session.place
        if place is not mount and isinstance(transport.transport, MulticastTransport):
            raise PeerError(461, "a session that has begun with another transport can't go on with multicast")
        async with at_worker(place) as worker:
            reply = await worker.ask(commands.set_up_reader(place, session, transport))
        assert isinstance(reply, ReaderSetUp)
        if place is not mount and isinstance(transport.transport, UdpTransport):
            async with at_worker(mount) as worker:
                elsewhere = session.place is not mount  # its replica may have been lost by now
                await worker.ask(commands.set_up_reader(mount, session, transport, elsewhere=elsewhere))
        return reply.ssrc

    def _find_offered_track(self, mount: Mount, session: Session | None, target: RtspUrl) -> tuple[RtspUrl, int | None]:
        """Find the track of a handler's stream that a SETUP names, whatever path it is asked for at."""
        names = self._track_names[: len(mount.description.medias)]
        base = self.base_of(target) if session is None else parse_url(session.url)
        return base, find_track(base, None, names, target)

    def _find_reader_track(self, target: RtspUrl) -> tuple[Mount | None, RtspUrl, int | None]:
        """Find the mount and track that a reader's SETUP names, with the mount's own URL.

        Where there is a mount and no such track, or neither, the likeliest URL of the mount is given.
        """
        found: tuple[Mount, RtspUrl] | None = None
        for base in candidates(target):
            mount = self._mounts.get(mount_path(base))
            if mount is not None and mount.readable:
                track = find_track(base, None, self._track_names[: len(mount.description.medias)], target)
                if track is not None:
                    return mount, base, track
                found = mount, base
        if found is not None:
            return *found, None
        named = (base for base in candidates(target) if find_track(base, None, self._track_names, target) is not None)
        return None, next(named, target), None
