"""Totals that no worker can tell a new front, in the runtime directory: written before they are shown to anybody."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from router.logs import get_logger

log = get_logger(__name__)


class SavedTotals:
    """One file, written whole or not at all: the front may be killed at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = ""

    def read(self) -> Any:
        """Give what was written last; None where there is nothing."""
        with contextlib.suppress(OSError, ValueError):
            return json.loads(self._path.read_bytes())
        return None

    def write(self, totals: object) -> None:
        """Write totals that have changed."""
        text = json.dumps(totals)
        if text == self._written:
            return
        fresh = self._path.with_suffix(".new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(text)
            fresh.rename(self._path)
        except OSError as error:
            log.warning("totals can't be written: they would begin anew with the next front", reason=str(error))
        self._written = text

    def remove(self) -> None:
        """Let the next router begin at zero."""
        self._path.unlink(missing_ok=True)
