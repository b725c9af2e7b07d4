"""A program's end of a burst channel, in its event loop."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Callable

from router.link.worker import Worker, WorkerGone
from router.logs import get_logger
from workers.channel import MOST_MESSAGE_BYTES, ChannelBurst, ChannelError, decode
from workers.contract.commands import AttachFeed, AttachTap
from workers.shared.burst_socket import BurstSocket, ChannelGone

log = get_logger(__name__)

MESSAGES_PER_TURN = 64
"""Messages read before the loop's other work gets a turn."""


class ProgramPipe:
    """A socket of a burst channel, until `close` or the worker's end: `on_end` is told of that."""

    def __init__(
        self, sock: socket.socket, on_burst: Callable[[ChannelBurst], None], on_end: Callable[[], None]
    ) -> None:
        self._socket = BurstSocket(sock)
        self._on_burst = on_burst
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray(MOST_MESSAGE_BYTES)
        self._room: asyncio.Future[None] | None = None
        self.closed = False
        self.missed = 0
        """Packets that came for the program and that it was too slow for."""
        self._loop.add_reader(sock, self._read)

    @property
    def queued_bytes(self) -> int:
        return self._socket.queued_bytes

    # -- out -------------------------------------------------------------------------------------------------------

    def send(self, messages: list[bytes]) -> bool:
        """Write, or queue what finds no room; False, with nothing written, where the queue is full."""
        waited = bool(self._socket.queue)
        try:
            sent = self._socket.send(messages)
        except ChannelGone:  # reading it tells; what was queued is lost with the worker
            return True
        if self._socket.queue and not waited:
            self._loop.add_writer(self._socket.sock, self._flush)
        return sent

    def _flush(self) -> None:
        with contextlib.suppress(ChannelGone):
            self._socket.flush()
            if self._socket.queue:
                return
        self._loop.remove_writer(self._socket.sock)
        self._wake()

    async def drain(self) -> None:
        """Wait until nothing is queued, or the channel has ended."""
        while self._socket.queue and not self.closed:
            if self._room is None:
                self._room = self._loop.create_future()
            await asyncio.shield(self._room)

    def _wake(self) -> None:
        if self._room is not None:
            self._room.set_result(None)
            self._room = None

    # -- in --------------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        for _ in range(MESSAGES_PER_TURN):
            if not self._read_one():
                return

    def read_all(self) -> None:
        """Take in now what has come."""
        while self._read_one():
            pass

    def _read_one(self) -> bool:
        """Take in one message; False if there is none."""
        if self.closed:
            return False
        try:
            message = self._socket.receive(self._buffer)
        except ChannelGone:
            self.close()
            self._on_end()
            return False
        if message is None:
            return False
        try:
            burst = decode(message)
        except ChannelError:
            log.error("a worker sent what is no burst", exc_info=True)
            return True
        self.missed += burst.missed
        self._on_burst(burst)
        return True

    # -- the end ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of the socket; the worker sees that. What is queued is dropped."""
        if not self.closed:
            self.closed = True
            self._loop.remove_reader(self._socket.sock)
            self._loop.remove_writer(self._socket.sock)
            self._socket.close()
            self._wake()


async def open_pipe(
    worker: Worker,
    command: Callable[[str], AttachFeed | AttachTap],
    on_burst: Callable[[ChannelBurst], None],
    on_end: Callable[[], None],
) -> ProgramPipe:
    """Make a channel, send a worker its end, and let `command` (made of the token) tell it what for.

    Raises:
        WorkerRefused: it said no.
        WorkerGone: it died, or did not answer in time.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        token = secrets.token_hex(8)
        try:
            await worker.channel.send(token, theirs.fileno())
        except OSError as error:
            raise WorkerGone(f"worker {worker.index} died") from error
        theirs.close()  # or its end would not be seen here
        await worker.ask(command(token))
        return ProgramPipe(ours, on_burst, on_end)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
