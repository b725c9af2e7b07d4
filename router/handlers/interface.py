"""The methods of a handler: a protocol for each, and no base class.

A program's handler is any object that has one or more of them, as `def` or `async def`. A class that names the
protocols as its bases has their signatures checked by a type checker, each on its own:

    class Cameras(OnDescribe, OnSessionClose): ...
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Protocol, TypeAlias

from router.handlers.contexts import (
    AnnounceContext,
    AuthenticateContext,
    ConnectionCloseContext,
    ConnectionOpenContext,
    CredentialsContext,
    DecodeErrorContext,
    DescribeContext,
    GetParameterContext,
    MountCloseContext,
    MountOpenContext,
    PacketsLostContext,
    PauseContext,
    PlayContext,
    RecordContext,
    RequestContext,
    ResponseContext,
    SessionCloseContext,
    SessionOpenContext,
    SetParameterContext,
    SetupContext,
    StreamWriteErrorContext,
)
from router.rtsp.message import Response

if TYPE_CHECKING:
    from router.rtsp.auth import HA1
    from router.streams.stream import ServerStream

Answer: TypeAlias = "Response | int | None"
"""What a request is answered with: a response, or its status alone. A status below 300 lets the server do its part, and
the response's headers are added to what it answers then. None is the server's own answer."""
StreamAnswer: TypeAlias = "Response | int | ServerStream | tuple[Response | int, ServerStream | None] | None"
"""The same with the stream to offer, alone or beside the response; without one it is what is published at the path."""


class OnConnectionOpen(Protocol):
    """Has `on_connection_open`."""

    def on_connection_open(self, context: ConnectionOpenContext, /) -> Awaitable[None] | None:
        """Hear of a new connection."""


class OnConnectionClose(Protocol):
    """Has `on_connection_close`."""

    def on_connection_close(self, context: ConnectionCloseContext, /) -> Awaitable[None] | None:
        """Hear that a connection ended, and why. It is the last that is told of it."""


class OnSessionOpen(Protocol):
    """Has `on_session_open`."""

    def on_session_open(self, context: SessionOpenContext, /) -> Awaitable[None] | None:
        """Hear of a new session: of a publisher's ANNOUNCE or a reader's first SETUP that was allowed."""


class OnSessionClose(Protocol):
    """Has `on_session_close`."""

    def on_session_close(self, context: SessionCloseContext, /) -> Awaitable[None] | None:
        """Hear that a session ended, and why. It is the last that is told of it."""


class OnMountOpen(Protocol):
    """Has `on_mount_open`."""

    def on_mount_open(self, context: MountOpenContext, /) -> Awaitable[None] | None:
        """Hear that a publisher's media may flow, and that readers find its path."""


class OnMountClose(Protocol):
    """Has `on_mount_close`."""

    def on_mount_close(self, context: MountCloseContext, /) -> Awaitable[None] | None:
        """Hear that a publisher's mount ended, and why."""


class OnRequest(Protocol):
    """Has `on_request`."""

    def on_request(self, context: RequestContext, /) -> Awaitable[None] | None:
        """Hear of every request, before anything is done about it."""


class OnResponse(Protocol):
    """Has `on_response`."""

    def on_response(self, context: ResponseContext, /) -> Awaitable[None] | None:
        """Hear of every response."""


class OnPacketsLost(Protocol):
    """Has `on_packets_lost`."""

    def on_packets_lost(self, context: PacketsLostContext, /) -> Awaitable[None] | None:
        """Hear of a publisher's packets that never came; once a second at most."""


class OnDecodeError(Protocol):
    """Has `on_decode_error`."""

    def on_decode_error(self, context: DecodeErrorContext, /) -> Awaitable[None] | None:
        """Hear of a publisher's packets that can't be used; once a second at most."""


class OnStreamWriteError(Protocol):
    """Has `on_stream_write_error`."""

    def on_stream_write_error(self, context: StreamWriteErrorContext, /) -> Awaitable[None] | None:
        """Hear of a reader that could not be served and is closed."""


class OnAuthenticate(Protocol):
    """Has `on_authenticate`."""

    def on_authenticate(self, context: AuthenticateContext, /) -> Awaitable[bool] | bool:
        """Say whether a password is the user's: false means 401. Only Basic tells it, so that alone is offered."""


class OnCredentials(Protocol):
    """Has `on_credentials`."""

    def on_credentials(self, context: CredentialsContext, /) -> Awaitable[str | HA1 | None] | str | HA1 | None:
        """Give a user's password, or its digest, or None for an unknown user: serves Basic and Digest."""


class OnDescribe(Protocol):
    """Has `on_describe`."""

    def on_describe(self, context: DescribeContext, /) -> Awaitable[StreamAnswer] | StreamAnswer:
        """Decide what a client gets that asks what there is."""


class OnAnnounce(Protocol):
    """Has `on_announce`."""

    def on_announce(self, context: AnnounceContext, /) -> Awaitable[Answer] | Answer:
        """Decide whether a client may publish."""


class OnSetup(Protocol):
    """Has `on_setup`."""

    def on_setup(self, context: SetupContext, /) -> Awaitable[StreamAnswer] | StreamAnswer:
        """Decide whether a track may be set up, and of which stream."""


class OnPlay(Protocol):
    """Has `on_play`."""

    def on_play(self, context: PlayContext, /) -> Awaitable[Answer] | Answer:
        """Decide whether a reader's media may flow."""


class OnRecord(Protocol):
    """Has `on_record`."""

    def on_record(self, context: RecordContext, /) -> Awaitable[Answer] | Answer:
        """Decide whether a publisher's media may flow."""


class OnPause(Protocol):
    """Has `on_pause`."""

    def on_pause(self, context: PauseContext, /) -> Awaitable[Answer] | Answer:
        """Decide whether media may be paused."""


class OnGetParameter(Protocol):
    """Has `on_get_parameter`."""

    def on_get_parameter(self, context: GetParameterContext, /) -> Awaitable[Answer] | Answer:
        """Answer a request for parameters."""


class OnSetParameter(Protocol):
    """Has `on_set_parameter`."""

    def on_set_parameter(self, context: SetParameterContext, /) -> Awaitable[Answer] | Answer:
        """Take parameters; by default there are none (451)."""


Handler: TypeAlias = (
    OnConnectionOpen
    | OnConnectionClose
    | OnSessionOpen
    | OnSessionClose
    | OnMountOpen
    | OnMountClose
    | OnRequest
    | OnResponse
    | OnPacketsLost
    | OnDecodeError
    | OnStreamWriteError
    | OnAuthenticate
    | OnCredentials
    | OnDescribe
    | OnAnnounce
    | OnSetup
    | OnPlay
    | OnRecord
    | OnPause
    | OnGetParameter
    | OnSetParameter
)
"""Any object that has one of them at least."""

NAMES = (
    "on_connection_open",
    "on_connection_close",
    "on_session_open",
    "on_session_close",
    "on_mount_open",
    "on_mount_close",
    "on_request",
    "on_response",
    "on_packets_lost",
    "on_decode_error",
    "on_stream_write_error",
    "on_authenticate",
    "on_credentials",
    "on_describe",
    "on_announce",
    "on_setup",
    "on_play",
    "on_record",
    "on_pause",
    "on_get_parameter",
    "on_set_parameter",
)
