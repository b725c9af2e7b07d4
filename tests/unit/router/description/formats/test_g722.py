"""G.722, whose clock in RTP is half its sample rate (RFC 3551 section 4.5.2)."""

from collections.abc import Callable

import pytest

from router.description import G722
from tests.unit.router.description.formats.lines import check_both_ways, read
from tests.unit.router.description.refusals import Refusals, check_refused

WRONG: Refusals = (
    ("16000 Hz", lambda: G722(sample_rate=8000)),
    ("the clock rate is 16000 Hz; allowed: 8000 Hz", lambda: read("G722/16000", kind="audio")),
    ("G722/8000, or a dynamic", lambda: G722(channels=2)),
)


@pytest.mark.parametrize(("reason", "make"), WRONG, ids=[each[0] for each in WRONG])
def test_what_is_not_allowed_is_refused_to_its_maker(reason: str, make: Callable[[], object]) -> None:
    check_refused(reason, make)


def test_the_rtpmap_keeps_the_old_mistake() -> None:
    check_both_ways(G722(), "G722/8000", None, kind="audio")
    check_both_ways(G722(payload_type=97, channels=2), "G722/8000/2", None, kind="audio")
    assert (G722().clock_rate, G722().sample_rate) == (8000, 16_000)
