"""H.264's own parameters (RFC 6184)."""

from collections.abc import Callable

import pytest

from router.description import H264
from tests.unit.router.description.formats.lines import check_both_ways, read
from tests.unit.router.description.refusals import Refusals, check_refused

SPS = bytes.fromhex("6764000bacd9")
WRONG: Refusals = (
    ("packetization-mode is 3; allowed: 0 to 2", lambda: H264(payload_type=96, packetization_mode=3)),
    ("packetization-mode is '3'; allowed: 0 to 2", lambda: read("H264/90000", "packetization-mode=3")),
    ("profile-level-id is b'B'", lambda: H264(payload_type=96, profile_level_id=b"B")),
    ("profile-level-id is '42'", lambda: read("H264/90000", "profile-level-id=42")),
)


@pytest.mark.parametrize(("reason", "make"), WRONG, ids=[f"{index} {each[0]}" for index, each in enumerate(WRONG)])
def test_what_is_not_allowed_is_refused_to_its_maker(reason: str, make: Callable[[], object]) -> None:
    check_refused(reason, make)


def test_mode_0_is_the_one_that_needs_no_words() -> None:
    check_both_ways(H264(payload_type=96), "H264/90000", None)
    check_both_ways(H264(payload_type=96, packetization_mode=2), "H264/90000", "packetization-mode=2")
    assert read("H264/90000", "packetization-mode=0") == H264(payload_type=96)


def test_the_profile_is_the_sps_own_unless_it_is_given() -> None:
    assert H264(payload_type=96, sps=SPS).profile_level_id == SPS[1:4]
    given = H264(payload_type=96, sps=SPS, profile_level_id=b"\x42\xe0\x1f")
    check_both_ways(given, "H264/90000", "profile-level-id=42e01f; sprop-parameter-sets=Z2QAC6zZ")
