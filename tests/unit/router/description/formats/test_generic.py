"""Formats that have no type of their own."""

from collections.abc import Callable

import pytest

from router.description import Generic
from tests.unit.router.description.formats.lines import check_both_ways
from tests.unit.router.description.refusals import Refusals, check_refused

WRONG: Refusals = (
    ("Generic: payload type -1; allowed: 0 to 127", lambda: Generic(payload_type=-1)),
    ("Generic: payload type 128; allowed: 0 to 127", lambda: Generic(payload_type=128)),
    ("rtpmap is 'X'", lambda: Generic(payload_type=96, rtpmap="X")),
    ("rtpmap is 'X/0'", lambda: Generic(payload_type=96, rtpmap="X/0")),
    ("Generic, rtpmap: it is 5", lambda: Generic(payload_type=96, rtpmap=5)),  # type: ignore[arg-type]  # what isn't typed
    ("all parameters in fmtp", lambda: Generic(payload_type=96, extra=["a=1"])),
    ("Generic, fmtp", lambda: Generic(payload_type=96, fmtp=" a")),
    ("Generic, fmtp", lambda: Generic(payload_type=96, fmtp="a\r\nm=audio")),
)


@pytest.mark.parametrize(("reason", "make"), WRONG, ids=[f"{index} {each[0]}" for index, each in enumerate(WRONG)])
def test_what_is_not_allowed_is_refused_to_its_maker(reason: str, make: Callable[[], object]) -> None:
    check_refused(reason, make)


@pytest.mark.parametrize(
    ("payload_type", "rate"), [(14, 90_000), (3, 8_000), (15, 8_000), (6, 16_000), (34, 90_000), (96, 90_000)]
)
def test_without_an_rtpmap_the_number_says_what_the_clock_is(payload_type: int, rate: int) -> None:
    format = Generic(payload_type=payload_type)
    assert (format.encoding, format.clock_rate, format.rtpmap, format.fmtp) == ("", rate, None, None)


def test_what_is_said_is_kept() -> None:
    format = Generic(payload_type=101, rtpmap="telephone-event/8000", fmtp="0-15")
    assert (format.encoding, format.clock_rate) == ("telephone-event", 8000)
    check_both_ways(format, "telephone-event/8000", "0-15", kind="audio")
