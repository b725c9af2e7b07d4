"""One request on its way through the front, and what its response is made of."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from router.connections.connection import Connection, ConnectionEnded
from router.link.placement import PlacementClosed, Unplaced
from router.link.worker import Worker
from router.rtsp.errors import PeerError
from router.rtsp.headers.session import format_session
from router.rtsp.headers.transport import TransportSpec
from router.rtsp.message import Request, Response
from router.rtsp.sdp import SdpDocument
from router.rtsp.session_state import SessionState
from router.rtsp.status import REASONS
from router.rtsp.url import RtspUrl
from router.state.mounts import FanoutPoint, Mount, Replica
from router.state.sessions import Role, Session

BACK_CHANNEL = "www.onvif.org/ver20/backchannel"
"""What a reader requires that may send to the publisher (ONVIF Streaming section 5.3.1)."""


@dataclass(frozen=True, slots=True)
class TrackAsked:
    """What the URL of a reader's SETUP means: the URL of the mount, that mount if it is published, the track of it."""

    base: RtspUrl
    mount: Mount | None
    track: int | None


@dataclass(slots=True)
class Exchange:
    """One request with what is known of it. `url` is None for `OPTIONS *`.

    `path` and `query` are what a request that asks for admission is about, without a track; `user` who it is from.
    """

    connection: Connection
    request: Request
    url: RtspUrl | None
    session: Session | None
    now: float
    allowed: tuple[str, ...] = ()
    """The methods that its port serves."""
    role: Role | None = None
    """Whether a publisher or a reader asks, where that matters."""
    path: str = ""
    query: str = ""
    user: str = ""
    mount: Mount | None = None
    """What it is about, where it needs one: offered by a handler, or else published at the path."""
    announced: SdpDocument | None = None
    """What ANNOUNCE describes."""
    offers: tuple[TransportSpec, ...] = ()
    """The transports that SETUP offers."""
    track_asked: "TrackAsked | None" = None
    """What a reader's SETUP names."""
    extra: tuple[tuple[str, str], ...] = ()
    """Headers that a handler adds to a good response."""
    answered: bool = False
    """The worker wrote the response itself, with PLAY and RECORD."""

    @property
    def target(self) -> RtspUrl:
        """The request's URL.

        Raises:
            PeerError: 400 for `*`, which only OPTIONS may name.
        """
        if self.url is None:
            raise PeerError(400, f"{self.request.method} needs an rtsp:// URL")
        return self.url

    @property
    def in_session(self) -> Session:
        """The session of a method that makes no sense without: the pipeline refuses it then."""
        assert self.session is not None
        return self.session

    @property
    def found(self) -> Mount:
        """The mount of a method that needs one: the pipeline has found it."""
        assert self.mount is not None
        return self.mount

    def respond(
        self, status: int = 200, *headers: tuple[str, str], body: bytes = b"", reason: str | None = None
    ) -> Response:
        """Make the response, with the headers that every response has, and a good one with a handler's."""
        if status < 300:
            headers += self.extra
        return make_response(self.request.cseq, self.session, status, headers, body, reason)


def make_response(
    cseq: str | None,
    session: Session | None,
    status: int,
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    reason: str | None = None,
) -> Response:
    """Make a response out of what is known of its request; `session` names its timeout (RFC 2326 section 12.37).

    A `reason` follows the status's own phrase: clients show that line to people.
    """
    common: list[tuple[str, str]] = []
    if cseq is not None:
        common.append(("CSeq", cseq))
    common.append(("Server", "Trunkline"))
    if session is not None:
        common.append(("Session", format_session(session.id, session.timeout_s)))
    phrase = None if reason is None else f"{REASONS[status]}: {reason}" if status in REASONS else reason
    return Response(status, (*common, *headers), body, phrase)


def required(request: Request) -> list[str]:
    """List what a client can't do without (RFC 2326 section 12.32)."""
    return [
        option for line in request.headers.get_all("Require") for each in line.split(",") if (option := each.strip())
    ]


@asynccontextmanager
async def at_worker(point: FanoutPoint) -> AsyncIterator[Worker]:
    """Keep a mount or a replica where it is for as long as the block lasts; give its worker, once a move has ended.

    Raises:
        PeerError: 404 where it was closed while the request waited, 503 where it has no worker for now.
        NotArrived: a move does not end.
    """
    async with AsyncExitStack() as stack:
        try:
            worker = await stack.enter_async_context(point.placement.use())
        except PlacementClosed:
            if isinstance(point, Replica) and not point.mount.closed:
                raise PeerError(503, f"{point.mount.path} is served by another worker now; try again") from None
            raise PeerError(404, f"{point.path} was closed meanwhile") from None
        except Unplaced:
            raise PeerError(503, f"{point.path} has lost its worker and waits for another") from None
        yield worker


def still_there(session: Session, exchange: Exchange) -> None:
    """Notice, after waiting, that the session ended in the meantime.

    Raises:
        PeerError: 454.
        ConnectionEnded: it ended with its connection.
    """
    if session.state is SessionState.CLOSED:
        if exchange.connection.closed:
            raise ConnectionEnded
        exchange.session = None
        raise PeerError(454, "the session was closed meanwhile")
