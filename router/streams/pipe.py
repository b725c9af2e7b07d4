"""A program's end of a burst channel, in its event loop."""

import asyncio
import contextlib
import secrets
import socket
from collections import deque
from collections.abc import Callable

from router.link.worker import Worker, WorkerGone
from router.logs import get_logger
from workers.channel import MOST_MESSAGE_BYTES, ChannelBurst, ChannelError, decode
from workers.contract.commands import AttachFeed, AttachTap

log = get_logger(__name__)

MOST_QUEUED_BYTES = 4 * 1024 * 1024
"""What waits for the worker, beside what the kernel holds: a third of a second of 100 Mbit/s. It reads at least every
few milliseconds: whoever gets so far ahead writes faster than it can send."""
BUFFER_BYTES = 4 * 1024 * 1024
"""Asked for of the kernel; it gives as much as net.core.wmem_max allows."""
MESSAGES_PER_TURN = 64
"""Messages read before the loop's other work gets a turn."""


class Pipe:
    """A socket of a burst channel, until `close` or the worker's end: `on_end` is told of that."""

    def __init__(
        self, sock: socket.socket, on_burst: Callable[[ChannelBurst], None], on_end: Callable[[], None]
    ) -> None:
        self._sock = sock
        self._on_burst = on_burst
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._room: asyncio.Future[None] | None = None
        self.closed = False
        self.missed = 0
        """Packets that came for the program and that it was too slow for."""
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        self._loop.add_reader(sock, self._read)

    @property
    def queued_bytes(self) -> int:
        """What waits for the worker, beside what the kernel holds."""
        return self._queued_bytes

    # -- out -------------------------------------------------------------------------------------------------------

    def send(self, messages: list[bytes]) -> bool:
        """Write, or queue what finds no room; False, with nothing written, where the queue is full."""
        if not self._queue and len(messages) == 1:  # as it mostly is
            try:
                self._sock.send(messages[0])
                return True
            except BlockingIOError:
                pass
            except OSError:  # it is dead, which reading it tells; whatever was queued is lost with the worker
                return True
        size = sum(map(len, messages))
        if self._queue and self._queued_bytes + size > MOST_QUEUED_BYTES:
            return False
        waits = bool(self._queue)
        self._queue.extend(messages)
        self._queued_bytes += size
        if not waits:
            self._loop.add_writer(self._sock, self._flush)
        return True

    def _flush(self) -> None:
        try:
            while self._queue:
                self._sock.send(self._queue[0])
                self._queued_bytes -= len(self._queue.popleft())
        except BlockingIOError:
            return
        except OSError:
            self._queue.clear()
            self._queued_bytes = 0
        self._loop.remove_writer(self._sock)
        self._wake()

    async def drain(self) -> None:
        """Wait until nothing is queued, or the channel has ended."""
        while self._queue and not self.closed:
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
            message = self._sock.recv(MOST_MESSAGE_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            message = b""
        if not message:
            self.close()
            self._on_end()
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
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
            self._sock.close()
            self._queue.clear()
            self._wake()


async def open_pipe(
    worker: Worker,
    command: Callable[[str], AttachFeed | AttachTap],
    on_burst: Callable[[ChannelBurst], None],
    on_end: Callable[[], None],
) -> Pipe:
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
        return Pipe(ours, on_burst, on_end)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
