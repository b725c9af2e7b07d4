"""Log lines on standard error: structlog through the standard library's logging, as text or as JSON.

Text is one line for each event, `TIME LEVEL program: event key=value ...`; a value that could be taken for something
else (spaces, quotes, control characters: much of it comes from peers) stands in JSON's quotes. The keys are session,
connection, mount, worker, peer, reason.
"""

import json
import logging
import sys
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_BEFORE: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    structlog.stdlib.PositionalArgumentsFormatter(),
]


def configure(level: str, format: Literal["text", "json"], program: str = "front") -> None:
    """Send every log line of this process to standard error, in one format and from one level on.

    For programs only: a program that embeds the router keeps its own logging.
    """

    def add_program(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        event["program"] = program
        return event

    render: Processor = structlog.processors.JSONRenderer(default=str) if format == "json" else render_text
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_BEFORE,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, add_program, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_BEFORE,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def render_text(logger: WrappedLogger | None, method: str, event: EventDict) -> str:
    """Write one event as text: one line, and a traceback below it where there is one."""
    time, level, program = event.pop("timestamp"), event.pop("level"), event.pop("program")
    what, trace = str(event.pop("event")), event.pop("exception", None)
    head = f"{time} {level.upper():<7} {program}: {what if what.isprintable() else json.dumps(what)}"
    line = " ".join([head, *(f"{key}={_text(value)}" for key, value in event.items())])
    return f"{line}\n{trace}" if trace else line


def _text(value: object) -> str:
    text = str(value)
    plain = text.isprintable() and not any(each in text for each in " \"'=")
    return text if plain and text else json.dumps(text)
