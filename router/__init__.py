"""Trunkline's front: the control plane, the command line, and what a Python program imports.

from router import Server

async with Server(publish_port=0, client_port=0) as server:
    print(server.publish_url, server.client_url)
    await server.wait_closed()
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from router.listener import StartError
    from router.rtsp.auth import HA1, compute_ha1
    from router.server import Server
    from router.settings import Settings
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
    "CannotReload",
    "MediaStats",
    "NotRtcp",
    "NotRtp",
    "PacketError",
    "PacketTooLarge",
    "PathTaken",
    "ReceivedPacket",
    "Server",
    "ServerStream",
    "Settings",
    "StartError",
    "StreamClosed",
    "StreamError",
    "StreamFull",
    "StreamNotOpen",
    "StreamNotPlaced",
    "StreamStats",
    "WrongMedia",
    "WrongPayloadType",
    "compute_ha1",
]

_WHERE = {
    "HA1": "router.rtsp.auth",
    "CannotReload": "router.streams.errors",
    "MediaStats": "router.streams.stats",
    "NotRtcp": "router.streams.errors",
    "NotRtp": "router.streams.errors",
    "PacketError": "router.streams.errors",
    "PacketTooLarge": "router.streams.errors",
    "PathTaken": "router.streams.errors",
    "ReceivedPacket": "router.streams.packets",
    "Server": "router.server",
    "ServerStream": "router.streams.stream",
    "Settings": "router.settings",
    "StartError": "router.listener",
    "StreamClosed": "router.streams.errors",
    "StreamError": "router.streams.errors",
    "StreamFull": "router.streams.errors",
    "StreamNotOpen": "router.streams.errors",
    "StreamNotPlaced": "router.streams.errors",
    "StreamStats": "router.streams.stats",
    "WrongMedia": "router.streams.errors",
    "WrongPayloadType": "router.streams.errors",
    "compute_ha1": "router.rtsp.auth",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: every program of the router passes through here, and most need none."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)
