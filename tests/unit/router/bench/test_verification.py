"""The readers find every fault: what is damaged, lost, doubled or out of order on its way to them, over UDP and TCP."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from router.bench import trace
from router.bench.board import Board, create
from router.bench.read_tcp import Basin, TcpReader
from router.bench.read_udp import Landing, UdpReader
from router.bench.shape import Layout, Shape, uniform
from router.bench.stream import SyntheticStream, Tape
from router.bench.tally import Latencies, PacketCounts, Tally

PACKETS = 700
"""More than two cycles of the uniform shape, and within the trace's key frame and well after it."""
CHANNEL = 2
SEED = 5
SHAPES = {"uniform": uniform(1200, 10, 1000), "x264": trace.load(trace.BUILT_IN)}

Packets = list[bytes]


@dataclass
class Rig:
    """A reader at one end of a socket pair; the test writes to the other."""

    stream: SyntheticStream
    foreign: SyntheticStream
    tally: Tally
    write: Callable[[bytes], object]
    read: Callable[[], object]
    board: Board
    latencies: Latencies
    packets: Packets = field(init=False)

    def __post_init__(self) -> None:
        self.packets = [self.stream.packet(index) for index in range(PACKETS)]

    def deliver(self, packets: Packets) -> PacketCounts:
        """Let the reader have these packets, some at a time, and sum up as if the publisher had sent all its own."""
        for place in range(0, len(packets), 40):
            for packet in packets[place : place + 40]:
                self.write(packet)
            self.read()
        self.tally.finish(PACKETS)
        return self.tally.verdict


@pytest.fixture(params=["udp", "tcp"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=list(SHAPES))
def shape(request: pytest.FixtureRequest) -> Shape:
    return SHAPES[request.param]


@pytest.fixture
def rig(transport: str, shape: Shape) -> Iterator[Rig]:
    layout, tape = Layout(shape), Tape(SEED)
    streams = [SyntheticStream(tape, layout, SEED, mount) for mount in range(2)]
    descriptor = create()
    board, latencies = Board(descriptor, 2), Latencies()
    tally = Tally(streams[0], 0, board, latencies)
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    with contextlib.closing(ours), contextlib.closing(theirs):
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_000_000)
        theirs.setblocking(False)
        if transport == "udp":
            udp = UdpReader(theirs, Landing(layout), tally)
            yield Rig(streams[0], streams[1], tally, ours.send, udp.ready, board, latencies)
        else:
            tcp = TcpReader(theirs, Basin(), layout, tally, CHANNEL)

            def frame(packet: bytes, channel: int = CHANNEL) -> None:
                ours.sendall(bytes((0x24, channel)) + len(packet).to_bytes(2, "big") + packet)

            yield Rig(streams[0], streams[1], tally, frame, tcp.ready, board, latencies)
    os.close(descriptor)


def flipped(packet: bytes, place: int) -> bytes:
    changed = bytearray(packet)
    changed[place] ^= 0x01
    return bytes(changed)


def test_what_comes_as_it_was_sent_is_delivered(rig: Rig) -> None:
    assert rig.deliver(rig.packets) == PacketCounts(delivered=PACKETS)


def test_a_reader_may_join_at_any_packet(rig: Rig) -> None:
    rig.board.sent[0] = 333
    assert rig.deliver(rig.packets[333:]) == PacketCounts(delivered=PACKETS - 333)
    assert rig.tally.first == 333


@pytest.mark.parametrize("place", [0, 1, 4, 8, 11, 12, 20, -1])
@pytest.mark.parametrize("index", [1, 39, 40, 255, 256, 400])
def test_one_bit_that_changed_is_found(rig: Rig, index: int, place: int) -> None:
    packets = list(rig.packets)
    packets[index] = flipped(packets[index], place)
    verdict = rig.deliver(packets)
    assert verdict == PacketCounts(delivered=PACKETS - 1, lost=1, damaged=1)


@pytest.mark.parametrize("place", [2, 3])
def test_a_sequence_number_that_changed_is_found(rig: Rig, place: int) -> None:
    packets = list(rig.packets)
    packets[100] = flipped(packets[100], place)
    assert rig.deliver(packets) == PacketCounts(delivered=PACKETS - 1, lost=1, damaged=1)


@pytest.mark.parametrize(("first", "count"), [(1, 1), (39, 1), (40, 3), (250, 20), (310, 64), (698, 2)])
def test_loss_is_found(rig: Rig, first: int, count: int) -> None:
    packets = rig.packets[:first] + rig.packets[first + count :]
    assert rig.deliver(packets) == PacketCounts(delivered=PACKETS - count, lost=count)


@pytest.mark.parametrize("index", [1, 39, 255, 410])
def test_packets_that_changed_places_are_found(rig: Rig, index: int) -> None:
    packets = list(rig.packets)
    packets[index], packets[index + 1] = packets[index + 1], packets[index]
    assert rig.deliver(packets) == PacketCounts(delivered=PACKETS, reordered=1)


@pytest.mark.parametrize("index", [0, 39, 255, 410])
def test_a_packet_that_comes_twice_is_found(rig: Rig, index: int) -> None:
    packets = rig.packets[: index + 1] + rig.packets[index:]
    assert rig.deliver(packets) == PacketCounts(delivered=PACKETS, duplicated=1)


def test_a_packet_cut_short_or_too_long_is_found(rig: Rig) -> None:
    packets = list(rig.packets)
    packets[50] = packets[50][:-1]
    packets[90] += b"\0"
    assert rig.deliver(packets) == PacketCounts(delivered=PACKETS - 2, lost=2, damaged=2)


def test_another_mounts_packet_is_found(rig: Rig) -> None:
    packets = list(rig.packets)
    packets[50] = rig.foreign.packet(50)
    assert rig.deliver(packets) == PacketCounts(delivered=PACKETS - 1, lost=1, damaged=1)


def test_a_payload_that_belongs_to_another_packet_is_found(rig: Rig) -> None:
    """As a router would deliver that reused a buffer too early."""
    packets = list(rig.packets)
    other = next(
        each for each in range(60, PACKETS) if len(packets[each]) == len(packets[50]) and packets[each] != packets[50]
    )
    packets[50] = packets[50][:12] + packets[other][12:]
    assert rig.deliver(packets) == PacketCounts(delivered=PACKETS - 1, lost=1, damaged=1)


@pytest.mark.parametrize("transport", ["tcp"], indirect=True)
def test_what_comes_between_the_frames_is_no_fault(rig: Rig) -> None:
    """RTCP on the other channel, and the answer to a request."""
    packets = list(rig.packets)
    send: Callable[..., None] = rig.write  # type: ignore[assignment]  # it takes a channel too over TCP
    for packet in packets[:100]:
        send(packet)
    send(b"\x80\xc8\x00\x00", CHANNEL + 1)
    rig.read()
    assert rig.deliver(packets[100:]) == PacketCounts(delivered=PACKETS)


def test_latencies_count_while_measuring_only(rig: Rig) -> None:
    rig.deliver(rig.packets[:100])
    assert rig.latencies.percentiles_ms([0.5]) == [None]
    rig.tally.next = 100
    rig.board.measuring = True
    rig.deliver(rig.packets[100:200])
    assert rig.latencies.percentiles_ms([0.5]) != [None]


def shifted(packet: bytes) -> bytes:
    sequence = (int.from_bytes(packet[2:4], "big") + 12_345) & 0xFFFF
    return packet[:2] + sequence.to_bytes(2, "big") + packet[4:]


@pytest.mark.parametrize("renumbered", [False, True])
def test_other_sequence_numbers_are_right_only_where_they_are_allowed(rig: Rig, renumbered: bool) -> None:
    rig.tally.allow_renumbering = renumbered
    rig.board.sent[0] = 20
    verdict = rig.deliver([shifted(each) for each in rig.packets])
    expected = PacketCounts(delivered=PACKETS) if renumbered else PacketCounts(damaged=PACKETS)
    assert verdict == expected


def test_renumbered_packets_are_verified_all_the_same(rig: Rig) -> None:
    rig.tally.allow_renumbering = True
    rig.board.sent[0] = 20
    packets = [shifted(each) for each in rig.packets]
    packets[100] = flipped(packets[100], 3)
    packets[200] = flipped(packets[200], -1)
    del packets[300]
    assert rig.deliver(packets) == PacketCounts(delivered=PACKETS - 3, lost=3, damaged=2)
