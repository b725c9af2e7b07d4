"""The swarm's program: a crowd, and commands to it as JSON lines.

Each command has a number and is answered by one line with that number when it is done. Many may be under way: a
handshake with a router whose front has just died takes until the next one is there. Handshakes are made in threads.
"""

import contextlib
import json
import os
import queue
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from router.bench import program
from router.rtsp.client import RtspError
from tests.support.swarm.crowd import Crowd
from tests.support.swarm.dialog import Dialog

_HANDSHAKES_AT_A_TIME = 16
_QUIET_S = 1.0
"""Once nothing is sent any more, what does not come for so long is lost."""
_ANSWERS_S = 5.0
_STDIN = 0

Command = dict[str, Any]
Ready = Callable[[], bool]
"""Whether a command is done; answers it if so."""


class Commands:
    """Reads commands and answers them."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.stopped: int | None = None
        """The command to stop, once it has come."""
        self._numbers = 0
        self._unread = b""
        self._under_way: list[Ready] = []
        self._done: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK)
        self._threads = ThreadPoolExecutor(_HANDSHAKES_AT_A_TIME)
        os.set_blocking(_STDIN, False)
        crowd.follow(_STDIN, self._read)
        crowd.follow(self._wake, self._take_done)

    def turn(self) -> None:
        """Let the crowd have a turn, and see which commands are done."""
        self.crowd.turn()
        self._under_way = [each for each in self._under_way if not each()]

    def _read(self) -> None:
        data = os.read(_STDIN, 1 << 16)
        if not data:
            os._exit(1)
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            command: Command = json.loads(line)
            getattr(self, f"on_{command['command']}")(command)

    def answer(self, ticket: int, **fields: Any) -> None:
        """Say that a command is done."""
        program.say("done", ticket=ticket, **fields)

    # -- handshakes ---------------------------------------------------------------------------------------------

    def on_publish(self, command: Command) -> None:
        """Publish mounts, each [mount, transport]."""

        def shake_hands(mount: int, transport: str) -> Callable[[], None]:
            publisher = self.crowd.shake_hands_to_publish(mount, transport)
            return lambda: self.crowd.published(mount, publisher)

        self._in_threads(command["ticket"], shake_hands, command["mounts"])

    def on_read(self, command: Command) -> None:
        """Let readers join, each [mount, transport]."""

        def shake_hands(number: int, mount: int, transport: str) -> Callable[[], None]:
            session = self.crowd.shake_hands_to_read(number, mount, transport)
            return lambda: self.crowd.joined(session)

        numbered = [[number, *each] for number, each in enumerate(command["readers"], self._numbers)]
        self._numbers += len(numbered)
        self._in_threads(command["ticket"], shake_hands, numbered)

    def _in_threads(self, ticket: int, shake_hands: Callable[..., Callable[[], None]], each: list[list[Any]]) -> None:
        """Shake hands for each in threads; what that gives is done in the loop."""
        results: list[str] = []

        def take(arguments: list[Any]) -> None:
            try:
                then, failure = shake_hands(*arguments), ""
            except (RtspError, OSError) as error:
                then, failure = _nothing, str(error) or repr(error)

            def done() -> None:
                then()
                results.append(failure)

            self._done.put(done)
            os.eventfd_write(self._wake, 1)

        def ready() -> bool:
            if len(results) < len(each):
                return False
            self.answer(ticket, failures=[failure for failure in results if failure])
            return True

        for arguments in each:
            self._threads.submit(take, arguments)
        self._under_way.append(ready)

    def _take_done(self) -> None:
        os.eventfd_read(self._wake)
        with contextlib.suppress(queue.Empty):
            while True:
                self._done.get_nowait()()

    # -- comings and goings -------------------------------------------------------------------------------------

    def on_leave(self, command: Command) -> None:
        """Let readers tear their sessions down."""
        leaving = [each for each in self.crowd.sessions if each.number in command["readers"]]

        def ready() -> bool:
            for session in [*leaving]:
                session.dialog.ask("TEARDOWN", time.monotonic())
                if session.dialog.torn_down or session.dialog.closed_at is not None:
                    leaving.remove(session)
                    self.crowd.part(session, "left")
            if not leaving:
                self.answer(command["ticket"])
            return not leaving

        self._under_way.append(ready)

    def on_vanish_readers(self, command: Command) -> None:
        """Let readers go without a word."""
        for session in [each for each in self.crowd.sessions if each.number in command["readers"]]:
            self.crowd.part(session, "vanished")
        self.answer(command["ticket"])

    def on_vanish(self, command: Command) -> None:
        """Let publishers go without a word."""
        for mount in command["mounts"]:
            self.crowd.vanish(mount)
        self.answer(command["ticket"])

    # -- reports ------------------------------------------------------------------------------------------------

    def on_mark(self, command: Command) -> None:
        """Begin to watch for gaps anew."""
        self.crowd.mark()
        self.answer(command["ticket"])

    def on_settle(self, command: Command) -> None:
        """Report once all open readers have got a packet that was sent after this, or after `timeout_s`."""
        marks = {mount: sent + 1 for mount, sent in self.crowd.marks().items()}
        deadline = time.monotonic() + command["timeout_s"]

        def ready() -> bool:
            missing = self.crowd.missing(marks)
            if missing and time.monotonic() < deadline:
                return False
            self.answer(command["ticket"], waiting=missing, **self.crowd.report())
            return True

        self._under_way.append(ready)

    def on_report(self, command: Command) -> None:
        """Report."""
        self.answer(command["ticket"], **self.crowd.report())

    def on_stop(self, command: Command) -> None:
        """Stop sending; the last report comes when all has come that will."""
        self.stopped = command["ticket"]

    def finish(self, ticket: int) -> None:
        """Wait for what has been sent, as long as anything comes, count what never does, and tear all down."""
        crowd = self.crowd
        crowd.sending, crowd.keep_alive_s = False, 0.0
        marks = crowd.marks()
        delivered, quiet_at = -1, 0.0
        answers_by = time.monotonic() + _ANSWERS_S
        while True:
            self.turn()
            now, total = time.monotonic(), sum(each.watch.verdict.delivered for each in crowd.sessions)
            if total != delivered:
                delivered, quiet_at = total, now + _QUIET_S
            asking = any(each.dialog.asked for each in crowd.sessions if each.open)
            if (now >= quiet_at or not crowd.missing(marks)) and (not asking or now >= answers_by):
                break
        for each in crowd.sessions:
            if each.open and each.watch.next is not None and each.watch.mount in marks:
                each.watch.finish(marks[each.watch.mount])
        report = crowd.report()
        self._tear_down([each.dialog for each in crowd.sessions if each.open])
        self._tear_down(
            [each.dialog for each in crowd.senders if each.dialog is not None and each.publisher is not None]
        )
        self.answer(ticket, **report)

    def _tear_down(self, dialogs: list[Dialog]) -> None:
        deadline = time.monotonic() + _ANSWERS_S
        for each in dialogs:
            each.ask("TEARDOWN", time.monotonic())
        while any(each.asked and each.closed_at is None for each in dialogs) and time.monotonic() < deadline:
            self.turn()


def _nothing() -> None:
    """Be what is left to do after a failure."""


def main() -> None:
    """Run the program."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the tests, which end it
    commands = Commands(Crowd(program.begin(), sys.argv[1]))
    while commands.stopped is None:
        commands.turn()
    commands.finish(commands.stopped)
    os._exit(0)  # threads that still wait for a router's answer are of no use to anyone


if __name__ == "__main__":
    main()
