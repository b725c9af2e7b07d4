"""The Unix socket beside ZeroMQ: descriptors travel on it in both directions, and its end tells that the front died."""

import array
import contextlib
import errno
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from workers.contract.parcels import LABEL_BYTES, MOST_AT_ONCE, Parcels, parcel, token_of
from workers.runtime.counters import Counters, Drop
from workers.runtime.logs import OncePerMinute
from workers.runtime.loop import Loop

MOST_UNCLAIMED = 1024
"""Descriptors whose command has not come yet. It follows within a millisecond; older ones are closed first."""
CLAIM_WITHIN_S = 10.0
"""Longer than any command waits for its answer: after that nobody will ask for the descriptor."""
SEND_AGAIN_S = 0.002
"""How soon more is sent to a front that has not taken what came before: its socket says nothing of the kernel's bound
on descriptors that are on their way (RLIMIT_NOFILE)."""
_TRY_LATER = (errno.EAGAIN, errno.ETOOMANYREFS)


class Descriptors:
    """The worker's end of the descriptors' socket."""

    def __init__(
        self,
        path: Path,
        incarnation: str,
        loop: Loop,
        counters: Counters,
        complaints: OncePerMinute,
        on_end: Callable[[], None],
    ) -> None:
        self._path = path
        self._incarnation = incarnation
        self._loop = loop
        self._counters = counters
        self._complaints = complaints
        self._on_end = on_end
        self._sock: socket.socket | None = None
        self._unclaimed = Parcels(MOST_UNCLAIMED, CLAIM_WITHIN_S)
        self._outgoing: deque[tuple[bytes, Sequence[int], Callable[[], None] | None]] = deque()

    @property
    def connected(self) -> bool:
        """Whether there is a front at the other end."""
        return self._sock is not None

    def connect(self) -> bool:
        """Try to reach the front; False if there is none."""
        if self._sock is not None:
            return True
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            sock.connect(str(self._path))
            if not _is_trusted(sock):
                raise PermissionError("the front runs as another user")
            sock.send(self._incarnation.encode())
        except OSError:
            sock.close()
            return False
        self._sock = sock
        self._loop.add(sock.fileno(), self, media=False)
        return True

    def send(self, token: str, descriptors: Sequence[int], then: Callable[[], None]) -> None:
        """Send duplicates to the front, then call back; they must stay open until then. Nobody is called where the
        front dies before that."""
        messages = list(parcel(token, descriptors))
        idle = not self._outgoing
        for place, (label, part) in enumerate(messages, 1):
            self._outgoing.append((label, part, then if place == len(messages) else None))
        if not messages:
            then()
        elif idle:
            self._send_outgoing(self._loop.clock())

    def call_off(self, token: str) -> None:
        """Send nothing more of what has this token: it is about to be closed, and its numbers will be others'."""
        self._outgoing = deque(each for each in self._outgoing if token_of(each[0]) != token)

    def _send_outgoing(self, now: float) -> None:
        while self._outgoing and self._sock is not None:
            label, descriptors, then = self._outgoing[0]
            try:
                socket.send_fds(self._sock, [label], descriptors, socket.MSG_DONTWAIT)
            except OSError as error:
                if error.errno in _TRY_LATER:
                    self._loop.call_at(now + SEND_AGAIN_S, self._send_outgoing)
                else:
                    self._outgoing.clear()  # it died: reading the socket tells
                return
            self._outgoing.popleft()
            if then is not None:
                then()

    def ready(self, events: int, now: float) -> None:
        """Take all descriptors that came."""
        self._receive(now)

    def failed(self, error: Exception) -> None:
        """Connect anew."""
        self._complaints.warn("descriptors' socket failed", repr(error), self._loop.clock())
        self._end()

    def _receive(self, now: float) -> None:
        while self._sock is not None:
            try:
                data, descriptors, flags = _receive_message(self._sock)
            except BlockingIOError:
                return
            except OSError:
                self._end()
                return
            if not data and not descriptors:
                self._end()
            elif not data or not descriptors or not data.isascii() or flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC):
                self._counters.drop(Drop.CONTROL_GARBAGE)
                self._complaints.warn("garbage on the descriptors' socket", f"{data!r:.60}", now)
                _close(descriptors)
            else:
                _close(self._unclaimed.add(data, descriptors, now))

    def claim(self, token: str, now: float) -> int | None:
        """Take the descriptor of a token; it was sent before the command that names it, so it is here or never."""
        descriptors = self.claim_all(token, now)
        _close(descriptors[1:])
        return descriptors[0] if descriptors else None

    def claim_all(self, token: str, now: float) -> list[int]:
        """Take all descriptors of a token, in the order in which they were sent."""
        if token not in self._unclaimed:
            self._receive(now)
        return self._unclaimed.claim(token)

    def discard(self, token: str, now: float) -> None:
        """Close what came with a token that is not wanted."""
        _close(self.claim_all(token, now))

    def sweep(self, now: float) -> None:
        """Close what nobody has asked for in time."""
        _close(self._unclaimed.expired(now))

    def close(self) -> None:
        """Let go of everything."""
        _close(self._unclaimed.clear())
        self._drop_socket()

    def _drop_socket(self) -> None:
        if self._sock is not None:
            self._loop.remove(self._sock.fileno())
            self._sock.close()
            self._sock = None
            self._outgoing.clear()

    def _end(self) -> None:
        # What a dead front has sent and not named: nobody will ask for it, and its peers would wait in vain.
        self.close()
        self._on_end()


def _is_trusted(sock: socket.socket) -> bool:
    """Tell whether the other end runs as this user, or as root."""
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", credentials)[1] in (os.geteuid(), 0)


def _receive_message(sock: socket.socket) -> tuple[bytes, list[int], int]:
    descriptors = array.array("i")
    space = socket.CMSG_SPACE(MOST_AT_ONCE * descriptors.itemsize)
    data, controls, flags, _ = sock.recvmsg(LABEL_BYTES, space, socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT)
    for level, kind, content in controls:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    return data, list(descriptors), flags


def _close(descriptors: list[int]) -> None:
    for each in descriptors:
        with contextlib.suppress(OSError):
            os.close(each)
