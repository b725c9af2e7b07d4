"""Log lines: structlog through the standard library's logging.

`get_logger` hands events to whatever logging a program has, with a readable text for one that knows nothing of them.
`configure` is the logging of our own programs: standard error, as text or as JSON. Text is one line for each event,
`TIME LEVEL program: event key=value ...`; a value that could be taken for something else (spaces, quotes, control
characters: much of it comes from peers) stands in JSON's quotes, and a list as `1,2`. The keys are session, connection,
mount, worker, peer, reason; one without a value is left out. JSON has the same in the same order: `time`, `level`,
`program`, `event`, then the keys. Workers write the same, by `workers.runtime.logs`.
"""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger


def _add_time(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    record = event.get("_record")  # of what was logged without structlog
    now = datetime.now(UTC) if record is None else datetime.fromtimestamp(record.created, UTC)
    event["time"] = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return event


_SHARED: list[Processor] = [
    structlog.stdlib.add_log_level,
    _add_time,
    structlog.processors.format_exc_info,
]


_FIRST = ("time", "level", "program", "event")


class _Event(dict[str, Any]):
    """An event on its way through logging: to a plain formatter, its text."""

    def __str__(self) -> str:
        return _line(self)


def _hand_over(logger: WrappedLogger, method: str, event: EventDict) -> tuple[tuple[_Event], dict[str, Any]]:
    return (_Event(event),), {"extra": {"_logger": logger, "_name": method}}


_PROCESSORS: list[Processor] = [structlog.stdlib.filter_by_level, *_SHARED, _hand_over]


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Give the logger of a module: events with keys, for the logging of whichever program this is."""
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name), processors=_PROCESSORS, wrapper_class=structlog.stdlib.BoundLogger
    )
    return logger


def configure(level: str, format: Literal["text", "json"], program: str = "front") -> None:
    """Send every log line of this process to standard error, in one format and from one level on.

    For programs only: a program that embeds the router keeps its own logging.
    """

    def in_order(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        event["program"] = program
        first = {key: event.pop(key) for key in _FIRST}
        return first | {key: value for key, value in event.items() if value is not None}

    render: Processor = structlog.processors.JSONRenderer(default=str) if format == "json" else render_text
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, in_order, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # For what asks structlog itself for a logger, such as a hook.
    structlog.configure(
        processors=_PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def render_text(logger: WrappedLogger | None, method: str, event: EventDict) -> str:
    """Write one event as text: one line, and a traceback below it where there is one."""
    return f"{event['time']} {event['level'].upper():<7} {event['program']}: {_line(event)}"


def _line(event: Mapping[str, Any]) -> str:
    what = str(event["event"])
    apart = (*_FIRST, "exception")
    pairs = (f"{key}={_text(value)}" for key, value in event.items() if key not in apart and value is not None)
    line = " ".join([what if what.isprintable() else json.dumps(what), *pairs])
    return f"{line}\n{event['exception']}" if "exception" in event else line


def _text(value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    plain = text.isprintable() and not any(each in text for each in " \"'=")
    return text if plain and text else json.dumps(text, ensure_ascii=not text.isprintable())
