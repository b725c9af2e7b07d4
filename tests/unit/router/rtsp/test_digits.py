"""Numbers that only a lenient reader would take for one."""

import pytest

from router.rtsp.digits import read_number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("7", 7), ("007", 7), ("255", 255), ("0" * 5000 + "1", 1)])
def test_plain_digits_are_a_number(text: str, number: int) -> None:
    assert read_number(text, 0, 255) == number


@pytest.mark.parametrize(
    "text", ["", "+1", "-1", " 1", "1 ", "1_0", "1.0", "0x1", "1e2", "\uff11", "\u0661", "²", "256", "9" * 5000]
)
def test_nothing_else_is(text: str) -> None:
    assert read_number(text, 0, 255) is None


def test_both_bounds_hold() -> None:
    assert [read_number(text, 1, 3) for text in "01234"] == [None, 1, 2, 3, None]
