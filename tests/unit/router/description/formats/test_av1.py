"""AV1's parameters."""

from collections.abc import Callable

import pytest

from router.description import AV1
from tests.unit.router.description.formats.lines import check_both_ways, read
from tests.unit.router.description.refusals import Refusals, check_refused

WRONG: Refusals = (
    ("profile is 3; allowed: 0 to 2", lambda: AV1(payload_type=96, profile=3)),
    ("level-idx is 32; allowed: 0 to 31", lambda: AV1(payload_type=96, level_idx=32)),
    ("tier is '2'; allowed: 0 to 1", lambda: read("AV1/90000", "tier=2")),
)


@pytest.mark.parametrize(("reason", "make"), WRONG, ids=[each[0] for each in WRONG])
def test_what_is_not_allowed_is_refused_to_its_maker(reason: str, make: Callable[[], object]) -> None:
    check_refused(reason, make)


def test_what_is_not_said_is_not_zero() -> None:
    check_both_ways(AV1(payload_type=96), "AV1/90000", None)
    check_both_ways(AV1(payload_type=96, profile=0, level_idx=0, tier=0), "AV1/90000", "profile=0; level-idx=0; tier=0")
    check_both_ways(
        AV1(payload_type=45, profile=2, level_idx=31, tier=1), "AV1/90000", "profile=2; level-idx=31; tier=1"
    )
