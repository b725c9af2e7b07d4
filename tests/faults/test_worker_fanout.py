"""One real worker between sockets: what goes in comes out, whole and in order, to whom it is for."""

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_front import FakeFront, one_worker, udp
from tests.support.waiting import eventually
from workers.contract.commands import PauseReader, ReportState
from workers.contract.events import ConnectionClosed, Heartbeat, MediaHeard, MediaSilent, SessionHeard, SessionTrouble
from workers.contract.parts import InterleavedTransport, TrackTransport
from workers.contract.replies import Done
from workers.contract.reports import StateReport

Pair = tuple[socket.socket, socket.socket]


def rtp(sequence: int, size: int = 1200, *, payload_type: int = 96, marker: bool = False, ssrc: int = 7) -> bytes:
    """Make a packet of `size` bytes that no other equals."""
    second = payload_type | (0x80 if marker else 0)
    header = struct.pack("!BBHII", 0x80, second, sequence & 0xFFFF, sequence // 10 * 3000, ssrc)
    return header + struct.pack("!I", sequence) * ((size - 12) // 4) + bytes((size - 12) % 4)


def sender_report(ssrc: int = 7) -> bytes:
    """Make a sender report without blocks."""
    return struct.pack("!BBHIIIIII", 0x80, 200, 6, ssrc, 0x11223344, 0x55667788, 9, 10, 11)


def frame(channel: int, packet: bytes) -> bytes:
    return struct.pack("!BBH", 0x24, channel, len(packet)) + packet


def received(sock: socket.socket) -> list[bytes]:
    """Take all that a socket holds."""
    packets = []
    while True:
        try:
            packets.append(sock.recv(65536))
        except BlockingIOError:
            return packets


def gather(sock: socket.socket, count: int) -> list[bytes]:
    """Wait for so many packets."""
    packets: list[bytes] = []

    def enough() -> bool:
        packets.extend(received(sock))
        return len(packets) >= count

    eventually(enough, f"{count} packets", interval_s=0.005)
    return packets


def read_exactly(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = sock.recv(size - len(data))
        assert piece, f"closed after {len(data)} of {size} bytes"
        data += piece
    return bytes(data)


def drops(front: FakeFront, cause: str) -> int:
    """Read a counter off the next two heartbeats: the second was made after this call for sure."""
    front.listen()
    front.events = [each for each in front.events if not isinstance(each, Heartbeat)]
    front.await_event(Heartbeat)
    return dict(front.await_event(Heartbeat).drops)[cause]


@pytest.fixture
def front(tmp_path: Path) -> Iterator[FakeFront]:
    with one_worker(tmp_path) as made:
        yield made


@pytest.fixture
def window_front(tmp_path: Path) -> Iterator[FakeFront]:
    with one_worker(tmp_path, batch_window_s=0.002) as made:
        yield made


SIZES = {
    "pictures": ([1200] * 9 + [700]) * 20,
    "singles": [180] * 40,
    "uneven": [14, 42, 18, 716, 259, 1400, 1400, 533, 12, 1400] * 10,
    "long": [1200] * 200 + [13],
    "jumbo": [9000] * 9 + [9216],
}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_every_reader_gets_every_byte_in_order(front: FakeFront, sizes: list[int]) -> None:
    (port,) = front.open_mount("/cam")
    publisher = front.pair()
    front.record("/cam", udp(0, publisher))
    readers = [front.pair() for _ in range(10)]
    for index, reader in enumerate(readers):
        front.play("/cam", f"udp{index}", udp(0, reader))
    streams = []
    for index in range(3):
        transport = TrackTransport(0, InterleavedTransport(2 * index, 2 * index + 1))
        streams.append(front.play("/cam", f"tcp{index}", transport)[0])
    packets = [rtp(65500 + number, size) for number, size in enumerate(sizes)]
    for packet in packets:
        publisher[0].sendto(packet, ("127.0.0.1", port))
    for reader in readers:
        assert gather(reader[0], len(packets)) == packets
    for index, stream in enumerate(streams):
        wanted = b"RTSP/1.0 200 OK\r\n\r\n" + b"".join(frame(2 * index, each) for each in packets)
        assert read_exactly(stream, len(wanted)) == wanted
    (report,) = front.ask_all(ReportState())
    assert isinstance(report, StateReport)
    (mount,) = report.mounts
    assert mount.tracks[0].packets_in == len(packets)
    assert mount.tracks[0].lost == 0
    assert {each.packets_out for each in mount.readers} == {len(packets)}


def test_few_readers_get_singles_and_bursts(window_front: FakeFront) -> None:
    """One reader: plain sendto for single packets, segments for more; and the gathering window in use."""
    front = window_front
    (port,) = front.open_mount("/cam")
    publisher, reader = front.pair("::1"), front.pair("::1")
    front.record("/cam", udp(0, publisher, "::1"))
    front.play("/cam", "r", udp(0, reader, "::1"))
    sent: list[bytes] = []
    for number in range(30):
        count = number % 3 + 1
        burst = [rtp(len(sent) + step, 500) for step in range(count)]
        for packet in burst:
            publisher[0].sendto(packet, ("::1", port))
        assert gather(reader[0], count) == burst
        sent += burst


def test_interleaved_publisher_reaches_both_kinds_of_readers(front: FakeFront) -> None:
    front.open_mount("/cam", tracks=2)
    ways = [TrackTransport(index, InterleavedTransport(2 * index, 2 * index + 1)) for index in range(2)]
    publisher = front.record("/cam", *ways)
    reader = [front.pair() for _ in range(2)]
    front.play("/cam", "udp", *(udp(index, pair) for index, pair in enumerate(reader)))
    stream, _ = front.play("/cam", "tcp", *ways)
    packets = [[rtp(number, 1300, ssrc=track) for number in range(300)] for track in range(2)]
    data = b"".join(frame(0, packets[0][each]) + frame(2, packets[1][each]) for each in range(300))
    publisher.sendall(data)
    for track in range(2):
        assert gather(reader[track][0], 300) == packets[track]
    response = b"RTSP/1.0 200 OK\r\n\r\n"
    got = read_exactly(stream, len(response) + len(data))[len(response) :]
    by_channel: dict[int, list[bytes]] = {0: [], 2: []}
    while got:
        size = int.from_bytes(got[2:4], "big")
        by_channel[got[1]].append(got[4 : 4 + size])
        got = got[4 + size :]
    assert by_channel == {0: packets[0], 2: packets[1]}
    publisher.sendall(frame(9, b"nobody's"))
    eventually(lambda: drops(front, "unknown_channel") == 1, "the frame on an unknown channel is counted")


def test_gate_is_closed_by_pause_and_play_says_the_next_packet(front: FakeFront) -> None:
    (port,) = front.open_mount("/cam")
    publisher, reader = front.pair(), front.pair()
    front.record("/cam", udp(0, publisher))
    front.play("/cam", "r", udp(0, reader))
    publisher[0].sendto(rtp(65535), ("127.0.0.1", port))
    gather(reader[0], 1)
    assert front.ask(PauseReader("/cam", 1, "r")) == Done()
    publisher[0].sendto(rtp(1), ("127.0.0.1", port))
    front.await_event(MediaHeard)
    eventually(lambda: _packets_in(front) == 2, "the second packet came")
    assert received(reader[0]) == []
    client, playing = front.play("/cam", "late", udp(0, reader))
    assert playing.rtp_info[0].sequence == 2
    head = client.recv(4096).decode()
    assert head == "RTSP/1.0 200 OK\r\nRTP-Info: url=rtsp://h/cam/0;seq=2;rtptime=0\r\n\r\n"


def _packets_in(front: FakeFront) -> int:
    (report,) = front.ask_all(ReportState())
    assert isinstance(report, StateReport)
    return sum(track.packets_in for mount in report.mounts for track in mount.tracks)


def test_rtcp_goes_both_ways(front: FakeFront) -> None:
    (port,) = front.open_mount("/cam")
    publisher, reader = front.pair(), front.pair()
    front.record("/cam", udp(0, publisher))
    front.play("/cam", "r", udp(0, reader))
    publisher[0].sendto(rtp(1), ("127.0.0.1", port))
    publisher[1].sendto(sender_report(), ("127.0.0.1", port + 1))
    assert gather(reader[1], 1) == [sender_report()]
    # A new reader has the last report at once, over UDP and TCP.
    second = front.pair()
    front.play("/cam", "second", udp(0, second))
    assert gather(second[1], 1) == [sender_report()]
    stream, _ = front.play("/cam", "third", TrackTransport(0, InterleavedTransport(0, 1)))
    assert stream.recv(4096).endswith(b"\r\n\r\n" + frame(1, sender_report()))
    # A reader's report is a sign of life and its request for a picture goes to the publisher, once.
    front.listen()
    front.events.clear()
    wish = struct.pack("!BBHII", 0x81, 206, 2, 99, 7)
    loss = struct.pack("!BBHIIB3sIIII", 0x81, 201, 7, 99, 7, 12, (5).to_bytes(3, "big"), 0, 0, 0, 0)
    for _ in range(3):
        reader[1].sendto(loss + wish, ("127.0.0.1", port + 1))
    assert front.await_event(SessionHeard).session == "r"
    (request,) = gather(publisher[1], 1)
    assert request.endswith(wish)
    stream.sendall(frame(1, loss + wish))
    assert front.await_event(SessionHeard).session in ("third", "publisher", "r")
    assert drops(front, "reader_reported") == 10
    assert len(received(publisher[1])) <= 1
    # And our own reports come by themselves, with what was lost.
    publisher[0].sendto(rtp(5), ("127.0.0.1", port))
    report = gather(publisher[1], 1)[-1]
    eventually(lambda: report[1] == 201 and len(report) > 32, "a receiver report")
    assert struct.unpack_from("!II", report, 4)[1] == 7
    assert int.from_bytes(report[13:16], "big") == 3


def test_media_is_told_by_edge(front: FakeFront) -> None:
    (port,) = front.open_mount("/cam")
    publisher = front.pair()
    front.record("/cam", udp(0, publisher))
    for number in range(2):
        publisher[0].sendto(rtp(number), ("127.0.0.1", port))
        assert front.await_event(MediaHeard).path == "/cam"
        assert front.await_event(MediaSilent).generation == 1


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_publishers_trouble_is_told_with_counts_and_seldom(front: FakeFront, transport: str) -> None:
    (port,) = front.open_mount("/cam")
    publisher = front.pair()
    way = udp(0, publisher) if transport == "udp" else TrackTransport(0, InterleavedTransport(0, 1))
    connection = front.record("/cam", way)
    reader = front.pair()
    front.play("/cam", "r", udp(0, reader))

    def send(packet: bytes) -> None:
        if transport == "udp":
            publisher[0].sendto(packet, ("127.0.0.1", port))
        else:
            connection.sendall(frame(0, packet))

    def burst(first: int) -> None:
        """Send two packets with a gap of three between them, one that is no RTP and two of another payload type."""
        for packet in (rtp(first), rtp(first + 4), b"garbage", *[rtp(first + 5, payload_type=97)] * 2):
            send(packet)

    burst(1)
    told = front.await_event(SessionTrouble)
    for number in range(6, 26, 5):
        burst(number)
    assert len(gather(reader[0], 10)) == 10
    told_of = [told]
    while sum(each.wrong_payload_type for each in told_of) < 10 or sum(each.lost for each in told_of) < 15:
        told_of.append(front.await_event(SessionTrouble))
    assert {each.session for each in told_of} == {"publisher"}
    assert sum(each.lost for each in told_of) == 15
    assert sum(each.not_rtp for each in told_of) == 5
    assert sum(each.wrong_payload_type for each in told_of) == 10
    assert len(told_of) < 5, "not one for each"
    assert all(each.lost or each.not_rtp or each.wrong_payload_type for each in told_of)


def test_stalled_reader_loses_whole_bursts_and_is_closed_with_a_reason(front: FakeFront) -> None:
    (port,) = front.open_mount("/cam")
    publisher = front.pair()
    front.record("/cam", udp(0, publisher))
    stalled, _ = front.play("/cam", "stalled", TrackTransport(0, InterleavedTransport(0, 1)))
    reading, _ = front.play("/cam", "reading", TrackTransport(0, InterleavedTransport(0, 1)))
    response = b"RTSP/1.0 200 OK\r\n\r\n"
    assert read_exactly(reading, len(response)) == response
    number = 0
    while not any(isinstance(each, ConnectionClosed) for each in front.events):
        burst = [rtp(number + step) for step in range(100)]
        number += 100
        for packet in burst:
            publisher[0].sendto(packet, ("127.0.0.1", port))
        wanted = b"".join(frame(0, each) for each in burst)
        assert read_exactly(reading, len(wanted)) == wanted
        front.listen()
    closed = front.await_event(ConnectionClosed)
    assert closed.connection == "stalled-connection"
    assert closed.unserved
    assert "reader stalled of /cam read nothing" in closed.reason
    # Whatever the stalled one did get is made of whole frames.
    stalled.settimeout(5)
    got = b""
    while piece := stalled.recv(1 << 20):
        got += piece
    got = got[len(response) :]
    last = -1
    while len(got) >= 1204:
        assert got[:4] == b"$\x00" + (1200).to_bytes(2, "big")
        sequence = int.from_bytes(got[6:8], "big")
        assert sequence > last
        last, got = sequence, got[1204:]
    assert drops(front, "queue_full") > 0
