"""The descriptors' socket: open descriptors travel to and from workers on it, and its end tells that a worker died."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

from workers.shared.descriptor_socket import (
    SEND_AGAIN_S,
    DescriptorSocket,
    GarbageError,
    credentials_of,
)
from workers.shared.parcels import parcel

MAX_HELLO_BYTES = 128
"""An incarnation is 16 characters."""
HELLO_WITHIN_S = 5.0
"""How long a newcomer may take to say its name: a worker says it at once."""
MAX_STRANGERS = 64
"""Newcomers that have not said it yet: as many as may start at the same time, with room."""
MOST_UNCLAIMED = 64
"""Parcels of one worker whose message has not come yet: there is one for each move or snapshot that is under way."""


class WorkerChannel:
    """The Unix connection to one worker."""

    def __init__(self, connection: socket.socket, incarnation: str, pid: int) -> None:
        self.incarnation = incarnation
        self.pid = pid
        self._socket = DescriptorSocket(connection, MOST_UNCLAIMED)
        self._turn = asyncio.Lock()
        self._closed = False

    async def send(self, token: str, *descriptors: int) -> None:
        """Pass duplicates of descriptors, named by `token` for the command that will use them.

        Raises:
            OSError: the worker is gone.
        """
        async with self._turn:  # the parts of a parcel follow each other
            for label, part in parcel(token, descriptors):
                while self._closed or not self._socket.send(label, part):
                    if self._closed:
                        raise BrokenPipeError
                    await asyncio.sleep(SEND_AGAIN_S)

    def receive(self) -> bool:
        """Take in the descriptors that the worker has sent; False where it has ended.

        Raises:
            GarbageError: it sent something else.
        """
        return not self._closed and self._socket.receive(asyncio.get_running_loop().time())

    def claim(self, token: str) -> list[int]:
        """Take the descriptors of a token, in order; they were sent before the message that names it. They are the
        caller's to close."""
        if token not in self._socket:
            with contextlib.suppress(GarbageError):  # less than all has come: the caller counts them
                self.receive()
        return self._socket.claim(token)

    def sweep(self, now: float) -> None:
        self._socket.sweep(now)

    def close(self) -> None:
        """Let go of the connection; whoever waits to send is told."""
        if not self._closed:
            self._closed = True
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()


class DescriptorListener:
    """Accepts the workers' connections to the descriptors' socket."""

    def __init__(
        self,
        on_arrival: Callable[[WorkerChannel], None],
        on_end: Callable[[str], None],
        on_refusal: Callable[[str], None],
    ) -> None:
        """`on_end` is called with the incarnation whose connection ended, `on_refusal` with a reason."""
        self._on_refusal = on_refusal
        self._on_arrival = on_arrival
        self._on_end = on_end
        self._listener: socket.socket | None = None
        self._strangers: set[socket.socket] = set()
        self._channels: dict[str, WorkerChannel] = {}

    def start(self, path: Path) -> None:
        """Listen on `path`, in place of what a dead front left there; again, where the name was removed.

        Raises:
            OSError: it can't be had; what was listened on before still is.
        """
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            path.unlink(missing_ok=True)
            listener.bind(str(path))
            path.chmod(0o600)
            listener.listen(64)
        except OSError:
            listener.close()
            raise
        self._stop_listening()
        self._listener = listener
        asyncio.get_running_loop().add_reader(listener, self._accept)

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
        self._stop_listening()

    def _stop_listening(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            connection, _ = self._listener.accept()
        except OSError:  # gone again, or no descriptor left: the worker will try again
            return
        connection.setblocking(False)
        pid, uid, _ = credentials = credentials_of(connection)
        if not credentials.are_trusted:
            self._refuse(connection, f"process {pid} belongs to user {uid}")
            return
        if len(self._strangers) >= MAX_STRANGERS:
            self._refuse(connection, f"{MAX_STRANGERS} others have not said who they are yet")
            return
        self._strangers.add(connection)
        loop = asyncio.get_running_loop()
        loop.add_reader(connection, self._introduce, connection, pid)
        loop.call_later(HELLO_WITHIN_S, self._give_up, connection, pid)

    def _refuse(self, connection: socket.socket, reason: str) -> None:
        connection.close()
        self._on_refusal(reason)

    def _give_up(self, connection: socket.socket, pid: int) -> None:
        if connection in self._strangers:
            self._strangers.discard(connection)
            asyncio.get_running_loop().remove_reader(connection)
            self._refuse(connection, f"process {pid} did not say who it is")

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
        if not (incarnation.isascii() and incarnation.isalnum()) or incarnation in self._channels:
            self._refuse(connection, f"process {pid} is no worker")
            return
        channel = WorkerChannel(connection, incarnation, pid)
        self._channels[incarnation] = channel
        loop.add_reader(connection, self._watch, channel, incarnation)
        self._on_arrival(channel)

    def _watch(self, channel: WorkerChannel, incarnation: str) -> None:
        try:
            if channel.receive():
                return
        except GarbageError as error:
            self._on_refusal(f"what a worker sent is no parcel of descriptors: {error}")
            return
        self.drop(incarnation)
        self._on_end(incarnation)

    def drop(self, incarnation: str) -> None:
        channel = self._channels.pop(incarnation, None)
        if channel is not None:
            channel.close()
