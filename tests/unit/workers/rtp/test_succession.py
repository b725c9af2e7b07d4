"""Another publisher's packets follow those that readers have got."""

import struct

import pytest

from workers.contract.image import NtpShift, Offsets, StreamEnd, SuccessionImage
from workers.rtp import rtcp
from workers.rtp.succession import LEAST_GAP_S, Succession

END = StreamEnd(
    0xAAAA, 65535, 2**32 - 90_000, 10.0, 90_000, ntp=5 << 32, ntp_time=2**32 - 180_000, packets=100, octets=7
)
"""Its last packet is of the second 6 by NTP."""
NEW = 0xBBBB


def packet(sequence: int, rtp_time: int, ssrc: int = NEW) -> bytes:
    return struct.pack("!BBHII", 0x80, 96, sequence, rtp_time, ssrc) + b"content"


def report(ssrc: int, ntp: int, rtp_time: int, packets: int, octets: int) -> list[rtcp.Part]:
    data = struct.pack("!BBHIQIII", 0x80, 200, 6, ssrc, ntp, rtp_time, packets, octets)
    data += struct.pack("!BBHI", 0x81, 202, 2, ssrc) + b"\x01\x01x\x00"
    parts = rtcp.split(data)
    assert parts is not None
    return parts


def begun(now: float = 12.0, end: StreamEnd = END) -> Succession:
    made = Succession(SuccessionImage(end))
    made.begin(packet(500, 1000), b"\x01\xf4", now)
    return made


def test_numbers_go_on_and_time_has_passed() -> None:
    made = begun()
    assert made.renumber(packet(500, 1000)) == packet(0, 90_000, 0xAAAA)
    assert made.renumber(packet(501, 4000)) == packet(1, 93_000, 0xAAAA)
    assert made.state.offsets == Offsets(NEW, (0 - 500) % 65536, 89_000, 90_000)


def test_a_batch_is_renumbered_like_its_packets() -> None:
    made = begun()
    for numbers, times in (([500, 501, 502], [7, 7, 7]), ([502, 500, 65535], [7, 2**32 - 1, 9])):
        packets = [packet(number, time) for number, time in zip(numbers, times, strict=True)]
        shifted = made.shift(*(b"".join(each[a:b] for each in packets) for a, b in ((2, 4), (4, 8), (8, 12))))
        expected = [made.renumber(each) for each in packets]
        assert shifted == tuple(b"".join(each[a:b] for each in expected) for a, b in ((2, 4), (4, 8), (8, 12)))


def test_packets_of_other_streams_are_left_as_they_are() -> None:
    made = begun()
    assert made.renumber(packet(9, 9, 0xCCCC)) == packet(9, 9, 0xCCCC)
    assert made.shift(bytes(4), bytes(8), struct.pack("!II", NEW, 0xCCCC)) is None


def test_one_that_was_overtaken_in_the_first_burst_has_a_number_too() -> None:
    made = Succession(SuccessionImage(END))
    made.begin(packet(500, 1000), struct.pack("!HHH", 500, 498, 501), 12.0)
    assert made.renumber(packet(498, 1000))[2:4] == b"\x00\x00"


def test_time_goes_on_however_soon_the_next_comes() -> None:
    assert begun(10.0).renumber(packet(500, 1000))[4:8] == int(90_000 * (LEAST_GAP_S - 1) % 2**32).to_bytes(4, "big")


def test_reports_say_the_same_of_the_same_stream() -> None:
    made = begun()
    (sent, said) = rtcp.split(made.rewrite(report(NEW, 50 << 32, 1000, 3, 21))) or []
    assert rtcp.sender(sent) == rtcp.sender(said) == 0xAAAA
    assert rtcp.sender_info(sent) == rtcp.SenderInfo(50 << 32, 90_000, 103, 28)
    strange = report(0xCCCC, 50 << 32, 1000, 3, 21)
    assert made.rewrite(strange) == b"".join(each.data for each in strange)


def ntp_after(made: Succession, ntp_s: float, rtp_time: int = 1000) -> float:
    parts = rtcp.split(made.rewrite(report(NEW, int(ntp_s * 2**32), rtp_time, 3, 21)))
    assert parts is not None
    info = rtcp.sender_info(parts[0])
    assert info is not None
    return info.ntp / 2**32


def test_a_clock_that_went_back_goes_on_for_all_tracks_alike() -> None:
    """A report on the first packet: it says what that one's instant is, at least a little after that of the last."""
    ntp = NtpShift()
    made, other = Succession(SuccessionImage(END, ntp)), Succession(SuccessionImage(END, ntp))
    for each in (made, other):
        each.begin(packet(500, 1000), b"\x01\xf4", 12.0)
    assert ntp_after(made, 1.0) == pytest.approx(6 + LEAST_GAP_S)
    assert ntp_after(made, 2.0, 91_000) == pytest.approx(7 + LEAST_GAP_S)
    assert ntp_after(other, 1.5) == pytest.approx(6.5 + LEAST_GAP_S)
    assert ntp_after(made, 3.0, 181_000) == pytest.approx(8 + LEAST_GAP_S)


def test_a_clock_that_is_right_is_left_alone() -> None:
    assert ntp_after(begun(), 6.3) == pytest.approx(6.3)
    assert ntp_after(Succession(begun().state), 50.0) == pytest.approx(50.0)


@pytest.mark.parametrize(
    "wish",
    [
        struct.pack("!BBHII", 0x81, 206, 2, 1, 0xAAAA),
        struct.pack("!BBHIIII", 0x84, 206, 4, 1, 0, 0xAAAA, 7 << 24),
    ],
)
def test_feedback_is_about_the_publishers_own_stream(wish: bytes) -> None:
    restored = begun().to_publisher(wish)
    assert restored == wish.replace(b"\x00\x00\xaa\xaa", b"\x00\x00\xbb\xbb")
    assert restored != wish
    assert Succession(SuccessionImage(END)).to_publisher(wish) == wish
