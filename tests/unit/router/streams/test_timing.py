"""Packets' times, from RTP time, arrival and sender reports."""

import struct

import pytest

from router.streams.timing import MOST_SOURCES, Timeline
from workers.rtp import rtcp

NTP = 1_800_000_000.0
VIDEO, AUDIO = 0, 1


def packet(rtp_time: int, *, payload_type: int = 96, ssrc: int = 7) -> bytes:
    return struct.pack("!BBHII", 0x80, payload_type, 1, rtp_time % 2**32, ssrc)


def report(ntp: float, rtp_time: int, ssrc: int = 7) -> bytes:
    return rtcp.sender_report(ssrc, ntp, rtp_time % 2**32, 1, 1, "name")


def close(got: tuple[float, float | None], pts: float, ntp: float) -> bool:
    """Compare times; sender reports have them to within a fraction of a microsecond."""
    return got[1] is not None and abs(got[0] - pts) < 1e-5 and abs(got[1] - ntp) < 1e-5


def made() -> Timeline:
    return Timeline([{96: 90_000}, {97: 48_000}])


def test_pts_begins_at_0_and_follows_rtp_time_over_its_wrap_and_backwards() -> None:
    timeline = made()
    start = 2**32 - 90_000
    steps = (0, 45_000, 135_000, 90_000, 180_000)
    assert [timeline.times(VIDEO, packet(start + each), 5.0) for each in steps] == [
        (each / 90_000, None) for each in steps
    ]


def test_another_media_begins_by_its_arrival() -> None:
    timeline = made()
    timeline.times(VIDEO, packet(1000), 5.0)
    sound = [timeline.times(AUDIO, packet(each, payload_type=97, ssrc=8), 5.5) for each in (9, 48_009)]
    assert sound == [(0.5, None), (1.5, None)]


@pytest.mark.parametrize("early", [True, False], ids=["reports-first", "packets-first"])
def test_reports_set_medias_right_against_each_other(early: bool) -> None:
    """Sound's first packet is of 0.2 s after the picture's, and arrives 0.5 s later."""
    timeline = made()
    reports = report(NTP + 3, 1000 + 3 * 90_000), report(NTP + 1.2, 9 + 48_000, ssrc=8)
    if early:
        for each in reports:
            timeline.on_rtcp(each)
    picture = timeline.times(VIDEO, packet(1000), 5.0)
    sound = timeline.times(AUDIO, packet(9, payload_type=97, ssrc=8), 5.5)
    if not early:
        assert (picture, sound) == ((0.0, None), (0.5, None))
        for each in reports:
            timeline.on_rtcp(each)
        picture = timeline.times(VIDEO, packet(1000), 6.0)
        sound = timeline.times(AUDIO, packet(9, payload_type=97, ssrc=8), 6.0)
    assert close(picture, 0.0, NTP)
    assert close(sound, 0.2, NTP + 0.2)


def test_ntp_follows_the_last_report_over_rtp_times_wrap() -> None:
    timeline = made()
    timeline.times(VIDEO, packet(2**32 - 45_000), 5.0)
    timeline.on_rtcp(report(NTP, 2**32 - 45_000))
    assert close(timeline.times(VIDEO, packet(45_000), 6.0), 1.0, NTP + 1)
    timeline.on_rtcp(report(NTP + 10, 45_000))
    assert close(timeline.times(VIDEO, packet(45_000), 6.0), 1.0, NTP + 10)


def test_a_sender_that_starts_anew_goes_on_by_arrival() -> None:
    timeline = made()
    timeline.times(VIDEO, packet(1000), 5.0)
    assert timeline.times(VIDEO, packet(77, ssrc=9), 8.0) == (3.0, None)
    assert timeline.times(VIDEO, packet(1000 + 90_000), 8.0) == (1.0, None)


def test_what_is_remembered_is_bounded() -> None:
    timeline = made()
    for ssrc in range(3 * MOST_SOURCES):
        timeline.times(VIDEO, packet(1, ssrc=ssrc), 5.0)
        timeline.on_rtcp(report(NTP, 1, ssrc=1000 + ssrc))
    assert len(timeline._sources) <= MOST_SOURCES
    assert len(timeline._reports) <= MOST_SOURCES
