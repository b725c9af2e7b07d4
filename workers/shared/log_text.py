"""A log event as one line of text, or as JSON: the same for front, workers and launcher. Pure.

Text is `TIME LEVEL program: event key=value ...`; a value that could be taken for something else (spaces, quotes,
control characters: much of it comes from peers) stands in JSON's quotes, and a list as `1,2`. JSON has the same in the
same order. A key without a value is left out.
"""

import json
from collections.abc import Mapping

HEAD = ("time", "level", "program", "event")
"""The keys that every event has, in this order; then its own, then `exception`, a traceback, where there is one."""


def as_text(event: Mapping[str, object]) -> str:
    """Write an event as one line, and its traceback below."""
    return f"{event['time']} {str(event['level']).upper():<7} {event['program']}: {what_happened(event)}"


def as_json(event: Mapping[str, object]) -> str:
    """Write an event as one JSON object in one line."""
    return json.dumps({key: value for key, value in event.items() if value is not None}, default=str)


def what_happened(event: Mapping[str, object]) -> str:
    """Write an event without its head: for a log that has times and levels of its own."""
    what = str(event["event"])
    pairs = [
        f"{key}={_quoted(value)}"
        for key, value in event.items()
        if key not in HEAD and key != "exception" and value is not None
    ]
    line = " ".join([what if what.isprintable() else json.dumps(what), *pairs])
    return f"{line}\n{event['exception']}" if "exception" in event else line


def _quoted(value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    plain = text.isprintable() and not any(each in text for each in " \"'=")
    return text if plain and text else json.dumps(text, ensure_ascii=not text.isprintable())
