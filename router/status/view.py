"""`trunkline status`: draws what a running front says of itself."""

import sys
import time

from rich.console import Console

from router.status import tables

NO_TERMINAL_WIDTH = 1_000_000
"""Wider than any document: a table takes no more than it needs."""


def show(document: str) -> None:
    """Draw a status document on standard output, as tables."""
    # Programs take --json; where nobody looks at a terminal, nothing is cut or folded to fit one.
    console = Console(width=None if sys.stdout.isatty() else NO_TERMINAL_WIDTH, highlight=False)
    tables.draw(document, console, time.time())
