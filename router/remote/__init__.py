"""RTSP servers elsewhere that we are a client of: sockets around `router.rtsp.client`."""

from router.remote.ports import bind_pair
from router.remote.session import Detached, RemoteSession

__all__ = ["Detached", "RemoteSession", "bind_pair"]
