"""The Unix socket beside ZeroMQ: brings connections' descriptors, and tells at once when the front dies."""

import array
import contextlib
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from workers.counters import Counters, Drop
from workers.logs import OncePerMinute
from workers.loop import Loop

MOST_UNCLAIMED = 1024
"""Descriptors whose command has not come yet. It follows within a millisecond; older ones are closed first."""
CLAIM_WITHIN_S = 10.0
"""Longer than any command waits for its answer: after that nobody will ask for the descriptor."""
_TOKEN_BYTES = 128
_DESCRIPTORS_AT_ONCE = 253
"""SCM_MAX_FD."""


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
        self._unclaimed: dict[str, tuple[float, list[int]]] = {}

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
                self._keep(data.decode(), descriptors, now)

    def _keep(self, token: str, descriptors: list[int], now: float) -> None:
        self._let_go(token)
        if len(self._unclaimed) >= MOST_UNCLAIMED:
            self._let_go(next(iter(self._unclaimed)))
        self._unclaimed[token] = (now + CLAIM_WITHIN_S, descriptors)

    def claim(self, token: str, now: float) -> int | None:
        """Take the descriptor of a token; it was sent before the command that names it, so it is here or never."""
        if token not in self._unclaimed:
            self._receive(now)
        _, descriptors = self._unclaimed.pop(token, (0.0, []))
        _close(descriptors[1:])
        return descriptors[0] if descriptors else None

    def discard(self, token: str, now: float) -> None:
        """Close what came with a token that is not wanted."""
        if token not in self._unclaimed:
            self._receive(now)
        self._let_go(token)

    def _let_go(self, token: str) -> None:
        _close(self._unclaimed.pop(token, (0.0, []))[1])

    def sweep(self, now: float) -> None:
        """Close what nobody has asked for in time."""
        for token in [each for each, (deadline, _) in self._unclaimed.items() if deadline <= now]:
            self._let_go(token)

    def close(self) -> None:
        """Let go of everything."""
        for _, descriptors in self._unclaimed.values():
            _close(descriptors)
        self._unclaimed.clear()
        self._drop_socket()

    def _drop_socket(self) -> None:
        if self._sock is not None:
            self._loop.remove(self._sock.fileno())
            self._sock.close()
            self._sock = None

    def _end(self) -> None:
        self._drop_socket()
        self._on_end()


def _is_trusted(sock: socket.socket) -> bool:
    """Tell whether the other end runs as this user, or as root."""
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", credentials)[1] in (os.geteuid(), 0)


def _receive_message(sock: socket.socket) -> tuple[bytes, list[int], int]:
    descriptors = array.array("i")
    space = socket.CMSG_SPACE(_DESCRIPTORS_AT_ONCE * descriptors.itemsize)
    data, controls, flags, _ = sock.recvmsg(_TOKEN_BYTES, space, socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT)
    for level, kind, content in controls:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    return data, list(descriptors), flags


def _close(descriptors: list[int]) -> None:
    for each in descriptors:
        with contextlib.suppress(OSError):
            os.close(each)
