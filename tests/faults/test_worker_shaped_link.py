"""A real worker behind a link that is slower than it is: the send buffer fills, which loopback never shows."""

import ctypes
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.test_worker_fanout import drops, received, rtp
from tests.support.fake_front import FakeFront, one_worker, udp
from tests.support.waiting import eventually
from workers.contract.parts import TrackTransport, UdpTransport
from workers.fanout.syscalls import SO_RCVBUFFORCE

READERS = 100
BURST = 40


class Link:
    """A pair of virtual devices between this network namespace and one of its own."""

    def __init__(self) -> None:
        self.number = os.getpid() % 250 + 1
        self.space = f"trunkline{os.getpid()}"
        self.device = f"tl{os.getpid()}"[:14]
        self.near, self.far = f"10.213.{self.number}.1", f"10.213.{self.number}.2"

    def run(self, *words: str) -> None:
        subprocess.run(words, check=True, capture_output=True, timeout=20)

    def make(self) -> None:
        self.run("ip", "netns", "add", self.space)
        self.run("ip", "link", "add", self.device, "type", "veth", "peer", "name", "far", "netns", self.space)
        self.run("ip", "addr", "add", f"{self.near}/24", "dev", self.device)
        self.run("ip", "link", "set", self.device, "up")
        self.run("ip", "-n", self.space, "addr", "add", f"{self.far}/24", "dev", "far")
        self.run("ip", "-n", self.space, "link", "set", "far", "up")

    def shape(self, rate: str) -> None:
        """Slow the way out down; its queue takes anything, so that only the socket's buffer can fill."""
        self.run(
            "tc", "qdisc", "add", "dev", self.device, "root", "tbf", *f"rate {rate} burst 256kb limit 64mb".split()
        )

    def remove(self) -> None:
        subprocess.run(["ip", "link", "del", self.device], check=False, capture_output=True, timeout=20)
        subprocess.run(["ip", "netns", "del", self.space], check=False, capture_output=True, timeout=20)

    def far_sockets(self, count: int) -> list[socket.socket]:
        """Bind sockets at the far end: a socket stays in the namespace that it was made in."""
        libc = ctypes.CDLL(None, use_errno=True)
        here = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(f"/var/run/netns/{self.space}", os.O_RDONLY)
        sockets = []
        try:
            assert libc.setns(there, 0) == 0, os.strerror(ctypes.get_errno())
            for _ in range(count):
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 * 1024 * 1024)
                sock.setblocking(False)
                sock.bind((self.far, 0))
                sockets.append(sock)
        finally:
            libc.setns(here, 0)
            os.close(here)
            os.close(there)
        return sockets


@pytest.fixture
def link() -> Iterator[Link]:
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("tc") is None:
        pytest.skip("a shaped link needs root, ip and tc")
    made = Link()
    try:
        made.make()
    except subprocess.CalledProcessError as error:
        made.remove()
        pytest.skip(f"no network namespace can be made here: {error.stderr.decode().strip()}")
    yield made
    made.remove()


def send_bursts(front: FakeFront, link: Link, bursts: int) -> list[list[bytes]]:
    """Send bursts as fast as the worker takes them, and give what each reader at the far end got."""
    (port,) = front.open_mount("/cam")
    publisher = front.pair()
    front.record("/cam", udp(0, publisher))
    sockets = link.far_sockets(READERS)
    try:
        for index, sock in enumerate(sockets):
            number = sock.getsockname()[1]
            front.play("/cam", f"r{index}", TrackTransport(0, UdpTransport(link.far, number, number)))
        got: list[list[bytes]] = [[] for _ in sockets]
        for burst in range(bursts):
            for packet in range(BURST):
                publisher[0].sendto(rtp(burst * BURST + packet), ("127.0.0.1", port))

        def settled() -> bool:
            for packets, sock in zip(got, sockets, strict=True):
                packets += received(sock)
            return sum(map(len, got)) + drops(front, "send_buffer") == READERS * BURST * bursts

        eventually(settled, "every packet has come or is counted", timeout_s=20)
        return got
    finally:
        for sock in sockets:
            sock.close()


def test_a_burst_to_a_hundred_readers_fits_through_a_gigabit(link: Link, tmp_path: Path) -> None:
    link.shape("1gbit")
    with one_worker(tmp_path) as front:
        got = send_bursts(front, link, 1)
    assert got == [[rtp(number) for number in range(BURST)]] * READERS


def test_what_a_slow_link_cannot_take_is_counted_and_spread(link: Link, tmp_path: Path) -> None:
    link.shape("100mbit")
    with one_worker(tmp_path) as front:
        got = send_bursts(front, link, 10)
        assert drops(front, "send_buffer") > 0
        assert drops(front, "send_error") == 0
    for packets in got:
        assert packets, "the deadline must not always hit the same reader"
        numbers = [int.from_bytes(each[2:4], "big") for each in packets]
        assert numbers == sorted(set(numbers))
        assert packets == [rtp(each) for each in numbers]
