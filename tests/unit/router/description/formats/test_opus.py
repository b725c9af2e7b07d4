"""Opus, whose rtpmap is always the same (RFC 7587)."""

from collections.abc import Callable

import pytest

from router.description import Opus
from tests.unit.router.description.formats.lines import check_both_ways, read
from tests.unit.router.description.refusals import Refusals, check_refused

WRONG: Refusals = (
    ("rtpmap has '1' channels; allowed: 2", lambda: read("opus/48000/1", kind="audio")),
    ("rtpmap has None channels; allowed: 2", lambda: read("opus/48000", kind="audio")),
    ("allowed: 48000 Hz", lambda: read("opus/16000/2", kind="audio")),
    ("Opus: payload type 0", lambda: read("opus/48000/2", kind="audio", payload_type=0)),
    ("maxplaybackrate is 7999", lambda: Opus(payload_type=96, maxplaybackrate=7999)),
    ("sprop-maxcapturerate is 48001", lambda: Opus(payload_type=96, sprop_maxcapturerate=48_001)),
    ("maxaveragebitrate is 510001", lambda: Opus(payload_type=96, maxaveragebitrate=510_001)),
    ("stereo is 1; allowed: True or False", lambda: Opus(payload_type=96, stereo=1)),  # type: ignore[arg-type]  # what isn't typed
    ("cbr is 'yes'", lambda: read("opus/48000/2", "cbr=yes", kind="audio")),
)


@pytest.mark.parametrize(("reason", "make"), WRONG, ids=[f"{index} {each[0]}" for index, each in enumerate(WRONG)])
def test_what_is_not_allowed_is_refused_to_its_maker(reason: str, make: Callable[[], object]) -> None:
    check_refused(reason, make)


def test_two_channels_are_announced_whatever_is_sent() -> None:
    assert (Opus(payload_type=96).channels, Opus(payload_type=96, sprop_stereo=True).channels) == (1, 2)
    check_both_ways(Opus(payload_type=96), "opus/48000/2", None, kind="audio")
    check_both_ways(
        Opus(payload_type=96, sprop_stereo=True, maxplaybackrate=8000, maxaveragebitrate=510_000, usedtx=True),
        "opus/48000/2",
        "sprop-stereo=1; maxplaybackrate=8000; maxaveragebitrate=510000; usedtx=1",
        kind="audio",
    )
