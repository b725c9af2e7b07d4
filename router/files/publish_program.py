"""`trunkline publish`: a file to any RTSP server, with its progress on standard error."""

import asyncio
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from router.files.errors import FileError
from router.files.publication import Publication, PublishError

SHOWN_EVERY_S = 0.25
LINE_EVERY_S = 5.0
"""Where no terminal draws the progress: often enough to see that it lives, seldom enough for a log."""
LEAVE_S = 3.0
"""For taking leave of a server that doesn't answer any more."""


def run(path: Path, url: str, *, transport: str, loop: bool) -> int:
    """Publish until the file ends or a signal comes; gives the exit status."""
    try:
        publication = Publication(path, url, transport)
    except PublishError as error:
        return _fail(2, error)
    try:
        asyncio.run(_publish(publication, loop=loop))
    except (FileError, PublishError) as error:
        return _fail(1, error)
    return 0


async def _publish(publication: Publication, *, loop: bool) -> None:
    stop, accepted = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    publishing = asyncio.ensure_future(publication.run(stop, loop=loop, connected=accepted.set))
    leave_by = float("inf")
    with _display(publication) as display:
        while not publishing.done() and time.monotonic() < leave_by:
            await asyncio.wait([publishing], timeout=SHOWN_EVERY_S)
            if accepted.is_set():
                display.show()
            if stop.is_set():
                leave_by = min(leave_by, time.monotonic() + LEAVE_S)
        publishing.cancel()
        await asyncio.wait([publishing])
    if not publishing.cancelled():
        publishing.result()


class _Lines:
    """Progress for logs: a line now and then."""

    def __init__(self, publication: Publication) -> None:
        self._publication = publication
        self._next = 0.0

    def show(self) -> None:
        """Print a line if it is time for one."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + LINE_EVERY_S
            self._print()

    def end(self) -> None:
        if self._next:
            self._print()

    def _print(self) -> None:
        print(f"trunkline: {_words(self._publication)}", file=sys.stderr, flush=True)


class _Bar:
    """Progress for people: a bar over the length of the file."""

    def __init__(self, publication: Publication, console: Console) -> None:
        self._publication = publication
        self._bar = Progress(BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console)
        self._task = self._bar.add_task(f"to {publication.shown_url}", total=None)

    def show(self) -> None:
        """Draw it as it is now."""
        self._bar.start()
        length = self._publication.duration_s
        position = self._publication.progress.position_s
        self._bar.update(
            self._task,
            description=_words(self._publication),
            total=length or None,
            completed=position % length if length else position,
        )

    def end(self) -> None:
        if self._bar.live.is_started:
            self.show()
            self._bar.stop()


@contextmanager
def _display(publication: Publication) -> "Iterator[_Lines | _Bar]":
    console = Console(stderr=True)
    display = _Bar(publication, console) if console.is_terminal else _Lines(publication)
    try:
        yield display
    finally:
        display.end()


def _words(publication: Publication) -> str:
    done = publication.progress
    length = f" of {publication.duration_s:.1f}" if publication.duration_s else ""
    rate = done.bytes * 8 / done.position_s / 1000 if done.position_s else 0.0
    again = f", pass {done.passes + 1}" if done.passes else ""
    position = done.position_s % publication.duration_s if done.passes and length else done.position_s
    return f"{position:.1f}{length} s{again}, {done.frames} frames, {rate:,.0f} kbit/s to {publication.shown_url}"


def _fail(status: int, error: Exception) -> int:
    print(f"trunkline: {error}", file=sys.stderr)
    return status
