"""fmtp parameters as fields: what is read, written and allowed at each bound."""

from dataclasses import dataclass
from typing import Any

import pytest

from router.description.formats.parameters import flag, number, octets, parameters_of, split_fmtp, word


@dataclass(frozen=True, kw_only=True)
class Declared:
    plain: int = 0
    level: int | None = number("Level-ID", 1, 300)
    stereo: bool = flag("stereo")
    exact: bytes | None = octets("exact", 3, 3)
    config: bytes | None = octets("config", 2)
    mode: str | None = word("mode", "hbr")


PARAMETERS = parameters_of(Declared)


def test_only_declared_fields_are_parameters() -> None:
    assert [each.name for each in PARAMETERS.values()] == ["Level-ID", "stereo", "exact", "config", "mode"]
    assert (Declared().mode, Declared().stereo, PARAMETERS["stereo"].absent) == ("hbr", False, False)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("level", "1", 1),
        ("level", "300", 300),
        ("level", "007", 7),
        ("stereo", "0", False),
        ("stereo", "1", True),
        ("exact", "0aFF00", b"\x0a\xff\x00"),
        ("config", "1190", b"\x11\x90"),
        ("mode", "AAC-hbr", "AAC-hbr"),
    ],
)
def test_what_is_read_is_allowed_and_read_again_as_it_is_written(field: str, text: str, value: Any) -> None:
    parameter = PARAMETERS[field]
    assert parameter.read(text) == value
    assert parameter.allows(value)
    assert parameter.read(parameter.write(value)) == value


@pytest.mark.parametrize(
    ("field", "texts", "values"),
    [
        ("level", ["0", "301", "-1", "+1", "1.0", "", "1_0", "\u0661", "9" * 5000], [0, 301, True, 1.0, "1"]),
        ("stereo", ["2", "true", "", "01"], [0, 1, "1", None]),
        ("exact", ["", "0a", "0a0b", "0a0b0c0d", "0a0b0", "xx0b0c"], [b"", b"ab", b"abcd", "abc"]),
        ("config", ["", "11", "119"], [b"", b"a", bytearray(b"ab")]),
        ("mode", ["", "a b", "a;b", "ä"], ["", "a b", "a;b", b"a", 1]),
    ],
)
def test_what_is_not_allowed_is_neither_read_nor_a_value(field: str, texts: list[str], values: list[Any]) -> None:
    assert [text for text in texts if PARAMETERS[field].read(text) is not None] == []
    assert [value for value in values if PARAMETERS[field].allows(value)] == []


@pytest.mark.parametrize(
    ("fmtp", "parts"),
    [
        (None, []),
        ("", []),
        (" ; ;", []),
        ("a=1;B = 2 ; flag", [("a", "1", "a=1"), ("b", "2", "B = 2"), ("flag", "", "flag")]),
        ("config=a=b==", [("config", "a=b==", "config=a=b==")]),
        ("=x", [("", "x", "=x")]),
    ],
)
def test_an_fmtp_comes_apart(fmtp: str | None, parts: list[tuple[str, str, str]]) -> None:
    assert list(split_fmtp(fmtp)) == parts
