"""The descriptors' socket: open connections go to workers through it, and its end is the sign that a worker died."""

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from router.logs import get_logger

log = get_logger(__name__)

MAX_HELLO_BYTES = 128
"""An incarnation is 16 characters."""
_CREDENTIALS = struct.Struct("3i")
"""`struct ucred` of SO_PEERCRED: pid, uid, gid."""


class WorkerChannel:
    """The Unix connection to one worker. What it receives after its first message is ignored; its end matters."""

    def __init__(self, connection: socket.socket, incarnation: str, pid: int) -> None:
        self.incarnation = incarnation
        self.pid = pid
        self._socket = connection

    async def send(self, token: str, descriptor: int) -> None:
        """Pass one descriptor, named by `token` for the command that will use it.

        Raises:
            OSError: the worker is gone.
        """
        while True:
            try:
                socket.send_fds(self._socket, [token.encode("ascii")], [descriptor])
                return
            except BlockingIOError:
                await _writable(self._socket)

    def close(self) -> None:
        """Let go of the connection."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


async def _writable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(connection, ready.set_result, None)
    try:
        await ready
    finally:
        loop.remove_writer(connection)


class Descriptors:
    """Accepts the workers' connections to the descriptors' socket."""

    def __init__(self, on_arrival: Callable[[WorkerChannel], None], on_end: Callable[[str], None]) -> None:
        """`on_end` is called with the incarnation whose connection ended."""
        self._on_arrival = on_arrival
        self._on_end = on_end
        self._listener: socket.socket | None = None
        self._strangers: set[socket.socket] = set()
        self._channels: dict[str, WorkerChannel] = {}
        self.refused = 0

    def start(self, path: Path) -> None:
        """Listen on `path`, in place of what a dead front left there."""
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.setblocking(False)
        self._listener.bind(str(path))
        path.chmod(0o600)
        self._listener.listen(64)
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def close(self) -> None:
        """Stop listening and let go of every worker's connection."""
        loop = asyncio.get_running_loop()
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()
        for stranger in self._strangers:
            loop.remove_reader(stranger)
            stranger.close()
        self._strangers.clear()
        if self._listener is not None:
            loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            connection, _ = self._listener.accept()
        except OSError:  # gone again, or no descriptor left: the worker will try again
            return
        connection.setblocking(False)
        pid, uid, _ = _CREDENTIALS.unpack(
            connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )
        if uid not in (os.geteuid(), 0) or len(self._strangers) >= 64:
            self.refused += 1
            connection.close()
            return
        self._strangers.add(connection)
        asyncio.get_running_loop().add_reader(connection, self._introduce, connection, pid)

    def _introduce(self, connection: socket.socket, pid: int) -> None:
        """Read a newcomer's first message: its incarnation."""
        try:
            hello = connection.recv(MAX_HELLO_BYTES)
        except BlockingIOError:
            return
        except OSError:
            hello = b""
        loop = asyncio.get_running_loop()
        loop.remove_reader(connection)
        self._strangers.discard(connection)
        incarnation = hello.decode("ascii", "replace")
        if not incarnation.isalnum() or incarnation in self._channels:
            self.refused += bool(hello)
            connection.close()
            return
        channel = WorkerChannel(connection, incarnation, pid)
        self._channels[incarnation] = channel
        loop.add_reader(connection, self._watch, connection, incarnation)
        self._on_arrival(channel)

    def _watch(self, connection: socket.socket, incarnation: str) -> None:
        try:
            if connection.recv(MAX_HELLO_BYTES):
                self.refused += 1
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.drop(incarnation)
        self._on_end(incarnation)

    def drop(self, incarnation: str) -> None:
        """Let go of one worker's connection."""
        channel = self._channels.pop(incarnation, None)
        if channel is not None:
            channel.close()
