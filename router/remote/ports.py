"""A client's UDP sockets."""

import errno
import os
import random
import socket

_FIRST, _LAST = 32_768, 60_998
"""Linux' ephemeral range, where no server keeps its ports."""


def bind_pair(host: str, near: int | None = None) -> tuple[socket.socket, socket.socket]:
    """Bind an even port for RTP and the next one for RTCP; `near` makes the search begin at the pair of this number.

    Raises:
        OSError: no pair is free, or the address is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    pairs = (_LAST - _FIRST) // 2
    first = random.randrange(pairs) if near is None else near
    for number in range(first, first + pairs):
        port = _FIRST + 2 * (number % pairs)
        rtp, rtcp = (socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) for _ in range(2))
        try:
            rtp.bind((host, port))
            rtcp.bind((host, port + 1))
        except OSError as error:
            rtp.close()
            rtcp.close()
            if error.errno != errno.EADDRINUSE:
                raise  # no other pair would do better
            continue
        return rtp, rtcp
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
