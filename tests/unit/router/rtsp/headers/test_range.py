"""The Range header."""

import pytest

from router.rtsp.errors import LocalError, PeerError
from router.rtsp.headers.range import LIVE, Range, format_range, parse_range
from tests.unit.router.rtsp.headers.cases import BAD_RANGES, RANGES


@pytest.mark.parametrize(("value", "range", "written"), RANGES)
def test_ranges_are_read_and_written(value: str, range: Range, written: str) -> None:
    assert parse_range(value) == range
    assert format_range(range) == written
    assert parse_range(written) == range


@pytest.mark.parametrize("value", BAD_RANGES)
def test_broken_ranges_are_the_peers_fault(value: str) -> None:
    with pytest.raises(PeerError) as refusal:
        parse_range(value)
    assert refusal.value.status == 400


def test_a_live_range_begins_now() -> None:
    assert format_range(LIVE) == "npt=now-"


def test_a_range_that_would_break_the_header_is_our_own_fault() -> None:
    with pytest.raises(LocalError):
        format_range(Range("npt", "0\r\nX: y"))
