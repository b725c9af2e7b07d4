"""Uncompressed audio of three depths (RFC 3551, RFC 3190)."""

from collections.abc import Callable

import pytest

from router.description import LPCM
from tests.unit.router.description.formats.lines import check_both_ways, read
from tests.unit.router.description.refusals import Refusals, check_refused

WRONG: Refusals = (
    ("bit_depth is 12; allowed: 8, 16, 24", lambda: LPCM(payload_type=96, bit_depth=12, sample_rate=8000)),
    ("bit_depth is 16.0", lambda: LPCM(payload_type=96, bit_depth=16.0, sample_rate=8000)),  # type: ignore[arg-type]  # what isn't typed
    ("L16/44100/2, or a dynamic", lambda: LPCM(payload_type=10, bit_depth=16, sample_rate=48000, channels=2)),
    ("L16/44100, or a dynamic", lambda: LPCM(payload_type=11, bit_depth=16, sample_rate=44100, channels=2)),
    ("channels are 'x'", lambda: read("L16/48000/x", kind="audio")),
)


@pytest.mark.parametrize(("reason", "make"), WRONG, ids=[each[0] for each in WRONG])
def test_what_is_not_allowed_is_refused_to_its_maker(reason: str, make: Callable[[], object]) -> None:
    check_refused(reason, make)


@pytest.mark.parametrize("bit_depth", [8, 16, 24])
def test_the_depth_is_in_the_encodings_name(bit_depth: int) -> None:
    format = LPCM(payload_type=97, bit_depth=bit_depth, sample_rate=48_000, channels=2)
    check_both_ways(format, f"L{bit_depth}/48000/2", None, kind="audio")


def test_static_payload_types_stand_for_16_bits_at_44100_hz() -> None:
    stereo = LPCM(payload_type=10, bit_depth=16, sample_rate=44_100, channels=2)
    check_both_ways(stereo, "L16/44100/2", None, kind="audio")
    check_both_ways(LPCM(payload_type=11, bit_depth=16, sample_rate=44_100), "L16/44100", None, kind="audio")
