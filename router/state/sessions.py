"""Sessions: what one publisher or reader has set up, and the registry that finds it by its id."""

import secrets
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from router.connections.connection import Connection
from router.rtsp.errors import PeerError
from router.rtsp.session_state import SessionState
from router.settings import Settings
from router.state.figures import Total
from router.state.mounts import FanoutPoint, Mount, Replica
from workers.contract.parts import InterleavedTransport, MulticastTransport, TrackTransport, UdpTransport


class Role(StrEnum):
    """What a session does."""

    PUBLISHER = "publisher"
    READER = "reader"


@dataclass(eq=False, slots=True)
class Session:
    """One RTSP session. `host` is the only address that may use it; times are monotonic seconds.

    `connection` is the one that carried its last request; None once that has ended: a session over UDP
    outlives it. `url` is the aggregate URL, as the client wrote it.
    """

    id: str
    role: Role
    host: str
    mount: Mount
    url: str
    user: str
    connection: Connection | None
    timeout_s: int
    since: float
    heard: float
    state: SessionState = SessionState.INIT
    transports: dict[int, TrackTransport] = field(default_factory=dict)
    corrected: dict[int, TrackTransport] = field(default_factory=dict)
    """Where tracks over UDP go in fact, as a NAT has changed their ports: the next worker has to be told."""
    last_connection: str = ""
    """The id of the connection that carried its last request, even if that has ended; "" if an earlier front had it."""
    orphaned: float | None = None
    """When its connection ended."""
    replica: Replica | None = None
    """Which replica of the mount serves it; None for the owner."""
    sent: Total = field(default_factory=Total)
    """Packets that went to a reader."""

    @property
    def place(self) -> FanoutPoint:
        return self.mount if self.replica is None else self.replica

    @property
    def packets(self) -> int:
        """Packets that came from it, or went to it."""
        return self.mount.figures.packets if self.id == self.mount.publisher else self.sent.value

    @property
    def over_udp(self) -> bool:
        """Tell whether any of its media has addresses of its own, which the mount's owner has to know."""
        return any(isinstance(each.transport, UdpTransport) for each in self.transports.values())

    @property
    def active(self) -> bool:
        return self.state in (SessionState.PLAYING, SessionState.RECORDING)

    @property
    def interleaved(self) -> bool:
        """Tell whether any of its media travels inside its connection, whose end is then its own."""
        return any(isinstance(each.transport, InterleavedTransport) for each in self.transports.values())

    @property
    def transport_name(self) -> str:
        """Name its transport as people do."""
        if not self.transports:
            return ""
        if self.interleaved:
            return "tcp"
        shared = any(isinstance(each.transport, MulticastTransport) for each in self.transports.values())
        return "multicast" if shared else "udp"

    def correct(self, transport: TrackTransport) -> None:
        """Take a worker's word on where a track's packets go: other ports of the same host."""
        declared = self.transports.get(transport.track)
        ours, told = declared and declared.transport, transport.transport
        if isinstance(ours, UdpTransport) and isinstance(told, UdpTransport) and told.host == ours.host:
            self.corrected[transport.track] = transport

    def let_corrections_be(self) -> None:
        """Take the ports that are used in fact for those that were declared: for a worker that begins anew."""
        self.transports |= self.corrected
        self.corrected = {}

    def in_order(self) -> tuple[TrackTransport, ...]:
        return tuple(self.transports[track] for track in sorted(self.transports))


class Sessions:
    """All sessions of the front, by id."""

    def __init__(self, settings: Settings) -> None:
        self._limits = settings.limits
        self._max_readers_of = settings.max_readers_of
        self._timeout_s = settings.session_timeout_s
        self._readers: Counter[Mount] = Counter()
        """Of each mount that has any, from the first SETUP on, also while that waits for the worker."""
        self._reader_count = 0
        self._by_id: dict[str, Session] = {}
        self._by_connection: dict[Connection, set[Session]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._by_id.values()))

    def get(self, session_id: str) -> Session | None:
        """Find a session, whoever asks."""
        return self._by_id.get(session_id)

    def find(self, session_id: str, host: str) -> Session:
        """Find the session that a request from `host` names.

        Raises:
            PeerError: 454 where there is none, or it is another host's.
        """
        session = self._by_id.get(session_id)
        if session is None or session.host != host:
            raise PeerError(454, "no such session")
        return session

    def add(self, role: Role, mount: Mount, connection: Connection, url: str, user: str, now: float) -> Session:
        """Begin a session.

        Raises:
            PeerError: 503 at a limit.
        """
        self.check_room(connection)
        if role is Role.READER:
            self._check_readers(mount)
        session = Session(
            # 64 random bits: the id is what lets another connection take the session up.
            id=secrets.token_hex(8),
            role=role,
            host=connection.host,
            mount=mount,
            url=url,
            user=user,
            connection=connection,
            timeout_s=self._timeout_s,
            since=now,
            heard=now,
        )
        self._enter(session)
        return session

    def check_room(self, connection: Connection, leaving: Collection[str] = ()) -> None:
        """Refuse a session that would be one too many, once those that are `leaving` have left.

        Raises:
            PeerError: 503 at a limit.
        """
        limits = self._limits
        here = [each for each in self._by_connection.get(connection, ()) if each.id not in leaving]
        if len(here) >= limits.sessions_per_connection:
            raise PeerError(503, f"this connection has {limits.sessions_per_connection} sessions already")
        if len(self._by_id) - sum(each in self._by_id for each in leaving) >= limits.sessions:
            raise PeerError(503, f"all {limits.sessions} sessions are taken")

    def _check_readers(self, mount: Mount) -> None:
        most, most_here = self._limits.max_readers, self._max_readers_of(mount.path)
        if self._reader_count >= most:
            raise PeerError(503, f"there are {most} readers, as many as may be")
        if most_here and self._readers[mount] >= most_here:
            raise PeerError(503, f"{mount.path} has {most_here} readers, as many as it may")

    def _enter(self, session: Session) -> None:
        self._by_id[session.id] = session
        if session.role is Role.READER:
            self._readers[session.mount] += 1
            self._reader_count += 1
        if session.connection is not None:
            self._tie(session, session.connection)

    def restore(self, session: Session) -> None:
        """Know a session again that an earlier front has begun, whatever the limits."""
        self._enter(session)

    def of(self, connection: Connection) -> list[Session]:
        """List the sessions whose last request came on a connection."""
        return list(self._by_connection.get(connection, ()))

    def move(self, session: Session, connection: Connection | None) -> None:
        """Tie a session to the connection that its last request came on, or to none."""
        if session.connection is connection:
            return
        if session.connection is not None:
            left = self._by_connection[session.connection]
            left.discard(session)
            if not left:
                del self._by_connection[session.connection]
        session.connection = connection
        if connection is not None:
            self._tie(session, connection)
            session.orphaned = None

    def _tie(self, session: Session, connection: Connection) -> None:
        self._by_connection.setdefault(connection, set()).add(session)
        session.last_connection = connection.id

    def remove(self, session: Session) -> None:
        """Forget a session."""
        if self._by_id.pop(session.id, None) is not None and session.role is Role.READER:
            self._readers[session.mount] -= 1
            self._reader_count -= 1
            if not self._readers[session.mount]:
                del self._readers[session.mount]
        self.move(session, None)
        session.state = SessionState.CLOSED
