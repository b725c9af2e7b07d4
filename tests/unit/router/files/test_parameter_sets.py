"""NAL units in set-up bytes of three kinds, whole, cut off and hostile."""

import pytest

from router.files.parameter_sets import nal_units
from tests.unit.router.files.setups import ANNEX_B, AVCC, HVCC, PPS, PPS5, SEI5, SPS, SPS5, VPS5, counted


@pytest.mark.parametrize(
    ("codec", "record", "units"),
    [
        ("h264", AVCC, [SPS, PPS]),
        ("h264", ANNEX_B, [SPS, PPS]),
        ("hevc", ANNEX_B, [SPS, PPS]),  # Annex B says nothing of the codec
        ("hevc", HVCC, [VPS5, SEI5, SPS5, PPS5]),
        ("h264", b"", []),
        ("hevc", b"", []),
        ("h264", b"\0\0\0\1" + SPS + b"\0\0\0", [SPS]),  # zeros after a unit are no part of it
        ("h264", b"\0\0\1\0\0\1", []),
        ("h264", SPS, []),  # no start code at all
        ("h264", b"\x01\x64\0\0\xff\xe0\x00", []),
        ("h264", b"\x01\x64\0\0\xff\xe2" + counted(SPS) + counted(b"") + b"\x01" + counted(PPS), [SPS, PPS]),
    ],
)
def test_units_are_found(codec: str, record: bytes, units: list[bytes]) -> None:
    assert nal_units(codec, record) == units


@pytest.mark.parametrize(("codec", "record"), [("h264", AVCC), ("hevc", HVCC), ("h264", ANNEX_B)])
def test_records_that_are_cut_off_give_what_is_whole(codec: str, record: bytes) -> None:
    whole = nal_units(codec, record)
    for size in range(len(record)):
        units = nal_units(codec, record[:size])
        if record is not ANNEX_B:
            assert units == whole[: len(units)]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("fill", [b"\xff", b"\x01", b"\x7f"])
def test_counts_that_promise_more_than_there_is_end_at_the_end(codec: str, fill: bytes) -> None:
    for size in (1, 7, 23, 30, 1000):
        units = nal_units(codec, b"\x01" + fill * size)
        assert sum(map(len, units)) <= size
