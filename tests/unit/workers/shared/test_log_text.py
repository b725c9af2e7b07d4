"""Log lines: one for each event, whatever a peer's words are."""

import json

import pytest

from workers.shared.log_text import as_json, as_text, what_happened


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("/cam", "/cam"),
        (3, "3"),
        ((1, 2), "1,2"),
        (["a b"], '"a b"'),
        ("", '""'),
        ("two words", '"two words"'),
        ('"quoted"', r'"\"quoted\""'),
        ("a=b", '"a=b"'),
        ("line\nbreak", r'"line\nbreak"'),
        ("\x1b[31mred", r'"\u001b[31mred"'),
        ("\u2028", r'"\u2028"'),
        ("Zürich", "Zürich"),
    ],
)
def test_values_as_text(value: object, text: str) -> None:
    event = {"time": "T", "level": "info", "program": "front", "event": "mount opened", "mount": value}
    assert as_text(event) == f"T INFO    front: mount opened mount={text}"


def test_an_event_with_a_line_break_stays_one_line() -> None:
    event = {"time": "T", "level": "warning", "program": "front", "event": "a\nb"}
    assert as_text(event) == r'T WARNING front: "a\nb"'


def test_a_traceback_stands_below() -> None:
    event = {"time": "T", "level": "error", "program": "front", "event": "x", "exception": "Traceback"}
    assert as_text(event) == "T ERROR   front: x\nTraceback"


def test_json_has_the_same_and_nothing_without_a_value() -> None:
    event = {"time": "T", "level": "info", "program": "front", "event": "x", "mount": None, "reason": ValueError("y")}
    assert json.loads(as_json(event)) == {"time": "T", "level": "info", "program": "front", "event": "x", "reason": "y"}


def test_another_log_has_a_head_of_its_own() -> None:
    assert what_happened({"event": "mount opened", "mount": "/cam", "worker": None}) == "mount opened mount=/cam"
