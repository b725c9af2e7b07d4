"""The listening sockets."""

import asyncio
import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from router.connections.connection import Side
from router.connections.table import Connections
from router.settings import Settings

BACKLOG = 1024
"""Connections that the kernel completes while the front is busy, or away."""
HINTS = {
    errno.EADDRINUSE: "Is another instance running? Choose another with {setting}.",
    errno.EACCES: "Ports below 1024 are for the system's own services: choose another with {setting}.",
    errno.EADDRNOTAVAIL: "This machine has no such address: see --host.",
}
"""What to do about it."""


class StartError(Exception):
    """The server can't start; the text says what is in the way and what to do."""


class PortTaken(StartError):
    """Somebody listens on a port already: another program, or the workers of a front that died."""


def bind(host: str, port: int, setting: str) -> socket.socket:
    """Bind and listen; `host` "" is all addresses, IPv4 and IPv6.

    Raises:
        StartError: the address is taken (PortTaken) or not ours; `setting` is named as what to change.
    """
    dual = host in ("", "::") and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual or ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=dual, reuse_port=False)
    except OSError as error:
        where = f"port {port}" if not host else f"port {port} of {host}"
        hint = HINTS.get(error.errno or 0, "See --host and {setting}.").format(setting=setting)
        kind = PortTaken if error.errno == errno.EADDRINUSE else StartError
        raise kind(f"{where} can't be listened on: {os.strerror(error.errno or 0)}. {hint}") from error


@dataclass(frozen=True, slots=True)
class Passed:
    """A listening socket that whoever started this process has passed on; `name` may say which side it is for."""

    name: str
    listener: socket.socket


def url_of(listener: socket.socket) -> str:
    """Give the URL that a client on this machine can use."""
    host, port = listener.getsockname()[:2]
    if host in ("::", "0.0.0.0"):
        host = "127.0.0.1"
    return f"rtsp://[{host}]:{port}" if ":" in host else f"rtsp://{host}:{port}"


class Listeners:
    """The publish and the client port, or the one that is both."""

    def __init__(self) -> None:
        self._sockets: dict[Side, socket.socket] = {}
        self._servers: list[asyncio.Server] = []
        self.publish_url = ""
        self.client_url = ""

    def bind(self, settings: Settings, passed: Sequence[Passed] = ()) -> None:
        """Take the ports, or the sockets `passed` for them; nothing is accepted yet. Raises StartError."""
        same = settings.publish_port == settings.client_port != 0
        sides = (Side.BOTH,) if same else (Side.PUBLISH, Side.CLIENT)
        rest = list(passed)
        try:
            for side in sides:
                setting = "client_port" if side is Side.CLIENT else "publish_port"
                port: int = getattr(settings, setting)
                names = ("publish", "client", "both") if same else (str(side),)
                given = next((each for each in rest if _is_for(each, names, port)), None)
                if given is not None:
                    rest.remove(given)
                    self._sockets[side] = given.listener
                else:
                    self._sockets[side] = bind(settings.host, port, "--" + setting.replace("_", "-"))
            if rest:
                raise StartError(
                    f"the socket {rest[0].name!r} on port {rest[0].listener.getsockname()[1]} that was passed to this"
                    f" program is for neither side: name it publish or client (FileDescriptorName=), or let it listen"
                    f" on publish_port={settings.publish_port} or client_port={settings.client_port}"
                )
        except StartError:
            self.release()
            for each in rest:
                each.listener.close()
            raise
        self.publish_url = url_of(self._sockets[Side.BOTH if same else Side.PUBLISH])
        self.client_url = url_of(self._sockets[Side.BOTH if same else Side.CLIENT])

    def port_of(self, side: Side) -> int:
        """Tell the number of a side's port, where it has one of its own."""
        port: int = self._sockets[side].getsockname()[1]
        return port

    @property
    def sockets(self) -> dict[str, socket.socket]:
        """The listening sockets, by their sides' names."""
        return {str(side): each for side, each in self._sockets.items()}

    async def accept(self, connections: Connections) -> None:
        loop = asyncio.get_running_loop()
        for side, listener in self._sockets.items():
            factory = partial(connections.new, side)
            self._servers.append(await loop.create_server(factory, sock=listener, backlog=BACKLOG))

    def release(self) -> None:
        """Let go of the ports: nobody comes in any more."""
        for server in self._servers:
            server.close()
        for listener in self._sockets.values():
            listener.close()
        self._servers.clear()
        self._sockets.clear()


def belongs_to(listener: socket.socket, settings: Settings) -> bool:
    """Tell whether a socket listens where these settings want one."""
    host, port = listener.getsockname()[:2]
    everywhere = {"::", "0.0.0.0"}
    wanted = everywhere if settings.host in ("", *everywhere) else {settings.host}
    return port in (settings.publish_port, settings.client_port) and host in wanted


def _is_for(passed: Passed, names: Sequence[str], port: int) -> bool:
    if passed.name in (*Side,):
        return passed.name in names
    return bool(passed.listener.getsockname()[1] == port)
