"""The worker's log lines on standard error, in the front's two forms (text and JSON), by the standard library alone.

Structlog would double a worker's time to start. Fields come by `extra`: session, connection, mount, reason ...
"""

import logging
import sys
import time
from collections.abc import Callable, Mapping

from workers.shared.log_text import as_json, as_text

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class _Formatter(logging.Formatter):
    def __init__(self, program: str, render: Callable[[Mapping[str, object]], str]) -> None:
        super().__init__()
        self._program = program
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        """Write a record, with what came by `extra`."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        event: dict[str, object] = {
            "time": f"{at}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "program": self._program,
            "event": record.getMessage(),
        }
        event.update((key, value) for key, value in record.__dict__.items() if key not in _STANDARD)
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return self._render(event)


def configure(worker: int, level: str, form: str) -> logging.Logger:
    """Make the worker's logger; `form` is "text" or "json"."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(f"worker {worker}", as_json if form == "json" else as_text))
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
