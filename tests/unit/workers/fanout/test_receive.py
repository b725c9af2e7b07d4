"""A batch of datagrams, read from a socket pair that is filled beforehand: nothing waits."""

import socket
import struct
from collections.abc import Iterator

import pytest

from workers.fanout.burst import packets_of
from workers.fanout.receive import SLOT_BYTES, SLOTS, Receiver
from workers.fanout.syscalls import SO_RXQ_OVFL
from workers.sockets.addresses import IPV4


def packet(number: int, size: int = 100) -> bytes:
    return struct.pack("!BBHII", 0x80, 0x60 | number % 2 << 7, number, 3000 * number, 7 + number).ljust(size, b"x")


class Wire:
    """A socket with its receiver, and one that sends to it."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.near, self.far = near, far
        self.receiver = Receiver(IPV4)

    def send(self, *packets: bytes) -> None:
        for each in packets:
            self.far.send(each)

    def receive(self) -> int:
        return self.receiver.receive(self.near.fileno())


@pytest.fixture
def wire() -> Iterator[Wire]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
    ):
        near.bind(("127.0.0.1", 0))
        near.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
        far.connect(near.getsockname())
        yield Wire(near, far)


def test_nothing_there_is_no_packets(wire: Wire) -> None:
    assert wire.receive() == 0


@pytest.mark.parametrize("count", [1, 2, SLOTS - 1, SLOTS])
def test_a_batch_is_read_with_its_headers_and_senders(wire: Wire, count: int) -> None:
    packets = [packet(number) for number in range(count)]
    wire.send(*packets)
    receiver = wire.receiver
    assert wire.receive() == count
    assert receiver.lengths == [100] * count
    assert [receiver.packet(slot) for slot in range(count)] == packets
    assert receiver.header(count - 1) == packets[-1][:12]
    for found, start, end in (
        (receiver.first_bytes(count), 0, 1),
        (receiver.second_bytes(count), 1, 2),
        (receiver.sequences(count), 2, 4),
        (receiver.times(count), 4, 8),
        (receiver.ssrcs(count), 8, 12),
    ):
        assert found == b"".join(each[start:end] for each in packets)
    sender = IPV4.pack("127.0.0.1", wire.far.getsockname()[1])
    assert {receiver.address(slot) for slot in range(count)} == {sender}
    assert receiver.names[: count * IPV4.length] == sender * count


def test_more_than_a_batch_is_left_for_the_next(wire: Wire) -> None:
    wire.send(*(packet(number) for number in range(SLOTS + 1)))
    assert [wire.receive() for _ in range(3)] == [SLOTS, 1, 0]
    assert wire.receiver.packet(0) == packet(SLOTS)


def test_a_shorter_packet_in_a_used_slot_ends_where_it_ends(wire: Wire) -> None:
    wire.send(packet(1, 1400))
    wire.receive()
    wire.send(b"ab")
    wire.receive()
    assert wire.receiver.packet(0) == b"ab"


@pytest.mark.parametrize(("size", "fits"), [(SLOT_BYTES, True), (SLOT_BYTES + 1, False), (60_000, False)])
def test_what_is_longer_than_a_slot_tells_its_real_length(wire: Wire, size: int, fits: bool) -> None:
    wire.send(bytes(size), b"next")
    assert wire.receive() == 2
    assert wire.receiver.lengths == [size, 4]
    assert (wire.receiver.lengths[0] <= SLOT_BYTES) is fits
    assert wire.receiver.packet(1) == b"next"


def test_a_batch_comes_apart_in_runs_of_one_length(wire: Wire) -> None:
    sizes = [1200, 1200, 300, 1200, 40, 50]
    packets = [packet(number, size) for number, size in enumerate(sizes)]
    wire.send(*packets)
    wire.receive()
    runs = wire.receiver.runs()
    assert [count for _, _, count in runs] == [3, 2, 1]
    assert [each for run in runs for each in packets_of(run)] == packets


def test_renumbered_packets_change_in_three_places_and_nowhere_else(wire: Wire) -> None:
    wire.send(packet(1), packet(2))
    wire.receive()
    wire.receiver.renumber(2, b"\0\x09\0\x0a", struct.pack("!II", 5, 6), b"SSRC" * 2)
    for slot, (number, time) in enumerate(((9, 5), (10, 6))):
        before = packet(slot + 1)
        expected = before[:2] + struct.pack("!HI", number, time) + b"SSRC" + before[12:]
        assert wire.receiver.packet(slot) == expected


def test_what_the_kernel_dropped_is_told_with_the_next_packet(wire: Wire) -> None:
    wire.near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)  # the least that the kernel allows
    sent = 200
    wire.send(*(packet(number, 1000) for number in range(sent)))
    got = wire.receive()
    assert 0 < got < SLOTS
    assert wire.receiver.dropped_by_kernel == 0, "what is read now was queued before anything was dropped"
    wire.send(packet(0))
    assert wire.receive() == 1
    assert wire.receiver.dropped_by_kernel == sent - got
