"""The RTP-Info header."""

import pytest

from router.rtsp.headers.rtp_info import MAX_ENTRIES, TrackStart, parse_rtp_info

RTP_INFOS = (
    ("url=rtsp://h/a;seq=1;rtptime=2", (TrackStart("rtsp://h/a", 1, 2),)),
    (
        "url=rtsp://h/a,b;seq=1, url=t;rtptime=4294967295",
        (TrackStart("rtsp://h/a,b", 1), TrackStart("t", None, 2**32 - 1)),
    ),
    ('URL="t"; Seq = 65536;rtptime=-1', (TrackStart("t"),)),
    ("seq=1;rtptime=2", ()),
    ("", ()),
)


@pytest.mark.parametrize(("value", "infos"), RTP_INFOS)
def test_infos_are_read(value: str, infos: tuple[TrackStart, ...]) -> None:
    assert parse_rtp_info(value) == infos


def test_infos_have_a_limit() -> None:
    assert len(parse_rtp_info(",".join(["url=t"] * (MAX_ENTRIES + 1)))) == MAX_ENTRIES
