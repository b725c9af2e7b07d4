"""`trunkline serve`: a small program that runs the front and the workers, and starts again what dies.

It holds no stream and no session: when it is killed itself, front and workers carry on, and the next launcher in the
same runtime directory takes them over. That is also how it becomes new code: it takes them over from itself.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from router import logs
from router.programs import commands, launched, runtime_dir
from router.programs.commands import LISTENING, READY
from router.programs.launched import Launched
from router.programs.process import Program
from router.programs.supervisor import Supervisor, ending
from router.settings import Settings
from router.settings import sources as settings_sources

log = logs.get_logger(__name__)

UPGRADE = signal.SIGUSR2
"""Become the code that is installed now, with the same pid, options and programs; nginx and gunicorn take it so too."""
STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
TRY_TIMEOUT_S = 30.0
"""How long new code may take to say that it can run: hooks are loaded in that time."""
SIGNAL_TURNS = 5
"""Turns of the loop in which a signal that came before is heard: it reads of it in one, and calls in the next."""

Command = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Listening:
    """The front holds its ports and its runtime directory: nobody else's workers are there."""


@dataclass(frozen=True, slots=True)
class _Upgrade:
    """Become the code that is installed now."""


@dataclass(frozen=True, slots=True)
class _Stop:
    """Stop everything and exit with this status."""

    status: int


class Launcher:
    """One front, its workers, and the reasons to stop them."""

    def __init__(
        self, settings: Settings, front: Command, workers: Sequence[Command], found: Launched | None = None
    ) -> None:
        """Take the commands of the front, which finds its settings on standard input, and of each worker.

        `found` has what of them runs already: it was ready before, and its workers are as many.
        """
        self._settings = settings
        self._events: asyncio.Queue[_Listening | _Upgrade | _Stop] = asyncio.Queue()
        self._found = found
        self._ready_line = found.ready if found is not None else ""
        self._announced = False
        self._told_to_stop = asyncio.Event()
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
        self._worker_count = len(worker_programs)
        timeout_s = settings.stop_timeout_s
        self._front = Supervisor([front_program], stop_timeout_s=timeout_s, on_start=self._note)
        self._workers = Supervisor(worker_programs, stop_timeout_s=timeout_s, on_start=self._note)

    async def run(self) -> int:
        """Run the router until a signal or a failure to start; give the exit status.

        Raises:
            OSError: a program can't be started.
        """
        self._listen_to_signals()
        try:
            if self._found is not None:
                await self._take_over(self._found)
            else:
                await self._front.start()
            while not isinstance(event := await self._events.get(), _Stop):
                if isinstance(event, _Upgrade):
                    await self._upgrade()
                else:
                    await self._workers.start()
            return event.status
        finally:
            # The front first: it closes sessions in order, through its workers.
            self._stopping = True
            await self._front.stop()
            await self._workers.stop()
            runtime_dir.sweep(self._settings.runtime_dir)
            launched.forget(self._settings.runtime_dir)
            log.info("stopped")

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in STOP:
            # nohup's way to say that the end of the terminal is not the end of the program
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                loop.add_signal_handler(number, self._signalled, number)
        loop.add_signal_handler(UPGRADE, self._events.put_nowait, _Upgrade())
        # The code that this process ran before has held them back until here, see `_become`.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*STOP, UPGRADE))

    async def _take_over(self, found: Launched) -> None:
        self._adopt_ports()
        await self._front.start(found.programs)
        await self._workers.start(found.programs)
        if "front" in found.programs:
            self._announce()

    def _adopt_ports(self) -> None:
        """Let a front that is started again come back where its clients look for it, also if it picked its ports."""
        words = dict(word.split("=", 1) for word in self._ready_line.removeprefix(READY).split())
        ports = {f"{side}_port": urlsplit(words[side]).port for side in ("publish", "client")}
        self._settings = self._settings.model_copy(update=ports)

    def _announce(self) -> None:
        if self._announced:
            return
        self._announced = True
        with contextlib.suppress(OSError):  # nobody reads; that is no reason to stop
            print(self._ready_line, flush=True)

    def _note(self) -> None:
        """Leave word of what runs, for the next launcher."""
        pids = self._front.pids | self._workers.pids
        try:
            launched.note(self._settings.runtime_dir, self._ready_line, self._worker_count, pids)
        except OSError as error:
            log.error("can't note what runs: another `serve` could not take it over", reason=str(error))

    def _signalled(self, number: signal.Signals) -> None:
        log.info("stopping", signal=number.name)
        self._told_to_stop.set()
        if self._stopping:  # asked twice: somebody is in a hurry
            self._front.kill()
            self._workers.kill()
        self._events.put_nowait(_Stop(0))

    # -- new code ----------------------------------------------------------------------------------------------------

    async def _upgrade(self) -> None:
        """Become the installed code, if that can run with this program's options; otherwise carry on as it is."""
        if not self._ready_line:
            log.error("can't upgrade before the router is ready")
            return
        command = [sys.executable, *sys.orig_argv[1:]]
        reason = await self._try([*command, "--check"])
        if self._told_to_stop.is_set():
            return
        if reason is not None:
            log.error("can't upgrade: the new code, or the settings, are refused", reason=reason)
            return
        log.info("upgrading", pid=os.getpid())
        await self._become(command)

    async def _try(self, command: list[str]) -> str | None:
        """Run a command to its end, or until this program is told to stop; say what is wrong with it."""
        trial = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
        tasks = [asyncio.create_task(trial.wait()), asyncio.create_task(self._told_to_stop.wait())]
        await asyncio.wait(tasks, timeout=TRY_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        tasks[1].cancel()
        if trial.returncode is None:
            trial.kill()
            await trial.wait()
            return f"no answer within {TRY_TIMEOUT_S:g} s"
        return ending(trial.returncode) if trial.returncode else None

    async def _become(self, command: list[str]) -> None:
        self._note()
        # Between the two programs a signal would just end this process, and leave the others without a launcher.
        signal.pthread_sigmask(signal.SIG_BLOCK, (*STOP, UPGRADE))
        try:
            for _ in range(SIGNAL_TURNS):
                await asyncio.sleep(0)
            if not self._told_to_stop.is_set():
                os.execv(command[0], command)
        except OSError as error:
            log.error("can't upgrade", reason=str(error))
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (*STOP, UPGRADE))

    # -- what the programs say and how they end ----------------------------------------------------------------------

    def _front_said(self, line: str) -> None:
        if line.startswith(READY):
            if not self._ready_line:
                self._ready_line = line
                self._adopt_ports()
                self._note()
            self._announce()
        elif line == LISTENING and not self._ready_line:
            self._events.put_nowait(_Listening())

    def _front_ended(self, status: int | None) -> bool:
        if not self._ready_line:
            assert status is not None  # it is our child: only a router that was ready is taken over
            # It has said why itself, unless it was not asked.
            if status < 0:
                log.error("front ended before it was ready", reason=ending(status))
            self._events.put_nowait(_Stop(status if status > 0 else 1))
        return bool(self._ready_line)

    def _worker_ended(self, status: int | None) -> bool:
        # One that ends by itself while the router starts would do so every time; one that is killed would not.
        if not self._ready_line and status is not None and status > 0:
            log.error("worker can't start", reason=ending(status))
            self._events.put_nowait(_Stop(1))
            return False
        return True


def run(settings: Settings) -> int:
    """Run the front and its workers until a signal; give the exit status."""
    try:
        lock = runtime_dir.hold_for_launcher(settings.runtime_dir)
    except runtime_dir.RuntimeDirError as error:
        print(f"trunkline: {error}", file=sys.stderr)
        return 1
    try:
        return asyncio.run(_run(settings))
    except OSError as error:
        print(f"trunkline: {error}", file=sys.stderr)
        return 1
    finally:
        os.close(lock)


async def _run(settings: Settings) -> int:
    found = launched.find(settings.runtime_dir)
    if found is not None and not found.ready:  # nobody was ever served: there is nothing to keep
        log.info("ending what a killed launcher had begun to start", programs=", ".join(sorted(found.programs)))
        await _end(found, settings.stop_timeout_s)
        found = None
    if found is not None and found.workers != settings.worker_count:
        log.warning("workers stay as many as they are until the router is stopped", workers=found.workers)
        settings = settings.model_copy(update={"workers": found.workers})
    workers = [commands.worker_command(settings, index) for index in range(settings.worker_count)]
    return await Launcher(settings, commands.front_command(settings), workers, found).run()


async def _end(found: Launched, timeout_s: float) -> None:
    ends = [asyncio.create_task(each.ended()) for each in found.programs.values()]
    for each in found.programs.values():
        each.ask_to_end()
    _, late = await asyncio.wait(ends, timeout=timeout_s)
    if late:
        for each in found.programs.values():
            each.kill()
        await asyncio.wait(late)
