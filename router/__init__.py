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

__all__ = ["HA1", "Server", "Settings", "StartError", "compute_ha1"]

_WHERE = {
    "HA1": "router.rtsp.auth",
    "Server": "router.server",
    "Settings": "router.settings",
    "StartError": "router.listener",
    "compute_ha1": "router.rtsp.auth",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: every program of the router passes through here, and most need none."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)
