"""Medias: what each of their values may be, and the lines that they are."""

from collections.abc import Callable

import pytest

from router.description import AV1, G722, MJPEG, VP8, Generic, Media, MPEG4Audio, Opus
from router.rtsp.sdp import MAX_FORMATS
from tests.unit.router.description.refusals import Refusals, check_refused

_VP8 = VP8(payload_type=96)
WRONG: Refusals = (
    ("video: it has 0 formats", lambda: Media("video", [])),
    (f"formats; allowed: 1 to {MAX_FORMATS}", lambda: Media("video", [_VP8] * (MAX_FORMATS + 1))),
    ("payload type 96 is there twice", lambda: Media("video", [_VP8, AV1(payload_type=96)])),
    ("audio: it has VP8; allowed: that in video", lambda: Media("audio", [_VP8])),
    ("H264(...)", lambda: Media("video", [Generic(payload_type=96, rtpmap="h264/90000")])),
    ("MJPEG(...)", lambda: Media("video", [Generic(payload_type=26)])),
    ("is a format", lambda: Media("video", [96])),  # type: ignore[list-item]  # what isn't typed
    ("formats is", lambda: Media("video", "VP8")),  # type: ignore[arg-type]  # the same
    ("kind is", lambda: Media("video audio", [_VP8])),
    ("kind is", lambda: Media("", [_VP8])),
    ("kind is", lambda: Media("v" * 65, [_VP8])),
    ("profile is", lambda: Media("video", [_VP8], profile="UDP")),
    ("profile is", lambda: Media("video", [_VP8], profile="RTP/AVP x")),
    ("back_channel is 1", lambda: Media("video", [_VP8], back_channel=1)),  # type: ignore[arg-type]  # the same
    ("control", lambda: Media("video", [_VP8], control="a\nb")),
    ("control", lambda: Media("video", [_VP8], control="")),
    ("control", lambda: Media("video", [_VP8], control="\udce9")),
    ("'fmtp:96 x' is an attribute", lambda: Media("video", [_VP8], attributes=["fmtp:96 x"])),
    ("'SENDONLY' is an attribute", lambda: Media("video", [_VP8], attributes=["SENDONLY"])),
    ("' ' is an attribute", lambda: Media("video", [_VP8], attributes=[" "])),
    ("video, attributes: it is", lambda: Media("video", [_VP8], attributes=["a\r\na=b"])),
)


@pytest.mark.parametrize(("reason", "make"), WRONG, ids=[f"{index} {each[0]}" for index, each in enumerate(WRONG)])
def test_what_is_not_allowed_is_refused_to_its_maker(reason: str, make: Callable[[], object]) -> None:
    check_refused(reason, make)


def test_the_limits_themselves_are_allowed() -> None:
    formats = [Generic(payload_type=each) for each in (*range(1, 8), *range(12, 26), *range(34, 34 + MAX_FORMATS - 21))]
    assert len(Media("x" * 64, formats).formats) == MAX_FORMATS


def test_the_lines_of_a_media() -> None:
    media = Media(
        "audio",
        [G722(), MPEG4Audio(payload_type=97, sample_rate=8000, streamtype=None, config=b"\x11\x90", sizelength=0,
                            indexlength=0, indexdeltalength=0, profile_level_id=None, mode=None)],
        control="trackID=1",
        back_channel=True,
        profile="RTP/AVPF",
        attributes=["ptime:20"],
    )  # fmt: skip
    assert list(media.to_lines()) == [
        "m=audio 0 RTP/AVPF 9 97",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:97 MPEG4-GENERIC/8000",
        "a=fmtp:97 config=1190",
        "a=sendonly",
        "a=ptime:20",
        "a=control:trackID=1",
    ]
    assert list(Media("x", [Generic(payload_type=1)]).to_lines()) == ["m=x 0 RTP/AVP 1"]


def test_a_format_is_found_by_its_type() -> None:
    media = Media("audio", [G722(), Opus(payload_type=96)])
    assert media.find(Opus) == Opus(payload_type=96)
    assert media.find(MJPEG) is None
