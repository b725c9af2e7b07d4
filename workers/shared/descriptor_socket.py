"""One end of the Unix socket on which descriptors travel between front and worker. It never waits."""

import array
import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from workers.shared.parcels import LABEL_BYTES, MOST_AT_ONCE, Parcels

CLAIM_WITHIN_S = 10.0
"""Longer than any command waits for its answer: after that nobody will ask for a descriptor."""
SEND_AGAIN_S = 0.002
"""How soon more is sent to an end that has not taken what came before: the socket says nothing of the kernel's bound on
descriptors that are on their way (RLIMIT_NOFILE)."""
_TRY_LATER = (errno.EAGAIN, errno.ETOOMANYREFS)


class GarbageError(Exception):
    """Something else than a part of a parcel came; its descriptors are closed."""


class Credentials(NamedTuple):
    """`struct ucred` of SO_PEERCRED."""

    pid: int
    uid: int
    gid: int

    @property
    def are_trusted(self) -> bool:
        """Whether the process runs as this user, or as root."""
        return self.uid in (os.geteuid(), 0)


def credentials_of(sock: socket.socket) -> Credentials:
    """Tell who is at the other end of a Unix socket."""
    layout = struct.Struct("3i")
    return Credentials(*layout.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, layout.size)))


class DescriptorSocket:
    """Sends and receives; what came waits until its token is claimed. Whoever claims descriptors has to close them."""

    def __init__(self, sock: socket.socket, most_unclaimed: int) -> None:
        self._sock = sock
        self._unclaimed = Parcels(most_unclaimed, CLAIM_WITHIN_S)

    def fileno(self) -> int:
        return self._sock.fileno()

    def send(self, label: bytes, descriptors: Sequence[int]) -> bool:
        """Send one message; False where that has to be tried again `SEND_AGAIN_S` later.

        Raises:
            OSError: the other end is gone.
        """
        try:
            socket.send_fds(self._sock, [label], descriptors, socket.MSG_DONTWAIT)
        except OSError as error:
            if error.errno in _TRY_LATER:
                return False
            raise
        return True

    def receive(self, now: float) -> bool:
        """Take in all that has come; False where the other end is gone.

        Raises:
            GarbageError: it sent something else; more may have come behind it.
        """
        while True:
            descriptors = array.array("i")
            space = socket.CMSG_SPACE(MOST_AT_ONCE * descriptors.itemsize)
            try:
                label, controls, flags, _ = self._sock.recvmsg(
                    LABEL_BYTES, space, socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT
                )
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
                raise GarbageError(f"{label!r:.40} with {len(descriptors)} descriptors, flags {flags:#x}")
            close_all(self._unclaimed.add(label, list(descriptors), now))

    def __contains__(self, token: str) -> bool:
        return token in self._unclaimed

    def claim(self, token: str) -> list[int]:
        """Take the descriptors of a token, in order: fewer than were sent where less than all has come."""
        return self._unclaimed.claim(token)

    def sweep(self, now: float) -> None:
        close_all(self._unclaimed.expired(now))

    def close(self) -> None:
        """Let go of the socket, and of what nobody has claimed."""
        self._sock.close()
        close_all(self._unclaimed.clear())


def close_all(descriptors: Iterable[int]) -> None:
    for each in descriptors:
        with contextlib.suppress(OSError):  # one that is gone is closed
            os.close(each)
