"""The UDP sockets of a track, and why their options are what they are."""

import contextlib
import errno
import socket
from struct import Struct

from workers.fanout.syscalls import SO_RCVBUFFORCE, SO_RXQ_OVFL, SO_SNDBUFFORCE
from workers.sockets.addresses import IPV6, Family

MEDIA_RECEIVE_BYTES = 4 * 1024 * 1024
"""A key frame of 400 packets takes 0.9 MB as the kernel counts (2,304 bytes each), and more may come while the worker
is held up: with this, 100 Mbit/s may wait for over 150 ms. It is a limit: nothing is taken before it is needed."""
MEDIA_SEND_BYTES = 4 * 1024 * 1024
"""A burst of 40 packets to 100 readers is 4.8 MB on its way to the device; the kernel doubles what is asked for."""
REPORT_BUFFER_BYTES = 512 * 1024
"""2,000 readers' reports that come at once."""

_IP_MREQN = Struct("=4s4si")  # struct ip_mreqn: group, address, index of the interface (ip(7))


def bind_pair(family: Family, host: str, port: int) -> tuple[socket.socket, socket.socket] | None:
    """Bind an even port for RTP and the next one for RTCP; None if either is in use.

    Never SO_REUSEADDR: on UDP a second binder would steal the traffic of the first. Raises OSError for anything else
    than a port in use.
    """
    with contextlib.ExitStack() as stack:
        pair = []
        for number, receive, send in (
            (port, MEDIA_RECEIVE_BYTES, MEDIA_SEND_BYTES),
            (port + 1, REPORT_BUFFER_BYTES, REPORT_BUFFER_BYTES),
        ):
            sock = stack.enter_context(socket.socket(family.number, socket.SOCK_DGRAM))
            if family is IPV6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            try:
                sock.bind((host, number))
            except OSError as error:
                if error.errno in (errno.EADDRINUSE, errno.EACCES):
                    return None
                raise
            sock.setblocking(False)
            _size(sock, SO_RCVBUFFORCE, socket.SO_RCVBUF, receive)
            _size(sock, SO_SNDBUFFORCE, socket.SO_SNDBUF, send)
            sock.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
            pair.append(sock)
        stack.pop_all()
        return pair[0], pair[1]


def aim_multicast(sock: socket.socket, *, version: int, ttl: int, interface: int) -> None:
    """Say how far a socket's multicast goes, and through which interface (its index; 0 is the kernel's choice).

    `version` is the group's: a socket of both families has these options twice. Raises OSError for an interface that
    can't be used.
    """
    if version == 4:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)  # there may be readers on this machine too
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, _IP_MREQN.pack(b"", b"", interface))
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, ttl)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, interface)


def _size(sock: socket.socket, forced: int, ordinary: int, size: int) -> None:
    """Set a buffer's size beyond the system's limit where the worker may (CAP_NET_ADMIN), else up to it."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, forced, size)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, ordinary, size)
