"""MPEG-4 audio in its two payload formats (RFC 3640, RFC 6416)."""

from collections.abc import Callable

import pytest

from router.description import MPEG4Audio, MPEG4AudioLATM
from tests.unit.router.description.formats.lines import check_both_ways, read
from tests.unit.router.description.refusals import Refusals, check_refused

WRONG: Refusals = (
    ("config is b'1'", lambda: MPEG4Audio(payload_type=96, sample_rate=8000, config=b"1")),
    ("config is 'xyz'; allowed: at least 2 bytes", lambda: read("mpeg4-generic/48000", "config=xyz", kind="audio")),
    ("mode is 'a;b'", lambda: MPEG4Audio(payload_type=96, sample_rate=8000, mode="a;b")),
    ("sizelength is 33; allowed: 0 to 32", lambda: MPEG4Audio(payload_type=96, sample_rate=8000, sizelength=33)),
    ("streamtype is 64", lambda: MPEG4Audio(payload_type=96, sample_rate=8000, streamtype=64)),
    ("profile-level-id is '256'", lambda: read("mpeg4-generic/8000", "profile-level-id=256", kind="audio")),
    ("config is None", lambda: MPEG4AudioLATM(payload_type=96, sample_rate=8000, cpresent=False)),
    ("config is None", lambda: read("MP4A-LATM/48000", "cpresent=0", kind="audio")),
    ("bitrate is -1", lambda: MPEG4AudioLATM(payload_type=96, sample_rate=8000, bitrate=-1)),
    ("cpresent is '2'", lambda: read("MP4A-LATM/48000", "cpresent=2", kind="audio")),
)


@pytest.mark.parametrize(("reason", "make"), WRONG, ids=[f"{index} {each[0]}" for index, each in enumerate(WRONG)])
def test_what_is_not_allowed_is_refused_to_its_maker(reason: str, make: Callable[[], object]) -> None:
    check_refused(reason, make)


def test_access_units_are_aac_hbr_unless_told_otherwise() -> None:
    check_both_ways(
        MPEG4Audio(payload_type=97, sample_rate=48_000, channels=2, config=b"\x11\x90"),
        "MPEG4-GENERIC/48000/2",
        "streamtype=5; profile-level-id=1; mode=AAC-hbr; config=1190; sizelength=13; indexlength=3; indexdeltalength=3",
        kind="audio",
    )


def test_what_a_description_leaves_out_is_not_there() -> None:
    format = read("mpeg4-generic/8000", None, kind="audio")
    assert isinstance(format, MPEG4Audio)
    assert (format.sizelength, format.indexlength, format.indexdeltalength, format.mode) == (0, 0, 0, None)
    assert format.fmtp is None


def test_latm_says_where_its_config_is() -> None:
    in_the_stream = MPEG4AudioLATM(payload_type=96, sample_rate=48_000, object_type=2, bitrate=2**32 - 1)
    check_both_ways(in_the_stream, "MP4A-LATM/48000", "object=2; bitrate=4294967295", kind="audio")
    here = MPEG4AudioLATM(payload_type=96, sample_rate=48_000, cpresent=False, config=b"\x40\x00")
    check_both_ways(here, "MP4A-LATM/48000", "cpresent=0; config=4000", kind="audio")
