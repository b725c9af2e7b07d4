"""`trunkline serve`: a small program that runs the front and the workers, and starts again what dies.

It holds no stream and no session: when it is killed itself, front and workers carry on.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from router import logs
from router.programs import commands, runtime_dir
from router.programs.commands import LISTENING, READY
from router.programs.supervisor import Program, Supervisor, ending
from router.settings import Settings
from router.settings import sources as settings_sources

log = logs.get_logger(__name__)

Command = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Listening:
    """The front holds its ports and its runtime directory: nobody else's workers are there."""


@dataclass(frozen=True, slots=True)
class _Stop:
    """Stop everything and exit with this status."""

    status: int


class Launcher:
    """One front, its workers, and the reasons to stop them."""

    def __init__(self, settings: Settings, front: Command, workers: Sequence[Command]) -> None:
        """Take the commands of the front, which finds its settings on standard input, and of each worker."""
        self._settings = settings
        self._events: asyncio.Queue[_Listening | _Stop] = asyncio.Queue()
        self._ready = False
        self._stopping = False
        environment = commands.environment()
        front_program = Program(
            "front",
            front,
            environment,
            stdin=lambda: settings_sources.to_json(self._settings),
            on_line=self._front_said,
            on_exit=self._front_ended,
        )
        worker_programs = [
            Program(f"worker {index}", command, environment, on_exit=self._worker_ended)
            for index, command in enumerate(workers)
        ]
        self._front = Supervisor([front_program], stop_timeout_s=settings.stop_timeout_s)
        self._workers = Supervisor(worker_programs, stop_timeout_s=settings.stop_timeout_s)

    async def run(self) -> int:
        """Run the router until a signal or a failure to start; give the exit status.

        Raises:
            OSError: a program can't be started.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # nohup's way to say that the end of the terminal is not the end of the program
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                loop.add_signal_handler(number, self._signalled, number)
        try:
            await self._front.start()
            while not isinstance(event := await self._events.get(), _Stop):
                await self._workers.start()
            return event.status
        finally:
            # The front first: it closes sessions in order, through its workers.
            self._stopping = True
            await self._front.stop()
            await self._workers.stop()
            runtime_dir.sweep(self._settings.runtime_dir)
            log.info("stopped")

    def _signalled(self, number: signal.Signals) -> None:
        log.info("stopping", signal=number.name)
        if self._stopping:  # asked twice: somebody is in a hurry
            self._front.kill()
            self._workers.kill()
        self._events.put_nowait(_Stop(0))

    def _front_said(self, line: str) -> None:
        if self._ready:
            return
        if line == LISTENING:
            self._events.put_nowait(_Listening())
        elif line.startswith(READY):
            self._ready = True
            # A front that is started again must come back where its clients look for it, also if it picked its ports.
            ports = dict(word.split("=", 1) for word in line.removeprefix(READY).split())
            self._settings = self._settings.model_copy(
                update={f"{side}_port": urlsplit(ports[side]).port for side in ("publish", "client")}
            )
            with contextlib.suppress(OSError):  # nobody reads; that is no reason to stop
                print(line, flush=True)

    def _front_ended(self, status: int) -> bool:
        if not self._ready:
            # It has said why itself, unless it was not asked.
            if status < 0:
                log.error("front ended before it was ready", reason=ending(status))
            self._events.put_nowait(_Stop(status if status > 0 else 1))
        return self._ready

    def _worker_ended(self, status: int) -> bool:
        # One that ends by itself while the router starts would do so every time; one that is killed would not.
        if not self._ready and status > 0:
            log.error("worker can't start", reason=ending(status))
            self._events.put_nowait(_Stop(1))
            return False
        return True


def run(settings: Settings) -> int:
    """Run the front and its workers until a signal; give the exit status."""
    workers = [commands.worker_command(settings, index) for index in range(settings.worker_count)]
    try:
        return asyncio.run(Launcher(settings, commands.front_command(settings), workers).run())
    except OSError as error:
        print(f"trunkline: {error}", file=sys.stderr)
        return 1
