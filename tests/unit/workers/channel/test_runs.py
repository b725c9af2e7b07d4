"""What runs hold, in strides."""

import struct

import pytest

from workers.channel import announces, is_rtp, stamps
from workers.fanout.burst import runs_of
from workers.rtp.packet import second_bytes


def packet(sequence: int, size: int, *, first: int = 0x80, second: int = 96, ssrc: int = 7) -> bytes:
    return struct.pack("!BBHII", first, second, sequence, sequence * 3, ssrc) + bytes(size - 12)


PACKETS = [packet(number, size, ssrc=number) for number, size in enumerate([100] * 9 + [99, 40, 41, 12, 300, 300])]


def test_stamps_are_the_packets_own() -> None:
    sequences, ssrcs, last = stamps(runs_of(PACKETS, [len(each) for each in PACKETS]))
    assert sequences == b"".join(each[2:4] for each in PACKETS)
    assert ssrcs == b"".join(each[8:12] for each in PACKETS)
    assert last == PACKETS[-1][:12]
    assert stamps(runs_of(PACKETS[:10], [100] * 9 + [99]))[2] == PACKETS[9][:12]


@pytest.mark.parametrize("place", range(4))
def test_one_packet_that_is_no_rtp_or_not_announced_spoils_its_run(place: int) -> None:
    def joined(odd: bytes) -> tuple[bytes, int, int]:
        packets = [packet(number, 60) for number in range(4)]
        packets[place] = odd
        return b"".join(packets), 60, 4

    announced = second_bytes((96,))
    assert is_rtp(joined(packet(9, 60, second=0xE0)))
    assert announces(joined(packet(9, 60, second=0xE0)), announced)
    assert not announces(joined(packet(9, 60, second=97)), announced)
    for first in (0x00, 0x40, 0xC0):
        assert not is_rtp(joined(packet(9, 60, first=first)))


def test_a_packet_shorter_than_a_header_is_no_rtp() -> None:
    assert is_rtp((packet(1, 20) + packet(2, 12), 20, 2))
    assert not is_rtp((packet(1, 20) + packet(2, 12)[:11], 20, 2))
    assert not is_rtp((b"\x80" * 22, 11, 2))
