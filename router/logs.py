"""Log lines: structlog through the standard library's logging.

`get_logger` hands events to whatever logging a program has, with a readable text for one that knows nothing of them.
`configure` is the logging of our own programs: standard error, as text or as JSON (`workers.shared.log_text`). The keys
are session, connection, mount, worker, peer, reason. Workers write the same, by `workers.runtime.logs`.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from workers.shared.log_text import HEAD, as_json, as_text, what_happened


def _add_time(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    record = event.get("_record")  # of what was logged without structlog
    now = datetime.now(UTC) if record is None else datetime.fromtimestamp(record.created, UTC)
    event["time"] = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return event


MAX_TEXT_LENGTH = 200
"""Characters of what comes from clients: a URL may have thousands."""


def cut(text: str) -> str:
    """Shorten a text that a client may have written."""
    return text if len(text) <= MAX_TEXT_LENGTH else f"{text[: MAX_TEXT_LENGTH - 1]}…"


def _cut_long(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    for key in ("url", "reason"):
        if isinstance(text := event.get(key), str):
            event[key] = cut(text)
    return event


_SHARED: list[Processor] = [
    _cut_long,
    structlog.stdlib.add_log_level,
    _add_time,
    structlog.processors.format_exc_info,
]


class _Event(dict[str, Any]):
    """An event on its way through logging: to a plain formatter, its text."""

    def __str__(self) -> str:
        return what_happened(self)


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

    as_line = as_json if format == "json" else as_text

    def render(logger: WrappedLogger, method: str, event: EventDict) -> str:
        event["program"] = program
        return as_line({key: event.pop(key) for key in HEAD} | dict(event))

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
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
