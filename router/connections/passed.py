"""Listening sockets that whoever started this process holds and passes on: `LISTEN_FDS` (sd_listen_fds(3)).

They outlive the front: clients that come while there is none wait in their backlog, and nobody is refused.
"""

import os
import socket
from collections.abc import MutableMapping

from router.connections.listeners import Passed, StartError

FIRST_DESCRIPTOR = 3
"""SD_LISTEN_FDS_START."""


def take(environment: MutableMapping[str, str], pid: int) -> list[Passed]:
    """Take over the sockets that were passed to this process, and their variables out of the environment.

    Raises:
        StartError: one of them is no TCP socket that listens, or there are none where some are announced.
    """
    count = environment.pop("LISTEN_FDS", "")
    names = environment.pop("LISTEN_FDNAMES", "").split(":")
    if environment.pop("LISTEN_PID", "") != str(pid) or not count.isdecimal():
        return []
    names += [""] * int(count)
    return [Passed(names[index], _socket(FIRST_DESCRIPTOR + index)) for index in range(int(count))]


def _socket(descriptor: int) -> socket.socket:
    what = f"descriptor {descriptor}, which LISTEN_FDS announces,"
    try:
        os.set_inheritable(descriptor, False)
        passed = socket.socket(fileno=descriptor)
    except OSError as error:
        raise StartError(f"{what} is no socket: {error.strerror}") from None
    over_ip = passed.family in (socket.AF_INET, socket.AF_INET6)
    if not over_ip or not passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        passed.close()
        raise StartError(f"{what} is no TCP socket that listens: use ListenStream= with a port, and Accept=no")
    return passed
