"""Pairs of UDP sockets, on ports that no other test has."""

import errno
import socket
from collections.abc import Iterator

import pytest

from tests.support.ports import PortSlice, bound_udp_ports
from workers.fanout.syscalls import SO_RXQ_OVFL
from workers.sockets import udp_pairs
from workers.sockets.addresses import IPV4, IPV6
from workers.sockets.udp_pairs import aim_multicast, bind_pair


@pytest.fixture
def port() -> Iterator[int]:
    with PortSlice.claim() as ports:
        yield ports.media_start


def test_a_pair_is_two_ports_next_to_each_other_that_never_block(port: int) -> None:
    pair = bind_pair(IPV4, "127.0.0.1", port)
    assert pair is not None
    with pair[0] as rtp, pair[1] as rtcp:
        assert [each.getsockname() for each in pair] == [("127.0.0.1", port), ("127.0.0.1", port + 1)]
        assert [each.getblocking() for each in pair] == [False, False]
        assert [each.getsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL) for each in pair] == [1, 1]
        reuse = [each.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) for each in pair]
        assert reuse == [0, 0], "a second binder would steal the first one's traffic"
        buffers = [each.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for each in (rtp, rtcp)]
        assert buffers[0] >= buffers[1]


@pytest.mark.parametrize("taken", [0, 1])
def test_where_one_of_both_is_in_use_neither_is_kept(port: int, taken: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port + taken))
        assert bind_pair(IPV4, "127.0.0.1", port) is None
        assert bound_udp_ports(port, 2) == [port + taken]


def test_a_pair_of_both_families_hears_ipv4_too(port: int) -> None:
    pair = bind_pair(IPV6, "::", port)
    assert pair is not None
    with pair[0] as rtp, pair[1], socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"media", ("127.0.0.1", port))
        data, source = rtp.recvfrom(100)
        assert data == b"media"
        assert source[0] == "::ffff:127.0.0.1"


def test_an_address_of_another_machine_is_an_error_and_no_port_in_use(port: int) -> None:
    with pytest.raises(OSError) as caught:  # noqa: PT011  # its number is looked at
        bind_pair(IPV4, "192.0.2.1", port)
    assert caught.value.errno == errno.EADDRNOTAVAIL
    assert bound_udp_ports(port, 2) == []


def test_a_worker_without_privileges_takes_what_the_system_allows(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    no_such_option = 9999
    monkeypatch.setattr(udp_pairs, "SO_RCVBUFFORCE", no_such_option)
    monkeypatch.setattr(udp_pairs, "SO_SNDBUFFORCE", no_such_option)
    pair = bind_pair(IPV4, "127.0.0.1", port)
    assert pair is not None
    with pair[0] as rtp, pair[1], socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        assert rtp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= plain.getsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF
        )


@pytest.mark.parametrize(
    ("family", "version", "level", "hops", "loop"),
    [
        (socket.AF_INET, 4, socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, socket.IP_MULTICAST_LOOP),
        (socket.AF_INET6, 4, socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, socket.IP_MULTICAST_LOOP),
        (socket.AF_INET6, 6, socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, socket.IPV6_MULTICAST_LOOP),
    ],
)
@pytest.mark.parametrize("ttl", [0, 1, 255])
def test_multicast_goes_as_far_as_it_is_told(
    family: int, version: int, level: int, hops: int, loop: int, ttl: int
) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        aim_multicast(sock, version=version, ttl=ttl, interface=socket.if_nametoindex("lo"))
        assert sock.getsockopt(level, hops) == ttl
        assert sock.getsockopt(level, loop) == 1


@pytest.mark.parametrize(("family", "version"), [(socket.AF_INET, 4), (socket.AF_INET6, 6)])
def test_an_interface_that_is_none_is_refused(family: int, version: int) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as sock, pytest.raises(OSError, match=r"assign|No such device"):
        aim_multicast(sock, version=version, ttl=1, interface=99_999)
