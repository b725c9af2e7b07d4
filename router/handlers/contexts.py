"""What a handler's methods are given: one object for each call, of its own type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from router.rtsp.message import Request, Response

if TYPE_CHECKING:
    from router.description import SessionDescription
    from router.handlers.clients import Server, ServerConnection, ServerSession


@dataclass(slots=True, kw_only=True)
class ConnectionOpenContext:
    """A connection came in."""

    server: Server
    connection: ServerConnection


@dataclass(slots=True, kw_only=True)
class ConnectionCloseContext:
    """A connection ended, for `reason`. Nothing comes after this of it, but sessions over UDP may outlive it."""

    server: Server
    connection: ServerConnection
    reason: str


@dataclass(slots=True, kw_only=True)
class SessionOpenContext:
    """A session began: a publisher's by ANNOUNCE, a reader's by its first SETUP."""

    server: Server
    session: ServerSession


@dataclass(slots=True, kw_only=True)
class SessionCloseContext:
    """A session ended, for `reason`. `readers` of the path stay."""

    server: Server
    session: ServerSession
    reason: str
    readers: int


@dataclass(slots=True, kw_only=True)
class MountOpenContext:
    """A publisher's media may flow: readers find its path from now on. Told once for a mount, also where another
    publisher goes on with it after the first has vanished (`reconnect_grace_s`)."""

    server: Server
    session: ServerSession


@dataclass(slots=True, kw_only=True)
class MountCloseContext:
    """A publisher's mount ended, with all its readers, for `reason`; `session` is the last publisher's."""

    server: Server
    session: ServerSession
    reason: str


@dataclass(slots=True, kw_only=True)
class RequestContext:
    """A request came, whatever it is; it is looked at after this call."""

    server: Server
    connection: ServerConnection
    request: Request


@dataclass(slots=True, kw_only=True)
class ResponseContext:
    """A response was sent. PLAY's has got an `RTP-Info` from the worker, which isn't in it here."""

    server: Server
    connection: ServerConnection
    session: ServerSession | None
    request: Request
    response: Response


@dataclass(slots=True, kw_only=True)
class PacketsLostContext:
    """So many `packets` of a publisher never came since the last time, by their sequence numbers."""

    server: Server
    session: ServerSession
    packets: int


@dataclass(slots=True, kw_only=True)
class DecodeErrorContext:
    """A publisher sent what can't be used, since the last time: so many packets that are no RTP (or no RTCP), and so
    many of a payload type that it has not announced."""

    server: Server
    session: ServerSession
    not_rtp: int
    wrong_payload_type: int


@dataclass(slots=True, kw_only=True)
class StreamWriteErrorContext:
    """A reader could not be served, and is closed: `reason` says why, such as that it read nothing for so long."""

    server: Server
    session: ServerSession
    reason: str


@dataclass(slots=True, kw_only=True)
class AccessContext:
    """Somebody wants to publish or read `path`, and nobody knows yet who it is."""

    server: Server
    connection: ServerConnection
    request: Request
    path: str
    query: str


@dataclass(slots=True, kw_only=True)
class CredentialsContext(AccessContext):
    """What is `username`'s password?"""

    username: str


@dataclass(slots=True, kw_only=True)
class AuthenticateContext(AccessContext):
    """Is this `username`'s password?"""

    username: str
    password: str = field(repr=False)


async def _nothing() -> Response:
    return Response(501)


@dataclass(slots=True, kw_only=True)
class DecisionContext:
    """A request that a handler may decide on.

    `path` is the stream's (not a track's) as the client named it, `query` what stood behind `?` there; `user` is who
    authenticated, "" where nobody is asked who they are; `session` is None before there is one.
    """

    server: Server
    connection: ServerConnection
    session: ServerSession | None
    request: Request
    path: str
    query: str
    user: str
    run: Callable[[], Awaitable[Response]] = field(default=_nothing, repr=False)

    async def default(self) -> Response:
        """Do what the server does without a handler, and give its response; a second time gives the same.

        A failure is a response too, with its status. PLAY's and RECORD's is sent by then and can't be changed. The
        `session` that ANNOUNCE or SETUP begins stands in the context afterwards.
        """
        return await self.run()


@dataclass(slots=True, kw_only=True)
class DescribeContext(DecisionContext):
    """DESCRIBE: a client wants to know what there is at a path."""


@dataclass(slots=True, kw_only=True)
class AnnounceContext(DecisionContext):
    """ANNOUNCE: a publisher says what it has.

    `description` is None where a format's parameters can't be read: that is relayed all the same.
    """

    description: SessionDescription | None


@dataclass(slots=True, kw_only=True)
class SetupContext(DecisionContext):
    """SETUP of one track. `transport` is what the client would like best: udp, tcp or multicast."""

    publishes: bool
    transport: str


@dataclass(slots=True, kw_only=True)
class SessionDecisionContext(DecisionContext):
    """A request inside of a session."""

    session: ServerSession


@dataclass(slots=True, kw_only=True)
class PlayContext(SessionDecisionContext):
    """PLAY: a reader's media is to flow."""


@dataclass(slots=True, kw_only=True)
class RecordContext(SessionDecisionContext):
    """RECORD: a publisher's media is to flow."""


@dataclass(slots=True, kw_only=True)
class PauseContext(SessionDecisionContext):
    """PAUSE: a reader's media is to stop for a while, or a publisher will send none."""


@dataclass(slots=True, kw_only=True)
class GetParameterContext(DecisionContext):
    """GET_PARAMETER: the names stand in the request's body; without one it is a sign of life."""


@dataclass(slots=True, kw_only=True)
class SetParameterContext(DecisionContext):
    """SET_PARAMETER: names and values stand in the request's body."""
