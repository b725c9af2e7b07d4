"""Connections and sessions as a program sees them: thin, and made when somebody first looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from router.connections.connection import Connection
from router.description import Media, SessionDescription
from router.handlers.session_stats import SessionStats, ask_stats
from router.rtsp.control import mount_path
from router.rtsp.session_state import SessionState
from router.rtsp.url import parse_url
from router.state.sessions import Role, Session
from router.state.state import State
from router.streams.callbacks import Callback
from router.streams.session_packets import SessionPackets
from router.streams.streams import StreamServer
from router.streams.taps import Taps
from router.streams.threads import call_in

Server: TypeAlias = Any
"""`router.Server`, for whom a program hands it on to: its own module is above this one, and imports it."""


class ServerView(StreamServer, Protocol):
    """A `Server` as handlers, connections and sessions see it: all of it that a program may use while it runs."""

    @property
    def connections(self) -> tuple[ServerConnection, ...]:
        """All RTSP connections."""

    @property
    def sessions(self) -> tuple[ServerSession, ...]:
        """All sessions, of publishers and readers."""


class ServerConnection:
    """One RTSP connection to a server; the same object as long as the connection lasts."""

    user_data: object = None
    """Anything that a program wants to keep with it."""

    def __init__(self, connection: Connection, clients: Clients) -> None:
        self._connection = connection
        self._clients = clients

    @property
    def server(self) -> Server:
        """The server that it came to."""
        return self._clients.server

    @property
    def id(self) -> str:
        """Its name in logs and in `trunkline status`."""
        return self._connection.id

    @property
    def host(self) -> str:
        """The client's address, IPv4 or IPv6."""
        return self._connection.host

    @property
    def port(self) -> int:
        """The client's TCP port."""
        return self._connection.port

    @property
    def closed(self) -> bool:
        """Whether it has ended, or is about to."""
        return self._connection.closed or self._connection.closing

    @property
    def sessions(self) -> tuple[ServerSession, ...]:
        """The sessions whose last request came on it."""
        return self._clients.sessions_of(self._connection)

    def close(self) -> None:
        """End it once everything written has left; what lives by it, such as sessions over TCP, ends with it.

        It may be called from any thread, such as a sync handler's.
        """
        self._clients.call(self._connection.close)

    def __repr__(self) -> str:
        return f"<ServerConnection {self.id} {self._connection.peer}>"


class ServerSession:
    """One RTSP session, of a publisher or a reader; the same object as long as the session lasts, and good to read
    afterwards."""

    user_data: object = None
    """Anything that a program wants to keep with it."""

    def __init__(self, session: Session, clients: Clients) -> None:
        self._session = session
        self._packets = SessionPackets(session, clients.taps)
        self._clients = clients
        url = parse_url(session.url)
        self._path, self._query = mount_path(url), url.query

    @property
    def server(self) -> Server:
        """The server that it is a session of."""
        return self._clients.server

    @property
    def id(self) -> str:
        """The id that RTSP's `Session` header, logs and `trunkline status` have."""
        return self._session.id

    @property
    def role(self) -> Role:
        """Whether it publishes or reads."""
        return self._session.role

    @property
    def path(self) -> str:
        """The path that the client named, such as `/cam`."""
        return self._path

    @property
    def query(self) -> str:
        """What stood behind `?` in the client's URL; "" if nothing did."""
        return self._query

    @property
    def user(self) -> str:
        """Who authenticated; "" where nobody is asked who they are."""
        return self._session.user

    @property
    def host(self) -> str:
        """The client's address, which alone may use the session."""
        return self._session.host

    @property
    def state(self) -> SessionState:
        """Where it stands."""
        return self._session.state

    @property
    def transport(self) -> str:
        """udp, tcp or multicast; "" before SETUP."""
        return self._session.transport_name

    @property
    def connection(self) -> ServerConnection | None:
        """The connection that its last request came on; None once that has ended: a session over UDP outlives it."""
        connection = self._session.connection
        return None if connection is None else self._clients.connection(connection)

    @property
    def last_connection(self) -> str:
        """The id of the connection that its last request came on; that may have ended since."""
        return self._session.last_connection

    async def stats(self) -> SessionStats:
        """Ask its worker what it has received or sent; all is 0 where there is nobody to ask."""
        return await ask_stats(self._session)

    # -- packets ---------------------------------------------------------------------------------------------------

    @property
    def description(self) -> SessionDescription | None:
        """What it publishes or reads; None where a format's parameters can't be read: then medias go by their index."""
        return self._packets.description

    @property
    def missed_packets(self) -> int:
        """Packets of its mount that came for this program, and that it was too slow for: whole bursts were dropped."""
        return self._packets.missed

    def on_packet_rtp(self, media: Media | int, callback: Callback) -> Callable[[], None]:
        """Call back with each RTP packet that it sends: a publisher's, or a reader's on a back channel.

        `media` is one of the description's, or its index. `callback` is called with a `ReceivedPacket` in the server's
        event loop, in order; if it fails that is logged. Gives a function that ends it. What is asked for in
        `on_record` or `on_play`, or before, begins with the first packet.

        Raises:
            WrongMedia: the media is not in the description, or the session sends no RTP on it.
            StreamClosed: the session has ended.
        """
        return self._packets.on_packet_rtp(media, callback)

    def on_packet_rtcp(self, media: Media | int, callback: Callback) -> Callable[[], None]:
        """Call back with each RTCP packet that it sends, a compound as it came: see `on_packet_rtp`."""
        return self._packets.on_packet_rtcp(media, callback)

    def write_packet_rtp(self, media: Media | int, packet: bytes) -> None:
        """Send an RTP packet to its client alone: to a publisher on a back channel, or to one of many readers.

        Raises:
            NotRtp, PacketTooLarge, WrongPayloadType: the packet is wrong.
            WrongMedia: the media is not in the description, or not set up.
            StreamFull: too much waits for its worker.
            StreamNotOpen, StreamClosed: it does not play or record.
        """
        self._packets.write_packet_rtp(media, packet)

    def write_packet_rtcp(self, media: Media | int, packet: bytes) -> None:
        """Send an RTCP packet, or a compound, to its client alone: see `write_packet_rtp`.

        Raises NotRtcp in the place of NotRtp.
        """
        self._packets.write_packet_rtcp(media, packet)

    def close(self, reason: str = "closed by the program") -> None:
        """End it, and a publisher's mount with it; its client hears of it by the end of its connection.

        It may be called from any thread, such as a sync handler's.
        """
        self._clients.close_session(self._session, reason)

    def __repr__(self) -> str:
        return f"<ServerSession {self.id} {self.role} {self.path} {self.state.value}>"


class Clients:
    """What stands for whom, while the connection or session lasts."""

    def __init__(self, server: ServerView, state: State, taps: Taps) -> None:
        self.server = server
        self.taps = taps
        self._registry = state.sessions
        self._lifecycle = state.lifecycle
        self._connections: dict[str, ServerConnection] = {}
        self._sessions: dict[str, ServerSession] = {}

    def call(self, function: Callable[[], None]) -> None:
        """Call a function in the server's event loop, from whatever thread."""
        call_in(self.taps.loop, function)

    def close_session(self, session: Session, reason: str) -> None:
        self.call(lambda: self._lifecycle.close_session(session, reason))

    def connection(self, connection: Connection) -> ServerConnection:
        """Give what stands for a connection."""
        found = self._connections.get(connection.id)
        if found is None:
            found = ServerConnection(connection, self)
            if not connection.closed:
                self._connections[connection.id] = found
        return found

    def session(self, session: Session) -> ServerSession:
        """Give what stands for a session."""
        found = self._sessions.get(session.id)
        if found is None:
            found = ServerSession(session, self)
            if session.state is not SessionState.CLOSED:
                self._sessions[session.id] = found
        return found

    def sessions_of(self, connection: Connection) -> tuple[ServerSession, ...]:
        return tuple(self.session(each) for each in self._registry.of(connection))

    def all_sessions(self) -> tuple[ServerSession, ...]:
        return tuple(self.session(each) for each in self._registry)

    def keys(self, session: Session) -> tuple[str, ...]:
        """Say what is told in order with a session: all that concerns it, and the connection of its last request."""
        return (session.id, session.last_connection) if session.last_connection else (session.id,)

    def forget_connection(self, connection: Connection) -> None:
        """Take note that a connection has ended, after all that had to be told of it."""
        self._connections.pop(connection.id, None)

    def forget_session(self, session: Session) -> None:
        """Take note that a session has ended, after all that had to be told of it."""
        self._sessions.pop(session.id, None)
