"""Packets of every size that RTP over TCP allows, also those that no datagram holds."""

from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import RouterProcess

LARGEST_DATAGRAM = 65_507
"""What UDP over IPv4 carries: 65,535 less the headers of IP and UDP."""


def test_what_no_datagram_holds_is_dropped_for_udp_readers_only(router: RouterProcess, path: str) -> None:
    with (
        Publisher(router.publish(path), transport="tcp").start() as publisher,
        Reader(router.read(path), transport="tcp").start() as over_tcp,
        Reader(router.read(path), transport="udp").start() as over_udp,
    ):
        before = send_errors(router)
        sizes = (1400, 9000, LARGEST_DATAGRAM, LARGEST_DATAGRAM + 1, 65_535, 100, 1400)
        for size in sizes:
            publisher.send(1, size=size)
        publisher.send(20)
        sent = publisher.tracks[0].sent
        over_tcp.receive(len(sent))
        assert over_tcp.tracks[0].packets == sent
        fitting = [packet for packet in sent if len(packet) <= LARGEST_DATAGRAM]
        over_udp.receive(len(fitting))
        assert over_udp.tracks[0].packets == fitting
        router.wait_until(lambda _: send_errors(router) == before + 2, "both counted")


def test_large_datagrams_come_through_whole(router: RouterProcess, path: str) -> None:
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path), transport="tcp").start() as over_tcp,
        Reader(router.read(path), transport="udp").start() as over_udp,
    ):
        for size in (100, 1472, 1473, 1500, 2048, 4096, 8192, 100):
            publisher.send(1, size=size)
        for reader in (over_tcp, over_udp):
            reader.receive(8)
            reader.check(publisher)


def send_errors(router: RouterProcess) -> int:
    """Count what the kernel refused to send."""
    return sum(worker["drops"]["send_error"] for worker in router.status()["workers"])
