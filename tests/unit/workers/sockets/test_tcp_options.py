"""What is set on a connection that was handed over, and what is left of one that is no TCP."""

import socket

import pytest

from workers.sockets.tcp_options import NOT_SENT_BYTES, set_options

TCP_NOTSENT_LOWAT = 25


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_connection_writes_at_once_and_holds_little(family: int, host: str) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        set_options(sock, write_timeout_s=10.0)
        assert not sock.getblocking()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT) == NOT_SENT_BYTES


@pytest.mark.parametrize(("write_timeout_s", "kernel_ms"), [(10.0, 15_000), (0.5, 5_500), (86_400.0, 86_405_000)])
def test_the_kernels_timeout_comes_after_our_own(write_timeout_s: float, kernel_ms: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        set_options(sock, write_timeout_s)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == kernel_ms


def test_one_end_of_a_socket_pair_only_stops_blocking() -> None:
    near, far = socket.socketpair()
    with near, far:
        before = near.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        set_options(near, 10.0)
        assert not near.getblocking()
        assert near.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == before
