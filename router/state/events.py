"""What happens to connections, sessions and mounts: typed events, and the dispatcher that delivers them in order.

Whoever changes state appends an event and knows nobody who hears of it; `front.py` says who does.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from router.connections.connection import Connection
from router.link.workers import Answer, Asked
from router.logs import get_logger
from router.rtsp.message import Request, Response
from router.state.mounts import Mount
from router.state.sessions import Session

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectionOpened:
    """A client has connected, or was turned away at a limit."""

    connection: Connection


@dataclass(frozen=True, slots=True)
class ConnectionGone:
    """A connection has ended; what its sessions make of that was told before."""

    connection: Connection
    reason: str


@dataclass(frozen=True, slots=True)
class RequestArrived:
    """A request that can be read, before anything is done about it."""

    connection: Connection
    request: Request


@dataclass(frozen=True, slots=True)
class ResponseSent:
    """The answer to a request; `session` is the one that it names or began."""

    connection: Connection
    session: Session | None
    request: Request
    response: Response


@dataclass(frozen=True, slots=True)
class SessionBegan:
    """A session that all is there for that it needs: a publisher's by ANNOUNCE, a reader's by its first SETUP."""

    session: Session


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A session that had begun is over; `readers` of its mount stay."""

    session: Session
    reason: str
    readers: int


@dataclass(frozen=True, slots=True)
class MountReady:
    """Readers may have a mount from now on, whoever publishes it: a client, a program (`publisher` is None), a file.

    Once for each mount, and once more with `restored` in a front that takes it over from the one before.
    """

    mount: Mount
    publisher: Session | None
    restored: bool = False


@dataclass(frozen=True, slots=True)
class PublisherReplaced:
    """Another publisher goes on with a mount whose publisher has vanished."""

    mount: Mount
    publisher: Session


@dataclass(frozen=True, slots=True)
class MountEnded:
    """A mount is closed, after its sessions. Also one that nobody could have had yet."""

    mount: Mount
    reason: str


@dataclass(frozen=True, slots=True)
class PacketsLost:
    """So many packets of a publisher never came, since the last time."""

    session: Session
    packets: int


@dataclass(frozen=True, slots=True)
class PacketsUnusable:
    """So many packets of a publisher were no RTP or of a payload type not announced, since the last time."""

    session: Session
    not_rtp: int
    wrong_payload_type: int


@dataclass(frozen=True, slots=True)
class ReaderUnserved:
    """A reader could not be served, and its connection ends for that."""

    session: Session
    reason: str


@dataclass(frozen=True, slots=True)
class AdminAsked:
    """An administrator asks something; `answer` sends to them."""

    message: Asked
    answer: Answer


FrontEvent: TypeAlias = (
    ConnectionOpened
    | ConnectionGone
    | RequestArrived
    | ResponseSent
    | SessionBegan
    | SessionEnded
    | MountReady
    | PublisherReplaced
    | MountEnded
    | PacketsLost
    | PacketsUnusable
    | ReaderUnserved
    | AdminAsked
)

Kind = TypeVar("Kind", bound=FrontEvent)


class EventDispatcher:
    """Delivers each event to its subscribers, in the order in which they subscribed, before `append` returns.

    What a subscriber appends is delivered after what is being delivered: everybody hears of all in the same order.
    """

    def __init__(self) -> None:
        self._subscribers: dict[type, list[Callable[[Any], None]]] = {}
        self._pending: deque[FrontEvent] = deque()
        self._delivering = False

    def subscribe(self, kind: type[Kind], subscriber: Callable[[Kind], None]) -> None:
        """Call with each event of a kind from now on. What a subscriber raises is logged, and harms nobody else."""
        self._subscribers.setdefault(kind, []).append(subscriber)

    def append(self, event: FrontEvent) -> None:
        """Let everybody know who subscribed to events of this kind."""
        self._pending.append(event)
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._pending:
                self._deliver(self._pending.popleft())
        finally:
            self._delivering = False

    def _deliver(self, event: FrontEvent) -> None:
        for subscriber in self._subscribers.get(type(event), ()):
            try:
                subscriber(event)
            except Exception:
                log.error("subscriber failed", kind=type(event).__name__, exc_info=True)
