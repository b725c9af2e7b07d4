"""H.265's own parameters (RFC 7798)."""

from collections.abc import Callable

import pytest

from router.description import H265
from tests.unit.router.description.formats.lines import check_both_ways, read
from tests.unit.router.description.refusals import Refusals, check_refused

VPS, SPS, PPS = (bytes([kind << 1, 1, 9]) for kind in (32, 33, 34))
WRONG: Refusals = (
    ("profile-space is 4; allowed: 0 to 3", lambda: H265(payload_type=96, profile_space=4)),
    ("profile-id is 32; allowed: 0 to 31", lambda: H265(payload_type=96, profile_id=32)),
    ("tier-flag is 2; allowed: 0 to 1", lambda: H265(payload_type=96, tier_flag=2)),
    ("level-id is 256; allowed: 0 to 255", lambda: H265(payload_type=96, level_id=256)),
    ("sprop-max-don-diff is 32768", lambda: H265(payload_type=96, sprop_max_don_diff=32_768)),
    ("sprop-max-don-diff is '-1'", lambda: read("H265/90000", "sprop-max-don-diff=-1")),
    ("of at least 3 bytes", lambda: H265(payload_type=96, vps=VPS[:2])),
)


@pytest.mark.parametrize(("reason", "make"), WRONG, ids=[f"{index} {each[0]}" for index, each in enumerate(WRONG)])
def test_what_is_not_allowed_is_refused_to_its_maker(reason: str, make: Callable[[], object]) -> None:
    check_refused(reason, make)


def test_each_kind_of_set_has_a_parameter_of_its_own() -> None:
    check_both_ways(
        H265(payload_type=96, vps=VPS, sps=SPS, pps=PPS, more_sets=[PPS]),
        "H265/90000",
        "sprop-vps=QAEJ; sprop-sps=QgEJ; sprop-pps=RAEJ,RAEJ",
    )


def test_the_limits_themselves_are_allowed() -> None:
    check_both_ways(
        H265(payload_type=96, profile_space=3, profile_id=31, tier_flag=1, level_id=255, sprop_max_don_diff=32_767),
        "H265/90000",
        "profile-space=3; profile-id=31; tier-flag=1; level-id=255; sprop-max-don-diff=32767",
    )
