"""SETUP: a track's transport is chosen, for publishers and for readers."""

from collections.abc import Callable
from typing import Any

from router.connections.connection import ConnectionEnded, Side
from router.fleet.placing import Placing
from router.fleet.replicas import Replicas
from router.handlers.contexts import SetupContext
from router.link.placement import PlacementState
from router.requests.exchange import Exchange, TrackAsked, at_worker, still_there
from router.requests.method import Method
from router.requests.transports import Chosen, answer, choose
from router.rtsp.control import candidates, find_track, mount_path, track_name
from router.rtsp.errors import PeerError
from router.rtsp.headers import transport as transport_header
from router.rtsp.message import Response
from router.rtsp.session_state import next_state
from router.rtsp.url import RtspUrl, parse_url
from router.state import commands
from router.state.mounts import Mount
from router.state.sessions import Role, Session
from router.state.state import State
from workers.contract.parts import MulticastTransport, TrackTransport, UdpTransport
from workers.contract.replies import ReaderSetUp


class SetUp(Method):
    """Chooses a track's transport; the first SETUP of a reader begins its session."""

    handler = "on_setup"
    context = SetupContext

    def __init__(self, state: State, placing: Placing, replicas: Replicas) -> None:
        self._state = state
        self._placing = placing
        self._replicas = replicas
        self._track_names = [track_name(index) for index in range(state.settings.limits.tracks)]

    # -- what is asked for -----------------------------------------------------------------------------------------

    def role(self, exchange: Exchange) -> Role:
        """400 without a transport, 455 where only a publisher could ask and none does."""
        offers = exchange.request.headers.get_all("Transport")
        if not offers:
            raise PeerError(400, "SETUP without Transport")
        exchange.offers = transport_header.parse_transports(", ".join(offers))
        if exchange.session is not None and exchange.session.role is Role.PUBLISHER:
            return Role.PUBLISHER
        if exchange.connection.side is Side.PUBLISH:
            raise PeerError(455, "SETUP on the publish port comes after ANNOUNCE")
        exchange.track_asked = self._read(exchange.target)
        return Role.READER

    def about(self, exchange: Exchange) -> RtspUrl | None:
        return None if exchange.session is not None or exchange.track_asked is None else exchange.track_asked.base

    def values(self, exchange: Exchange) -> dict[str, Any]:
        first = next(iter(exchange.offers), None)
        wanted = "udp" if first is None else "tcp" if first.tcp else "multicast" if first.multicast else "udp"
        return {"publishes": exchange.role is Role.PUBLISHER, "transport": wanted}

    def needs_mount(self, exchange: Exchange) -> bool:
        return exchange.session is None

    def _read(self, target: RtspUrl) -> TrackAsked:
        """Read which track of which mount a reader's URL names: of one that is published, or else of the likeliest."""
        found: TrackAsked | None = None
        for base in candidates(target):
            mount = self._state.mounts.get(mount_path(base))
            if mount is not None and mount.readable:
                track = self._track_of(mount, base, target)
                found = TrackAsked(base, mount, track)
                if track is not None:
                    return found
        if found is not None:
            return found
        named = (base for base in candidates(target) if find_track(base, None, self._track_names, target) is not None)
        return TrackAsked(next(named, target), None, None)

    def _track_of(self, mount: Mount, base: RtspUrl, target: RtspUrl) -> int | None:
        return find_track(base, None, self._track_names[: len(mount.description.medias)], target)

    # -- what is answered ------------------------------------------------------------------------------------------

    async def run(self, exchange: Exchange) -> Response:
        session = exchange.session
        if session is None:
            return await self._begin(exchange)
        if session.role is Role.PUBLISHER:
            return await self._set_up_publisher(exchange, session)
        return await self._set_up_further(exchange, session)

    async def _set_up_publisher(self, exchange: Exchange, session: Session) -> Response:
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

    async def _begin(self, exchange: Exchange) -> Response:
        """Begin a reader's session. Nobody hears of it before its worker knows it."""
        mount, asked = exchange.found, exchange.track_asked
        assert asked is not None  # `role` has read it
        transport = self._transport(exchange, None, mount, self._track_of(mount, asked.base, exchange.target))
        sessions, connection = self._state.sessions, exchange.connection
        session = sessions.add(Role.READER, mount, connection, str(asked.base), exchange.user, exchange.now)
        try:
            if not isinstance(transport.transport, MulticastTransport):  # the owner sends to a group once for all
                session.replica = await self._replicas.choose(mount)
            if session.replica is not None:
                session.replica.readers.add(session.id)
            ssrc = await self._register(session, transport)
            if mount.closed:
                raise PeerError(404, f"{mount.path} was closed meanwhile")
            still_there(session, exchange)
        except BaseException:
            sessions.remove(session)
            for point in {mount, session.place}:
                point.readers.discard(session.id)
                if not point.closed:
                    point.placement.tell(commands.remove_reader(point, session))
            raise
        mount.readers.add(session.id)
        response = self._granted(exchange, session, transport, ssrc)
        self._state.lifecycle.begun(session)
        return response

    async def _set_up_further(self, exchange: Exchange, session: Session) -> Response:
        """Set up another track of a reader's session, or one once more."""
        mount, track = self._find_further(exchange, session)
        transport = self._transport(exchange, session, mount, track)
        ssrc = await self._register(session, transport)
        still_there(session, exchange)
        return self._granted(exchange, session, transport, ssrc)

    def _find_further(self, exchange: Exchange, session: Session) -> tuple[Mount, int | None]:
        base, asked = parse_url(session.url), exchange.track_asked
        assert asked is not None  # `role` has read it
        by_path = self._state.mounts.get(mount_path(base)) is session.mount
        if exchange.mount is not None or not by_path:  # a handler's, which no path leads to
            mount = exchange.mount or session.mount
            return mount, self._track_of(mount, base, exchange.target)
        if asked.mount is None:
            raise PeerError(404, f"nobody publishes {mount_path(asked.base)}")
        return asked.mount, asked.track

    def _transport(
        self, exchange: Exchange, session: Session | None, mount: Mount, track: int | None
    ) -> TrackTransport:
        """Say how a reader gets a track, by what its client offers."""
        if mount.closed:
            raise PeerError(404, f"{mount.path} was closed meanwhile")
        if track is None:
            raise PeerError(400, f"no track of {mount.path} has the control URL {exchange.target}")
        if session is not None and session.mount is not mount:
            raise PeerError(459, "a session can't span mounts")
        group = self._state.multicast.way_to(mount, track, exchange.connection.host)
        transport = TrackTransport(track, self._choose(exchange, session, track, group))
        if exchange.connection.closed:
            raise ConnectionEnded
        return transport

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
            for each in self._state.sessions.of(exchange.connection)
            for transport in each.transports.values()
            if each is not session or transport.track != track
        ]
        return choose(exchange.offers, exchange.connection.host, taken, group)

    async def _register(self, session: Session, transport: TrackTransport) -> int | None:
        """Let the worker know a reader that serves it; and the mount's owner, to whom its UDP packets come."""
        mount, place = session.mount, session.place
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

    def _granted(self, exchange: Exchange, session: Session, transport: TrackTransport, ssrc: int | None) -> Response:
        session.transports[transport.track] = transport
        session.corrected.pop(transport.track, None)
        session.state = next_state(session.state, "SETUP")
        exchange.session = session
        granted = answer(transport.transport, session.mount.rtp_ports[transport.track], "play", ssrc)
        return exchange.respond(200, ("Transport", transport_header.format(granted)))
