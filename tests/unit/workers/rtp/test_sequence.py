"""Sequence numbers around their wrap."""

import struct

import pytest

from workers.rtp import sequence


@pytest.mark.parametrize("first", [0, 1, 65_535 - sequence.MOST_AT_ONCE, 65_530, 65_535])
@pytest.mark.parametrize("count", [0, 1, 2, 64, sequence.MOST_AT_ONCE])
def test_a_row_is_what_stands_in_packets(first: int, count: int) -> None:
    numbers = [(first + each) % 65_536 for each in range(count)]
    assert sequence.row(first, count) == struct.pack(f"!{count}H", *numbers)


@pytest.mark.parametrize(
    ("earlier", "later", "steps"),
    [(0, 0, 0), (0, 1, 1), (65_535, 0, 1), (65_530, 5, 11), (1, 0, 65_535), (0, 32_768, 32_768), (5, 65_530, 65_525)],
)
def test_distances_go_forward_over_the_wrap(earlier: int, later: int, steps: int) -> None:
    assert sequence.distance(earlier, later) == steps


def test_the_number_after_the_last_is_the_first() -> None:
    assert [sequence.after(each) for each in (0, 65_534, 65_535)] == [1, 65_535, 0]
    assert sequence.row(65_535, 2)[2:] == sequence.row(sequence.after(65_535), 1)
