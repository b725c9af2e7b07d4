"""Which type stands for what a description says."""

import pytest

from router.description import AV1, G711, H264, LPCM, MJPEG, MPEGTS, VP8, Format, Generic, Opus
from router.description.formats.families import family_of, read_format, typed_family_of
from router.rtsp.sdp import parse_rtpmap
from tests.unit.router.description.formats.lines import read


@pytest.mark.parametrize(
    ("kind", "rtpmap", "family"),
    [
        ("video", "H264/90000", H264),
        ("video", "h264/90000", H264),
        ("audio", "H264/90000", None),
        ("audio", "OPUS/48000/2", Opus),
        ("audio", "L24/48000", LPCM),
        ("audio", "PCMA/8000", G711),
        ("video", "MP2T/90000", MPEGTS),
        ("application", "mp2t/90000", MPEGTS),  # a stream of all kinds, in media of any
        ("video", "H2640/90000", None),
        ("video", "AV1/90000", AV1),
    ],
)
def test_names_of_encodings_have_no_case_and_belong_to_a_kind(
    kind: str, rtpmap: str, family: type[Format] | None
) -> None:
    assert family_of(kind, parse_rtpmap(rtpmap)) is family
    assert family_of(kind, None) is None


def test_a_static_payload_type_needs_no_rtpmap() -> None:
    assert read_format("video", 26, None, None) == MJPEG()
    assert read_format("audio", 0, None, None) == G711(payload_type=0, mu_law=True)
    assert read_format("audio", 11, None, None) == LPCM(payload_type=11, bit_depth=16, sample_rate=44_100)
    assert read_format("audio", 26, None, None) == Generic(payload_type=26)


def test_what_has_no_type_of_its_own_is_kept_as_it_is() -> None:
    assert read("rtx/90000", " apt=96 ") == Generic(payload_type=96, rtpmap="rtx/90000", fmtp="apt=96")
    assert read("x/8000/2", " ", kind="audio") == Generic(payload_type=96, rtpmap="x/8000/2")


def test_a_generic_format_that_has_a_type_is_known() -> None:
    assert typed_family_of("video", Generic(payload_type=96, rtpmap="vp8/90000")) is VP8
    assert typed_family_of("audio", Generic(payload_type=96, rtpmap="vp8/90000")) is None
    assert typed_family_of("video", Generic(payload_type=26)) is MJPEG
    assert typed_family_of("video", Generic(payload_type=26, rtpmap="x/1")) is None
