"""Trunkline's front: the control plane, the command line, and what a Python program imports.

from router import Server

async with Server(publish_port=0, client_port=0) as server:
    print(server.publish_url, server.client_url)
    await server.wait_closed()
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from router.connections.listeners import StartError
    from router.files.errors import (
        FileBroken,
        FileChanged,
        FileError,
        FileUnreadable,
        PyAVMissing,
        UnsupportedCodec,
    )
    from router.files.stream import FileStream
    from router.handlers.clients import ServerConnection, ServerSession
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
    from router.handlers.interface import (
        Answer,
        Handler,
        OnAnnounce,
        OnAuthenticate,
        OnConnectionClose,
        OnConnectionOpen,
        OnCredentials,
        OnDecodeError,
        OnDescribe,
        OnGetParameter,
        OnMountClose,
        OnMountOpen,
        OnPacketsLost,
        OnPause,
        OnPlay,
        OnRecord,
        OnRequest,
        OnResponse,
        OnSessionClose,
        OnSessionOpen,
        OnSetParameter,
        OnSetup,
        OnStreamWriteError,
        StreamAnswer,
    )
    from router.handlers.session_stats import SessionStats, TrackStats
    from router.rtsp.auth import HA1, compute_ha1
    from router.rtsp.message import Request, Response
    from router.rtsp.session_state import SessionState
    from router.server import Server
    from router.settings import Settings
    from router.state.sessions import Role
    from router.streams.errors import (
        CannotReload,
        NotRtcp,
        NotRtp,
        PacketError,
        PacketTooLarge,
        PathTaken,
        StreamClosed,
        StreamError,
        StreamFull,
        StreamNotOpen,
        StreamNotPlaced,
        WrongMedia,
        WrongPayloadType,
    )
    from router.streams.packets import ReceivedPacket
    from router.streams.stats import MediaStats, StreamStats
    from router.streams.stream import ServerStream

__all__ = [
    "HA1",
    "AnnounceContext",
    "Answer",
    "AuthenticateContext",
    "CannotReload",
    "ConnectionCloseContext",
    "ConnectionOpenContext",
    "CredentialsContext",
    "DecodeErrorContext",
    "DescribeContext",
    "FileBroken",
    "FileChanged",
    "FileError",
    "FileStream",
    "FileUnreadable",
    "GetParameterContext",
    "Handler",
    "MediaStats",
    "MountCloseContext",
    "MountOpenContext",
    "NotRtcp",
    "NotRtp",
    "OnAnnounce",
    "OnAuthenticate",
    "OnConnectionClose",
    "OnConnectionOpen",
    "OnCredentials",
    "OnDecodeError",
    "OnDescribe",
    "OnGetParameter",
    "OnMountClose",
    "OnMountOpen",
    "OnPacketsLost",
    "OnPause",
    "OnPlay",
    "OnRecord",
    "OnRequest",
    "OnResponse",
    "OnSessionClose",
    "OnSessionOpen",
    "OnSetParameter",
    "OnSetup",
    "OnStreamWriteError",
    "PacketError",
    "PacketTooLarge",
    "PacketsLostContext",
    "PathTaken",
    "PauseContext",
    "PlayContext",
    "PyAVMissing",
    "ReceivedPacket",
    "RecordContext",
    "Request",
    "RequestContext",
    "Response",
    "ResponseContext",
    "Role",
    "Server",
    "ServerConnection",
    "ServerSession",
    "ServerStream",
    "SessionCloseContext",
    "SessionOpenContext",
    "SessionState",
    "SessionStats",
    "SetParameterContext",
    "Settings",
    "SetupContext",
    "StartError",
    "StreamAnswer",
    "StreamClosed",
    "StreamError",
    "StreamFull",
    "StreamNotOpen",
    "StreamNotPlaced",
    "StreamStats",
    "StreamWriteErrorContext",
    "TrackStats",
    "UnsupportedCodec",
    "WrongMedia",
    "WrongPayloadType",
    "compute_ha1",
]

_MODULES = {
    "router.handlers.clients": "ServerConnection ServerSession",
    "router.handlers.contexts": (
        "AnnounceContext AuthenticateContext ConnectionCloseContext ConnectionOpenContext CredentialsContext "
        "DecodeErrorContext DescribeContext GetParameterContext MountCloseContext MountOpenContext "
        "PacketsLostContext PauseContext PlayContext RecordContext RequestContext ResponseContext "
        "SessionCloseContext SessionOpenContext SetParameterContext SetupContext StreamWriteErrorContext "
    ),
    "router.files.errors": "FileBroken FileChanged FileError FileUnreadable PyAVMissing UnsupportedCodec",
    "router.files.stream": "FileStream",
    "router.handlers.interface": (
        "Answer Handler OnAnnounce OnAuthenticate OnConnectionClose OnConnectionOpen OnCredentials OnDecodeError "
        "OnDescribe OnGetParameter OnMountClose OnMountOpen OnPacketsLost OnPause OnPlay OnRecord OnRequest "
        "OnResponse OnSessionClose OnSessionOpen OnSetParameter OnSetup OnStreamWriteError StreamAnswer "
    ),
    "router.connections.listeners": "StartError",
    "router.rtsp.auth": "HA1 compute_ha1",
    "router.rtsp.message": "Request Response",
    "router.rtsp.session_state": "SessionState",
    "router.server": "Server",
    "router.state.sessions": "Role",
    "router.handlers.session_stats": "SessionStats TrackStats",
    "router.settings": "Settings",
    "router.streams.errors": (
        "CannotReload NotRtcp NotRtp PacketError PacketTooLarge PathTaken StreamClosed StreamError StreamFull "
        "StreamNotOpen StreamNotPlaced WrongMedia WrongPayloadType "
    ),
    "router.streams.packets": "ReceivedPacket",
    "router.streams.stats": "MediaStats StreamStats",
    "router.streams.stream": "ServerStream",
}
"""Where each name comes from."""
_WHERE = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: every program of the router passes through here, and most need none."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)
