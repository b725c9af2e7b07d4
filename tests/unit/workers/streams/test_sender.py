"""Sender reports for programs."""

import struct

from workers.contract.image import SenderImage
from workers.fanout.burst import PacketBurst
from workers.rtp import rtcp
from workers.streams.sender import SILENT_AFTER_S, Sender

NTP = 1_800_000_000.5
CLOCK = 90_000


def header(rtp_time: int, ssrc: int = 7) -> bytes:
    return struct.pack("!BBHII", 0x80, 96, 1, rtp_time, ssrc)


def burst(last: bytes, packets: int, size: int) -> PacketBurst:
    return PacketBurst((), packets, size, last_header=last)


def told(report: bytes | None) -> tuple[float, int, int, int]:
    """Give a report's instant, packets and octets, after checking the rest."""
    parts = rtcp.split(report or b"")
    assert parts is not None
    assert [each.kind for each in parts] == [rtcp.SENDER_REPORT, rtcp.SOURCE_DESCRIPTION]
    assert b"\x01\x04name" in parts[1].data
    instant = rtcp.sender_time(parts[0])
    assert instant is not None
    packets, octets = struct.unpack_from("!II", parts[0].data, 20)
    return *instant, packets, octets


def test_a_report_names_the_same_instant_twice() -> None:
    sender = Sender(SenderImage("name"))
    assert sender.report(1.0) is None
    assert sender.observe(burst(header(1_000), 10, 10 * 112), CLOCK, NTP, now=5.0)
    assert not sender.observe(burst(header(4_000), 10, 10 * 112), CLOCK, NTP + 1 / 30, now=5.0)
    assert told(sender.report(7.0)) == (NTP + 1 / 30 + 2, 4_000 + 2 * CLOCK, 20, 2_000)


def test_packets_out_of_the_order_of_their_times_do_not_shift_the_clock() -> None:
    sender = Sender(SenderImage("name"))
    sender.observe(burst(header(9_000), 1, 12), CLOCK, NTP, now=5.0)
    sender.observe(burst(header(3_000), 1, 12), CLOCK, NTP + 1, now=5.0)
    assert told(sender.report(5.0))[:2] == (NTP, 9_000)
    sender.observe(burst(header(2**32 - 90_000 * 11), 1, 12), CLOCK, NTP + 2, now=5.0)
    assert told(sender.report(5.0))[:2] == (NTP + 2, 2**32 - 90_000 * 11)


def test_times_and_counts_wrap() -> None:
    sender = Sender(SenderImage("name"))
    sender.observe(burst(header(2**32 - CLOCK), 2**32 + 1, 12), CLOCK, NTP, now=0.0)
    assert told(sender.report(2.0))[1:3] == (CLOCK, 1)
    sender.observe(burst(header(5), 1, 12), CLOCK, NTP, now=3.0)
    assert told(sender.report(3.0))[1] == 5


def test_another_stream_counts_anew() -> None:
    sender = Sender(SenderImage("name"))
    sender.observe(burst(header(5), 3, 100), CLOCK, NTP, now=0.0)
    assert sender.observe(burst(header(1, ssrc=8), 1, 20), CLOCK, NTP, now=0.0)
    assert told(sender.report(0.0))[1:] == (1, 1, 8)


def test_who_is_silent_is_no_sender() -> None:
    sender = Sender(SenderImage("name"))
    sender.observe(burst(header(5), 1, 12), CLOCK, NTP, now=0.0)
    assert sender.report(SILENT_AFTER_S) is not None
    assert sender.report(SILENT_AFTER_S + 0.1) is None
