"""The worker's log lines on standard error, in the front's two forms (text and JSON), by the standard library alone.

Structlog would double a worker's time to start. Fields come by `extra`: session, connection, mount, reason ...
"""

import json
import logging
import sys
import time

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class _Fields(logging.Formatter):
    """Takes a record apart into what both forms show."""

    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program

    def fields(self, record: logging.LogRecord) -> dict[str, object]:
        """Give what a record says, in the order in which it is shown."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields: dict[str, object] = {
            "time": f"{at}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "program": self._program,
            "event": record.getMessage(),
        }
        extra = {key: value for key, value in record.__dict__.items() if key not in _STANDARD and value is not None}
        fields.update(extra)
        return fields

    def trace(self, record: logging.LogRecord) -> str:
        """Give a record's traceback; "" if it has none."""
        return self.formatException(record.exc_info) if record.exc_info else ""


class _Json(_Fields):
    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one JSON object in one line."""
        fields, trace = self.fields(record), self.trace(record)
        if trace:
            fields["exception"] = trace
        return json.dumps(fields, default=str)


class _Text(_Fields):
    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line, and a traceback below it."""
        fields, trace = self.fields(record), self.trace(record)
        at, level, program, event = (str(fields.pop(key)) for key in ("time", "level", "program", "event"))
        pairs = [f"{key}={_quoted(value)}" for key, value in fields.items()]
        words = [event if event.isprintable() else json.dumps(event), *pairs]
        line = f"{at} {level.upper():<7} {program}: {' '.join(words)}"
        return f"{line}\n{trace}" if trace else line


def _quoted(value: object) -> str:
    """Quote what could be taken for something else: much of it comes from peers."""
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    plain = text.isprintable() and not any(each in text for each in " \"'=")
    return text if plain and text else json.dumps(text, ensure_ascii=not text.isprintable())


def configure(worker: int, level: str, form: str) -> logging.Logger:
    """Make the worker's logger; `form` is "text" or "json"."""
    handler = logging.StreamHandler(sys.stderr)
    program = f"worker {worker}"
    handler.setFormatter(_Json(program) if form == "json" else _Text(program))
    logger = logging.getLogger("workers")
    logger.handlers = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False
    return logger


class OncePerMinute:
    """Keeps a cause that repeats itself from filling the log: one line a minute, with how many it stands for."""

    INTERVAL_S = 60.0

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._quiet_until: dict[str, float] = {}
        self._silenced: dict[str, int] = {}

    def warn(self, cause: str, detail: object, now: float) -> None:
        """Log a warning about `cause`, which must be one of a few: they are kept for ever."""
        if now < self._quiet_until.get(cause, float("-inf")):
            self._silenced[cause] = self._silenced.get(cause, 0) + 1
            return
        self._quiet_until[cause] = now + self.INTERVAL_S
        self._logger.warning(cause, extra={"detail": detail, "silenced": self._silenced.pop(cause, 0)})
