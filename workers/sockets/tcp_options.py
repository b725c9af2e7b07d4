"""The options of a handed-over TCP connection, and why they are what they are."""

import socket

SEND_BUFFER_BYTES = 512 * 1024
"""What the kernel may hold of unacknowledged bytes (it doubles this): a picture of 400 packets at once."""
NOT_SENT_BYTES = 128 * 1024
"""What the kernel may hold beyond what the peer's window lets it send: for a stalled reader the queue here is the
bound, whose drops are counted, and not the kernel's megabytes of old media."""
USER_TIMEOUT_MARGIN_S = 5.0
"""Our own write timeout knows more to say than the kernel's, so it comes first."""
_TCP_NOTSENT_LOWAT = 25


def set_options(sock: socket.socket, write_timeout_s: float) -> None:
    """Make a connection write at once, and hold little for a peer that doesn't read."""
    sock.setblocking(False)
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return  # the near end of a socket pair, where TLS or a tunnel ends: the far end has these
    timeout_ms = int((write_timeout_s + USER_TIMEOUT_MARGIN_S) * 1000)
    for level, option, value in (
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),  # bursts are written whole: nothing is gained by waiting for more
        (socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, NOT_SENT_BYTES),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout_ms),  # a peer that is switched off acknowledges nothing
        (socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES),
    ):
        sock.setsockopt(level, option, value)
