"""UDP readers in a process of their own: count a stream's packets and whether all came in order.

`python -m tests.benchmarks.stream_readers URL READERS` prints `ready` once all play, reads until its standard input
ends and nothing has come for a moment, and prints what it got as JSON.
"""

import json
import select
import socket
import sys

from tests.support.reader import Reader
from workers.fanout.receive import Receiver
from workers.fanout.syscalls import SO_RCVBUFFORCE
from workers.rtp import sequence
from workers.sockets.addresses import IPV4

RECEIVE_BYTES = 16 * 1024 * 1024
QUIET_S = 0.5


class Count:
    """What one reader got."""

    def __init__(self, reader: Reader) -> None:
        sock = reader.tracks[0].rtp
        assert sock is not None
        for option in (socket.SO_RCVBUF, SO_RCVBUFFORCE):
            try:
                sock.setsockopt(socket.SOL_SOCKET, option, RECEIVE_BYTES)
            except PermissionError:
                break
        self.fd = sock.fileno()
        self.packets = 0
        self.gaps = 0
        self._next: int | None = None

    def take(self, receiver: Receiver) -> None:
        """Take a batch off the socket, and the next."""
        while count := receiver.receive(self.fd):
            sequences = receiver.sequences(count)
            first = int.from_bytes(sequences[:2], "big")
            if self._next not in (None, first) or sequences != sequence.row(first, count):
                self.gaps += 1
            self.packets += count
            self._next = (int.from_bytes(sequences[-2:], "big") + 1) & 0xFFFF


def main(url: str, readers: int) -> None:
    """Read until told to end."""
    opened = [Reader(url).start() for _ in range(readers)]
    counts = [Count(each) for each in opened]
    by_fd = {each.fd: each for each in counts}
    epoll = select.epoll()
    for fd in by_fd:
        epoll.register(fd, select.EPOLLIN)
    epoll.register(sys.stdin.fileno(), select.EPOLLIN)
    receiver = Receiver(IPV4)
    print("ready", flush=True)
    ending = False
    while (events := epoll.poll(QUIET_S)) or not ending:
        for fd, _ in events:
            if fd in by_fd:
                by_fd[fd].take(receiver)
            else:
                ending = True
                epoll.unregister(fd)
    print(json.dumps({"packets": [each.packets for each in counts], "gaps": sum(each.gaps for each in counts)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
