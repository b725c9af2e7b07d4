"""VP8's and VP9's parameters (RFC 7741, RFC 9628)."""

from collections.abc import Callable

import pytest

from router.description import VP8, VP9
from tests.unit.router.description.formats.lines import check_both_ways
from tests.unit.router.description.refusals import Refusals, check_refused

MOST = 2**32 - 1
WRONG: Refusals = (
    ("max-fr is 0; allowed: 1 to 4294967295", lambda: VP8(payload_type=96, max_fr=0)),
    ("max-fs is 4294967296", lambda: VP8(payload_type=96, max_fs=MOST + 1)),
    ("profile-id is 4; allowed: 0 to 3", lambda: VP9(payload_type=96, profile_id=4)),
)


@pytest.mark.parametrize(("reason", "make"), WRONG, ids=[each[0] for each in WRONG])
def test_what_is_not_allowed_is_refused_to_its_maker(reason: str, make: Callable[[], object]) -> None:
    check_refused(reason, make)


def test_the_limits_themselves_are_allowed() -> None:
    check_both_ways(VP8(payload_type=96, max_fr=1, max_fs=MOST), "VP8/90000", f"max-fr=1; max-fs={MOST}")
    check_both_ways(VP9(payload_type=96, max_fr=MOST, profile_id=0), "VP9/90000", f"max-fr={MOST}; profile-id=0")
