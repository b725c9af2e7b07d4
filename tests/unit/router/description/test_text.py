"""What may stand in a line of SDP."""

import pytest

from router.description.text import attribute_name, check_text, check_trimmed_text
from tests.unit.router.description.refusals import check_refused

CONTROL = [chr(code) for code in (*range(0x09), *range(0x0A, 0x20), 0x7F)]


@pytest.mark.parametrize("text", ["", " ", "a b", "tab\there", "Größe", "\U0001f600", "Cam\udce9ra", "\x80", "a\xa0b"])
def test_text_that_a_line_may_have(text: str) -> None:
    check_text("title", text)


@pytest.mark.parametrize(
    "text", [*CONTROL, "a\r\nm=audio", "\ud800", "a\udc7f", "b\udfff", "\udcc3\udcbc", None, b"a", 5]
)
def test_text_that_would_not_be_read_back(text: object) -> None:
    """Two surrogates that are bytes of one character of UTF-8 would be read as that character."""
    check_refused("title: it is ", lambda: check_text("title", text))


@pytest.mark.parametrize("text", ["a", "a b", "\udce9"])
def test_trimmed_text(text: str) -> None:
    check_trimmed_text("control", text)


@pytest.mark.parametrize("text", ["", " ", " a", "a ", "\ta", "a\n", "\xa0a", None])
def test_text_with_blanks_at_its_ends_or_without_anything(text: object) -> None:
    check_refused("control: it is ", lambda: check_trimmed_text("control", text))


@pytest.mark.parametrize(
    ("attribute", "name"),
    [("framerate:25", "framerate"), ("SendOnly", "sendonly"), (" a :b:c", "a"), ("", ""), (":", "")],
)
def test_an_attributes_name(attribute: str, name: str) -> None:
    assert attribute_name(attribute) == name
