"""The descriptors' socket: open descriptors travel to and from workers on it, and its end tells that a worker died."""

import array
import asyncio
import contextlib
import errno
import os
import socket
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

from workers.contract.parcels import LABEL_BYTES, MOST_AT_ONCE, Parcels, parcel

MAX_HELLO_BYTES = 128
"""An incarnation is 16 characters."""
HELLO_WITHIN_S = 5.0
"""How long a newcomer may take to say its name: a worker says it at once."""
MAX_STRANGERS = 64
"""Newcomers that have not said it yet: as many as may start at the same time, with room."""
MOST_UNCLAIMED = 64
"""Parcels of one worker whose message has not come yet: there is one for each move or snapshot that is under way."""
CLAIM_WITHIN_S = 10.0
"""Longer than any command waits for its answer: after that nobody will ask for it."""
SEND_AGAIN_S = 0.002
"""How soon more is sent where the kernel lets no more descriptors be on their way (RLIMIT_NOFILE)."""
_CREDENTIALS = struct.Struct("3i")
"""`struct ucred` of SO_PEERCRED: pid, uid, gid."""


class WorkerChannel:
    """The Unix connection to one worker."""

    def __init__(self, connection: socket.socket, incarnation: str, pid: int) -> None:
        self.incarnation = incarnation
        self.pid = pid
        self._socket = connection
        self._turn = asyncio.Lock()
        self._room: asyncio.Future[None] | None = None
        self._closed = False
        self._unclaimed = Parcels(MOST_UNCLAIMED, CLAIM_WITHIN_S)

    async def send(self, token: str, *descriptors: int) -> None:
        """Pass duplicates of descriptors, named by `token` for the command that will use them.

        Raises:
            OSError: the worker is gone.
        """
        async with self._turn:  # the loop knows one waiting writer for each socket
            for label, part in parcel(token, descriptors):
                await self._send(label, part)

    async def _send(self, label: bytes, descriptors: Iterable[int]) -> None:
        while True:
            if self._closed:
                raise BrokenPipeError
            try:
                socket.send_fds(self._socket, [label], list(descriptors))
                return
            except BlockingIOError:
                await self._wait_for_room()
            except OSError as error:
                if error.errno != errno.ETOOMANYREFS:
                    raise
                await asyncio.sleep(SEND_AGAIN_S)

    def receive(self) -> bool:
        """Take in the descriptors that the worker has sent; False where it has ended.

        Raises:
            ValueError: it sent something else.
        """
        while not self._closed:
            descriptors = array.array("i")
            space = socket.CMSG_SPACE(MOST_AT_ONCE * descriptors.itemsize)
            try:
                label, controls, flags, _ = self._socket.recvmsg(LABEL_BYTES, space, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                return True
            except OSError:
                return False
            for level, kind, content in controls:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
            if not label and not descriptors:
                return False
            if not label.isascii() or not descriptors or flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC):
                close_all(descriptors)
                raise ValueError(f"{label!r:.40} with {len(descriptors)} descriptors, flags {flags:#x}")
            close_all(self._unclaimed.add(label, list(descriptors), asyncio.get_running_loop().time()))
        return False

    def claim(self, token: str) -> list[int]:
        """Take the descriptors of a token, in order; they were sent before the message that names it. They are the
        caller's to close."""
        if token not in self._unclaimed:
            with contextlib.suppress(ValueError):  # less than all has come: the caller counts them
                self.receive()
        return self._unclaimed.claim(token)

    def sweep(self, now: float) -> None:
        """Close what nobody has claimed in time."""
        close_all(self._unclaimed.expired(now))

    async def _wait_for_room(self) -> None:
        loop = asyncio.get_running_loop()
        self._room = loop.create_future()
        loop.add_writer(self._socket, self._wake)
        try:
            await self._room
        finally:
            if not self._closed:
                loop.remove_writer(self._socket)

    def _wake(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def close(self) -> None:
        """Let go of the connection; whoever waits to send is told."""
        self._closed = True
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        loop.remove_writer(self._socket)
        self._socket.close()
        close_all(self._unclaimed.clear())
        self._wake()


def close_all(descriptors: Iterable[int]) -> None:
    """Close descriptors."""
    for each in descriptors:
        with contextlib.suppress(OSError):  # one that is gone is closed
            os.close(each)


class Descriptors:
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
        if uid not in (os.geteuid(), 0):
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
        except ValueError as error:
            self._on_refusal(f"what a worker sent is no parcel of descriptors: {error}")
            return
        self.drop(incarnation)
        self._on_end(incarnation)

    def drop(self, incarnation: str) -> None:
        """Let go of one worker's connection."""
        channel = self._channels.pop(incarnation, None)
        if channel is not None:
            channel.close()
