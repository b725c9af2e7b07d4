"""Kinds of numbers at their bounds, and what a slip in a file is."""

import math
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from router.settings.bounds import ListenPort, Maximum, MessageBytes, Timeout

KINDS: dict[str, TypeAdapter[Any]] = {
    "timeout": TypeAdapter(Timeout),
    "port": TypeAdapter(ListenPort),
    "maximum": TypeAdapter(Maximum),
    "bytes": TypeAdapter(MessageBytes),
}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("timeout", (5e-324, 0.5, 1, 86_400)),
        ("port", (0, 1, 65_535)),
        ("maximum", (1, 1_000_000)),
        ("bytes", (256, 1_048_576)),
    ],
)
def test_what_is_within(kind: str, values: tuple[float, ...]) -> None:
    assert [KINDS[kind].validate_python(value) for value in values] == list(values)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("timeout", (0, -1, math.nextafter(86_400, math.inf), math.inf, -math.inf, math.nan, True, "1", None)),
        ("port", (-1, 65_536, 5554.0, True, "5554", None)),
        ("maximum", (0, 1_000_001, 1.0, True, "1")),
        ("bytes", (255, 1_048_577, 8192.0, False)),
    ],
)
def test_what_is_past_them_or_of_another_kind(kind: str, values: tuple[Any, ...]) -> None:
    for value in values:
        with pytest.raises(ValidationError):
            KINDS[kind].validate_python(value)
