"""The Unix socket beside ZeroMQ: descriptors travel on it in both directions, and its end tells that the front died."""

import socket
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from workers.runtime.counters import Drop
from workers.runtime.loop import READ
from workers.runtime.runtime import Runtime
from workers.shared.descriptor_socket import (
    SEND_AGAIN_S,
    DescriptorSocket,
    GarbageError,
    close_all,
    credentials_of,
)
from workers.shared.parcels import parcel, token_of

MOST_UNCLAIMED = 1024
"""Descriptors whose command has not come yet. It follows within a millisecond; older ones are closed first."""


class Descriptors:
    """The worker's end of the descriptors' socket."""

    def __init__(self, path: Path, runtime: Runtime, on_end: Callable[[], None]) -> None:
        """`on_end` is called when the front has died."""
        self._path = path
        self._runtime = runtime
        self._loop = runtime.loop
        self._on_end = on_end
        self._sock: DescriptorSocket | None = None
        self._outgoing: deque[tuple[bytes, Sequence[int], Callable[[], None] | None]] = deque()

    def connect(self) -> bool:
        """Try to reach the front; False if there is none."""
        if self._sock is not None:
            return True
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            sock.connect(str(self._path))
            if not credentials_of(sock).are_trusted:
                raise PermissionError("the front runs as another user")
            sock.send(self._runtime.incarnation.encode())
        except OSError:
            sock.close()
            return False
        self._sock = DescriptorSocket(sock, MOST_UNCLAIMED)
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
                if not self._sock.send(label, descriptors):
                    self._loop.call_at(now + SEND_AGAIN_S, self._send_outgoing)
                    return
            except OSError:
                self._outgoing.clear()  # it died: reading the socket tells
                return
            self._outgoing.popleft()
            if then is not None:
                then()

    def ready(self, events: int, now: float) -> None:
        while self._sock is not None:
            try:
                if not self._sock.receive(now):
                    self._end()
                return
            except GarbageError as error:
                self._runtime.counters.drop(Drop.CONTROL_GARBAGE)
                self._runtime.complaints.warn("garbage on the descriptors' socket", error, now)

    def failed(self, error: Exception) -> None:
        """Connect anew."""
        self._runtime.complaints.warn("descriptors' socket failed", repr(error), self._loop.clock())
        self._end()

    def claim(self, token: str, now: float) -> int | None:
        """Take the descriptor of a token; it was sent before the command that names it, so it is here or never."""
        descriptors = self.claim_all(token, now)
        close_all(descriptors[1:])
        return descriptors[0] if descriptors else None

    def claim_all(self, token: str, now: float) -> list[int]:
        """Take all descriptors of a token, in the order in which they were sent."""
        if self._sock is not None and token not in self._sock:
            self.ready(READ, now)
        return [] if self._sock is None else self._sock.claim(token)

    def discard(self, token: str, now: float) -> None:
        """Close what came with a token that is not wanted."""
        close_all(self.claim_all(token, now))

    def sweep(self, now: float) -> None:
        if self._sock is not None:
            self._sock.sweep(now)

    def close(self) -> None:
        """Let go of everything: what a dead front has sent and not named, nobody will ask for."""
        if self._sock is not None:
            self._loop.remove(self._sock.fileno())
            self._sock.close()
            self._sock = None
            self._outgoing.clear()

    def _end(self) -> None:
        self.close()
        self._on_end()
