"""What is refused before it leaves a program."""

import struct

import pytest

from router.streams.errors import NotRtcp, NotRtp, PacketError, PacketTooLarge, StreamError, WrongPayloadType
from router.streams.packets import checked_rtcp, checked_runs
from workers.channel import packets_of
from workers.rtp.packet import second_bytes

ANNOUNCED = second_bytes((96, 0))


def packet(sequence: int, size: int = 100, *, first: int = 0x80, second: int = 0xE0) -> bytes:
    return struct.pack("!BBHII", first, second, sequence, 9, 7) + bytes(size - 12)


@pytest.mark.parametrize("sizes", [[100] * 9 + [50], [12], [13, 12, 14], [1472] * 100, []])
def test_good_packets_become_runs(sizes: list[int]) -> None:
    packets = tuple(packet(number, size) for number, size in enumerate(sizes))
    runs = checked_runs(packets, ANNOUNCED, 1472)
    assert [each for run in runs for each in packets_of(run)] == list(packets)


@pytest.mark.parametrize("place", [0, 3, 9])
@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (b"", NotRtp),
        (packet(1)[:11], NotRtp),
        (packet(1, first=0x40), NotRtp),
        (packet(1, 1473), PacketTooLarge),
        (packet(1, second=97), WrongPayloadType),
    ],
)
def test_one_wrong_packet_refuses_its_burst_and_is_named(wrong: bytes, error: type[PacketError], place: int) -> None:
    packets = [packet(number) for number in range(10)]
    packets[place] = wrong
    with pytest.raises(error, match=f"packet {place}: ") as caught:
        checked_runs(packets, ANNOUNCED, 1472)
    assert caught.value.index == place
    assert isinstance(caught.value, StreamError)


def test_an_error_says_what_would_be_right() -> None:
    with pytest.raises(WrongPayloadType, match=r"97 is none of \[0, 96\]"):
        checked_runs([packet(1, second=97)], ANNOUNCED, 1472)
    with pytest.raises(PacketTooLarge, match="101 bytes, max_packet_bytes is 100"):
        checked_runs([packet(1, 101)], ANNOUNCED, 100)


def test_rtcp_is_looked_at_too() -> None:
    report = struct.pack("!BBHIIIIII", 0x80, 200, 6, 7, 1, 2, 3, 4, 5)
    assert checked_rtcp(report, 1472) == ((report, 28, 1),)
    for wrong in (b"", report[:-1], packet(1)):
        with pytest.raises(NotRtcp):
            checked_rtcp(wrong, 1472)
    with pytest.raises(PacketTooLarge):
        checked_rtcp(report, 27)
