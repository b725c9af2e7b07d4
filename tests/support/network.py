"""A network of a test's own: two namespaces with a link between them, one for the router and one for its clients."""

import contextlib
import ctypes
import ipaddress
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator

import pytest

SERVER_V4, CLIENT_V4 = "10.77.0.1", "10.77.0.2"
SERVER_V6, CLIENT_V6 = "fd77::1", "fd77::2"
NEAR, FAR = "tl-near", "tl-far"


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=20)


class Network:
    """Namespace `server` with the device `tl-near`, namespace `clients` with `tl-far`. Neither has a default route:
    multicast goes where `route` or its sender says."""

    def __init__(self) -> None:
        self.server = f"tl-server-{os.getpid()}"
        self.clients = f"tl-clients-{os.getpid()}"

    def make(self) -> None:
        """Make namespaces and link."""
        for space in (self.server, self.clients):
            _run("ip", "netns", "add", space)
            _run("ip", "-n", space, "link", "set", "lo", "up")
        _run("ip", "-n", self.server, "link", "add", NEAR, "type", "veth", "peer", "name", FAR, "netns", self.clients)
        for space, device, ipv4, ipv6 in (
            (self.server, NEAR, SERVER_V4, SERVER_V6),
            (self.clients, FAR, CLIENT_V4, CLIENT_V6),
        ):
            _run("ip", "-n", space, "addr", "add", f"{ipv4}/24", "dev", device)
            with contextlib.suppress(subprocess.CalledProcessError):  # a machine without IPv6
                _run("ip", "-n", space, "addr", "add", f"{ipv6}/64", "dev", device, "nodad")
            _run("ip", "-n", space, "link", "set", device, "up")
        self.route(self.clients, FAR)  # without one, clients that name no interface can join no group

    def route(self, space: str, device: str) -> None:
        """Let all IPv4 multicast of a namespace go through a device."""
        _run("ip", "-n", space, "route", "add", "224.0.0.0/4", "dev", device)

    def remove(self) -> None:
        """Remove whatever was made."""
        for space in (self.server, self.clients):
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True, timeout=20)

    @contextlib.contextmanager
    def within(self, space: str) -> Iterator[None]:
        """Be in a namespace: sockets stay in the one that they are made in, programs in the one they start in."""
        libc = ctypes.CDLL(None, use_errno=True)
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/var/run/netns/{space}", os.O_RDONLY)
        try:
            assert libc.setns(there, 0) == 0, os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                assert libc.setns(here, 0) == 0, os.strerror(ctypes.get_errno())
        finally:
            os.close(here)
            os.close(there)

    def join(self, group: str, port: int) -> socket.socket:
        """Give a client's socket that gets what comes to a group's port."""
        with self.within(self.clients):
            version = ipaddress.ip_address(group).version
            sock = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024 * 1024)
            sock.setblocking(False)
            sock.bind((group, port))
            index = socket.if_nametoindex(FAR)
            name = socket.inet_pton(sock.family, group)
            if version == 4:
                membership = struct.pack("=4s4si", name, b"", index)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            else:
                membership = struct.pack("=16sI", name, index)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, membership)
            return sock


@contextlib.contextmanager
def own_network() -> Iterator[Network]:
    """Make a network, or skip the test where that is not permitted."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("a network of the test's own needs root and ip")
    network = Network()
    try:
        network.make()
    except subprocess.CalledProcessError as error:
        network.remove()
        pytest.skip(f"no network namespace can be made here: {error.stderr.decode().strip()}")
    try:
        yield network
    finally:
        network.remove()
