"""One end of a burst channel: its socket, and what waits for room in it. The same at both ends, and it never waits."""

import contextlib
import socket
from collections import deque
from collections.abc import Sequence

from workers.channel import MOST_MESSAGE_BYTES

MOST_QUEUED_BYTES = 4 * 1024 * 1024
"""What waits for a slow other end, beside what the kernel holds: a third of a second of 100 Mbit/s."""
BUFFER_BYTES = 4 * 1024 * 1024
"""Asked for of the kernel; it gives as much as net.core.wmem_max allows."""


class ChannelGone(Exception):
    """The other end is gone; the text says how."""


class BurstSocket:
    """Writes messages, or queues them; reads them one by one."""

    def __init__(self, sock: socket.socket, queue: deque[bytes] | None = None) -> None:
        """`queue` waits already; it stays the same object."""
        self.sock = sock
        self.queue = deque() if queue is None else queue
        self.queued_bytes = sum(map(len, self.queue))
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)

    def send(self, messages: Sequence[bytes]) -> bool:
        """Write, or queue what finds no room; False, with nothing written, where the queue is full.

        Raises:
            ChannelGone: there is nobody to write to.
        """
        size = sum(map(len, messages))
        if self.queue and self.queued_bytes + size > MOST_QUEUED_BYTES:
            return False
        waits = bool(self.queue)
        self.queue.extend(messages)
        self.queued_bytes += size
        if not waits:
            self.flush()
        return True

    def flush(self) -> None:
        """Write what waits, as far as there is room. Raises as `send` does."""
        try:
            while self.queue:
                self.sock.send(self.queue[0])
                self.queued_bytes -= len(self.queue.popleft())
        except BlockingIOError:
            pass
        except OSError as error:
            self.queue.clear()
            self.queued_bytes = 0
            raise ChannelGone(f"lost: {error.strerror}") from error

    def receive(self, buffer: bytearray) -> memoryview | None:
        """Read one message; None if there is none.

        Raises:
            ChannelGone: there will be none any more.
        """
        try:
            size = self.sock.recv_into(buffer, MOST_MESSAGE_BYTES)
        except BlockingIOError:
            return None
        except OSError as error:
            raise ChannelGone(f"lost: {error.strerror}") from error
        if not size:
            raise ChannelGone("closed by the other end")
        return memoryview(buffer)[:size]

    def close(self) -> None:
        """Let go of the socket, and of what waits."""
        self.sock.close()
        self.queue.clear()
        self.queued_bytes = 0
