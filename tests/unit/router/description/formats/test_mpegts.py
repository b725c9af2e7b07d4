"""MPEG transport streams are in media of any kind."""

import pytest

from router.description import MPEGTS, Media
from tests.unit.router.description.formats.lines import check_both_ways, read
from tests.unit.router.description.refusals import check_refused


@pytest.mark.parametrize("kind", ["video", "audio", "application"])
def test_it_goes_into_media_of_any_kind(kind: str) -> None:
    check_both_ways(MPEGTS(), "MP2T/90000", None, kind=kind)
    assert Media(kind, [MPEGTS()]).find(MPEGTS) == MPEGTS()


def test_its_static_payload_type_has_one_clock() -> None:
    check_refused("payload type 32; allowed: 33, 96 to 127", lambda: MPEGTS(payload_type=32))
    check_refused("the clock rate is 27000000 Hz", lambda: read("MP2T/27000000", payload_type=33))
