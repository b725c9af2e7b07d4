"""What all formats have in common, on the simplest ones."""

from collections.abc import Callable

import pytest

from router.description import AV1, G711, G722, H264, LPCM, Format, Generic, MPEG4Audio, Opus
from router.description.formats.base import as_tuple
from tests.unit.router.description.formats.lines import read
from tests.unit.router.description.refusals import Refusals, check_refused

WRONG: Refusals = (
    ("H264: payload type 128; allowed: 96 to 127", lambda: H264(payload_type=128)),
    ("H264: payload type 26", lambda: H264(payload_type=26)),
    ("H264: payload type 34", lambda: H264(payload_type=34)),
    ("H264: payload type 72", lambda: H264(payload_type=72)),
    ("H264: payload type 76", lambda: H264(payload_type=76)),
    ("H264: payload type '96'", lambda: H264(payload_type="96")),  # type: ignore[arg-type]  # what isn't typed
    ("H264: payload type True", lambda: H264(payload_type=True)),
    ("channels are 0; allowed: 1 to 255", lambda: G711(payload_type=96, mu_law=True, channels=0)),
    ("channels are 256; allowed: 1 to 255", lambda: G711(payload_type=96, mu_law=True, channels=256)),
    ("the sample rate is 0", lambda: LPCM(payload_type=96, bit_depth=16, sample_rate=0)),
    ("the sample rate is 2147483649", lambda: LPCM(payload_type=96, bit_depth=16, sample_rate=2**31 + 1)),
    ("'stereo=1' is extra", lambda: Opus(payload_type=96, extra=["stereo=1"])),
    ("'STEREO=1' is extra", lambda: Opus(payload_type=96, extra=["STEREO=1"])),
    ("'a=1;b=2' is extra", lambda: Opus(payload_type=96, extra=["a=1;b=2"])),
    ("'sprop-parameter-sets=x' is extra", lambda: H264(payload_type=96, extra=["sprop-parameter-sets=x"])),
    ("extra is 'a'", lambda: Opus(payload_type=96, extra="a")),
    ("extra: it is ' a'", lambda: Opus(payload_type=96, extra=[" a"])),
    ("the clock rate is 8000 Hz; allowed: 90000 Hz", lambda: read("AV1/8000")),
)


@pytest.mark.parametrize(("reason", "make"), WRONG, ids=[f"{index} {each[0]}" for index, each in enumerate(WRONG)])
def test_what_is_not_allowed_is_refused_to_its_maker(reason: str, make: Callable[[], object]) -> None:
    check_refused(reason, make)


@pytest.mark.parametrize("payload_type", [35, 71, 77, 95, 96, 127])
def test_payload_types_without_an_encoding_of_their_own(payload_type: int) -> None:
    assert AV1(payload_type=payload_type).payload_type == payload_type


def test_the_limits_themselves_are_allowed() -> None:
    assert G711(payload_type=96, mu_law=True, channels=255).rtpmap == "PCMU/8000/255"
    assert LPCM(payload_type=96, bit_depth=16, sample_rate=2**31).clock_rate == 2**31


def test_formats_say_what_their_rfcs_call_things() -> None:
    aac = MPEG4Audio(payload_type=97, sample_rate=48000, channels=2, config=b"\x11\x90", extra=["x=1"])
    assert (aac.encoding, aac.clock_rate, aac.channels) == ("MPEG4-GENERIC", 48000, 2)
    assert aac.parameters["sizelength"] == "13"
    assert aac.parameters["x"] == "1"
    assert (G722().clock_rate, G722().sample_rate) == (8000, 16000)


def test_of_a_parameter_that_comes_twice_the_first_counts_and_one_without_a_value_does_not() -> None:
    assert read("AV1/90000", "level-idx=; LEVEL-IDX=5;level-idx=6") == AV1(payload_type=96, level_idx=5)


def test_unknown_parameters_are_kept_as_they_are_written() -> None:
    format = read("AV1/90000", "x-Vendor = 7;;flag ; profile=1")
    assert format.extra == ("x-Vendor = 7", "flag")
    assert format.fmtp == "profile=1; x-Vendor = 7; flag"


def test_as_a_tuple_goes_whatever_has_an_order_but_text() -> None:
    assert as_tuple("here", "parts", [1, 2]) == as_tuple("here", "parts", range(1, 3)) == (1, 2)
    for items in ("ab", {1}, 5, None, iter([1])):
        check_refused("here: parts is ", lambda items=items: as_tuple("here", "parts", items))  # type: ignore[misc]  # bound now


def test_formats_that_say_the_same_are_equal() -> None:
    formats: set[Format] = {Opus(payload_type=96), Opus(payload_type=96, extra=()), Generic(payload_type=96)}
    assert len(formats) == 2
