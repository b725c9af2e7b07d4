"""RTCP packets apart and together."""

import struct

import pytest

from workers.rtp import rtcp
from workers.rtp.rtcp import ReportBlock

BLOCK = ReportBlock(ssrc=7, fraction=12, lost=-3, highest=70_000, jitter=5, last_report=0x1234, delay=65_536)
SENDER_REPORT = struct.pack("!BBHIIIIII", 0x80, 200, 6, 7, 0x11223344, 0x55667788, 9, 10, 11)


def test_a_receiver_report_reads_back() -> None:
    packet = rtcp.receiver_report(99, (BLOCK,), "worker")
    parts = rtcp.split(packet)
    assert parts is not None
    assert [each.kind for each in parts] == [rtcp.RECEIVER_REPORT, rtcp.SOURCE_DESCRIPTION]
    assert rtcp.report_blocks(parts[0]) == [BLOCK]
    assert rtcp.sender(parts[0]) == rtcp.sender(parts[1]) == 99
    assert parts[1].data[8:16] == b"\x01\x06worker"
    assert parts[1].data[16:] == bytes(len(parts[1].data) - 16) != b""


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 255, 300])
def test_the_cname_ends_on_a_word_with_a_zero(length: int) -> None:
    packet = rtcp.receiver_report(1, (), "x" * length)
    assert rtcp.split(packet) is not None
    assert packet[-1] == 0


def test_a_sender_report_gives_the_middle_of_its_time() -> None:
    (part,) = rtcp.split(SENDER_REPORT) or []
    assert rtcp.middle_ntp(part) == 0x33445566
    assert rtcp.report_blocks(part) == []


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x80\xc8\x00",
        SENDER_REPORT[:-1],
        b"\x40" + SENDER_REPORT[1:],
        b"\x80\x60" + bytes(6),
        b"\xce\xfa\xed\xfe",
    ],
)
def test_what_is_no_rtcp(packet: bytes) -> None:
    assert rtcp.split(packet) is None


def test_a_report_that_promises_more_blocks_than_it_has() -> None:
    (part,) = rtcp.split(b"\x9f\xc9\x00\x01" + bytes(4)) or []
    assert part.count == 31
    assert rtcp.report_blocks(part) == []


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (struct.pack("!BBHII", 0x81, 206, 2, 1, 2), True),
        (struct.pack("!BBHIIII", 0x84, 206, 4, 1, 0, 2, 0), True),
        (struct.pack("!BBHII", 0x8F, 206, 2, 1, 2), False),
        (struct.pack("!BBHII", 0x81, 205, 2, 1, 2), False),
        (struct.pack("!BBHI", 0x81, 206, 1, 1), False),
    ],
)
def test_requests_for_a_picture(data: bytes, wanted: bool) -> None:
    (part,) = rtcp.split(data) or []
    assert rtcp.asks_for_picture(part) is wanted


@pytest.mark.parametrize("ntp", [1.0, 1_800_000_000.5, 2_085_978_495.75, 2_085_978_496.5, 2_500_000_000.25])
def test_a_sender_reports_time_reads_back(ntp: float) -> None:
    """Also after February 2036, when NTP's seconds begin anew."""
    parts = rtcp.split(rtcp.sender_report(7, ntp, 2**32 + 9, 10, 11, "cname"))
    assert parts is not None
    assert rtcp.sender_time(parts[0]) == (ntp, 9)
    assert rtcp.sender(parts[0]) == rtcp.sender(parts[1]) == 7
    assert rtcp.sender_time(parts[1]) is None


def test_a_sender_that_knows_no_time() -> None:
    (part,) = rtcp.split(struct.pack("!BBHIIIIII", 0x80, 200, 6, 7, 0, 0, 9, 10, 11)) or []
    assert rtcp.sender_time(part) is None
