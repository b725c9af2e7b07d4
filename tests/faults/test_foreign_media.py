"""Media ports are open to the world: only the publisher feeds a mount, only readers are fed."""

import random
import socket

import pytest

from tests.support.ports import udp_socket
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import RouterProcess
from tests.support.rtp import Rtp, build_receiver_report, build_rtp, build_sender_report
from tests.support.sdp import payload_type


def forged(track: int = 0, sequence: int = 1) -> bytes:
    """Make valid RTP of an announced payload type that no publisher sent."""
    return build_rtp(Rtp(payload_type(track), True, sequence, 1, 0x0BADF00D, b"forged" * 20))


def drops(router: RouterProcess) -> int:
    """Count what the workers have dropped, for all causes."""
    return sum(sum(worker["drops"].values()) for worker in router.status()["workers"])


def garbage() -> list[bytes]:
    """Datagrams that are no RTP, or hardly."""
    chance = random.Random(7)
    return [
        b"",
        b"\x80",
        b"\x80\x60" + bytes(9),
        bytes(12),
        b"\xff" * 1400,
        b"\x8f\x60" + bytes(10),  # says that 15 CSRCs follow
        b"\x90\x60" + bytes(10) + b"\xbe\xde\xff\xff",  # an extension longer than the packet
        b"\xa0\x60" + bytes(10) + b"\xff",  # more padding than packet
        b"\x80\x7f" + bytes(20),  # a payload type that nobody announced
        b"SIP/2.0 200 OK\r\n\r\n",
        *(chance.randbytes(size) for size in (13, 60, 500, 1472, 9000)),
    ]


def check_undisturbed(publisher: Publisher, readers: list[Reader]) -> None:
    """See that readers get what the publisher sends and nothing else."""
    publisher.send(5)
    for reader in readers:
        reader.receive(len(publisher.tracks[0].sent))
        assert reader.tracks[0].packets == publisher.tracks[0].sent


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.2"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_garbage_and_forgeries_on_the_media_ports(
    router: RouterProcess, path: str, source: str, transport: str
) -> None:
    with (
        Publisher(router.publish(path), transport=transport).start() as publisher,
        Reader(router.read(path)).start() as reader,
        udp_socket(source) as stranger,
    ):
        check_undisturbed(publisher, [reader])
        ports = reader.tracks[0].server_ports
        before = drops(router)
        for data in [*garbage(), forged(), build_sender_report(1, 2, 3, 4, 5), build_receiver_report(1)]:
            for port in ports:
                stranger.sendto(data, (reader.server_host, port))
        check_undisturbed(publisher, [reader])
        assert not reader.tracks[0].reports
        router.wait_until(lambda status: drops(router) >= before + len(garbage()), "what came in is counted")


@pytest.mark.parametrize("source", ["127.0.0.2", "127.0.0.3"])
def test_another_host_is_not_taken_for_a_publisher_that_has_not_sent_yet(
    router: RouterProcess, path: str, source: str
) -> None:
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path)).start() as reader,
        udp_socket(source) as stranger,
    ):
        for sequence in range(5):
            stranger.sendto(forged(sequence=sequence), (reader.server_host, reader.tracks[0].server_ports[0]))
        check_undisturbed(publisher, [reader])


def test_a_reader_on_the_publishers_own_host_is_not_taken_for_it(router: RouterProcess, path: str) -> None:
    """ffmpeg readers send a valid RTP header to the server's RTP port before PLAY."""
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path)).start() as other,
        Reader(router.read(path), punches=False) as puncher,
    ):
        puncher.describe()
        puncher.set_up(0)
        track = puncher.tracks[0]
        assert track.rtp is not None
        for data in (b"\x80\0" + bytes(10), b"\x80\x60" + bytes(10), forged()):
            track.rtp.sendto(data, (puncher.server_host, track.server_ports[0]))
        puncher.play()
        track.rtp.sendto(forged(), (puncher.server_host, track.server_ports[0]))
        check_undisturbed(publisher, [other, puncher])


def test_a_publisher_behind_nat_is_found_by_its_first_packet(router: RouterProcess, path: str) -> None:
    """It sends from another port than it said; from then on nobody else is believed."""
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        track = publisher.tracks[0]
        assert track.rtp is not None
        track.rtp.close()
        track.rtp = udp_socket("127.0.0.1")
        check_undisturbed(publisher, [reader])
        with udp_socket("127.0.0.1") as latecomer:
            latecomer.sendto(forged(), (reader.server_host, track.server_ports[0]))
            check_undisturbed(publisher, [reader])


def test_a_publisher_cannot_have_its_reports_sent_elsewhere(router: RouterProcess, path: str) -> None:
    """Nor can a reader: packets go to the connection's own host, whatever came from where."""
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path), source_host="127.0.0.2", punches=False).start() as reader,
        udp_socket("127.0.0.3") as victim,
    ):
        check_undisturbed(publisher, [reader])
        track = reader.tracks[0]
        victim.sendto(b"\x80\0" + bytes(10), (reader.server_host, track.server_ports[0]))
        victim.sendto(build_receiver_report(1), (reader.server_host, track.server_ports[1]))
        check_undisturbed(publisher, [reader])
        publisher.send_sender_report(0)
        reader.receive_report(0)
        with pytest.raises(BlockingIOError):
            victim.recv(2048)


def test_a_readers_punch_corrects_its_port(router: RouterProcess, path: str) -> None:
    """A NAT gave it another one than it knows of."""
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path), source_host="127.0.0.4", punches=False) as reader,
    ):
        reader.describe()
        reader.set_up(0)
        track = reader.tracks[0]
        assert track.rtp is not None
        said: socket.socket = track.rtp
        with said, udp_socket("127.0.0.4") as translated:
            track.rtp = translated
            translated.sendto(b"\x80\0" + bytes(10), (reader.server_host, track.server_ports[0]))
            reader.play()
            check_undisturbed(publisher, [reader])


def test_frames_on_foreign_channels_are_dropped(router: RouterProcess, path: str) -> None:
    with (
        Publisher(router.publish(path), transport="tcp").start() as publisher,
        Reader(router.read(path), transport="tcp").start() as reader,
    ):
        for channel in (2, 3, 100, 255):
            publisher.connection.send_frame(channel, forged())
        for channel in (0, 1, 2, 255):
            reader.connection.send_frame(channel, forged())  # readers don't publish
        for data in (b"", b"\x80", bytes(12), b"\xff" * 1400, b"\x80\x7f" + bytes(20), b"SIP/2.0 200 OK\r\n\r\n"):
            publisher.connection.send_frame(0, data)
        publisher.send(5)
        reader.receive(5)
        reader.check(publisher)
        publisher.connection.expect(200, "GET_PARAMETER", publisher.url)
        reader.connection.expect(200, "GET_PARAMETER", reader.url)


def test_forged_goodbyes_end_nothing(router: RouterProcess, path: str) -> None:
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path)).start() as reader,
        udp_socket("127.0.0.2") as stranger,
    ):
        goodbye = b"\x80\xc9\0\x01" + bytes(4) + b"\x81\xcb\0\x01" + publisher.tracks[0].ssrc.to_bytes(4, "big")
        stranger.sendto(goodbye, (reader.server_host, reader.tracks[0].server_ports[1]))
        check_undisturbed(publisher, [reader])
        assert not reader.tracks[0].reports
