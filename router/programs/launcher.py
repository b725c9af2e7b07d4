"""`trunkline serve`: a small program that runs the front and the workers, and starts again what dies.

It holds no stream and no session: when it is killed itself, front and workers carry on, and the next launcher in the
same runtime directory takes them over. That is also how it becomes new code: it takes them over from itself.
"""

import asyncio
import contextlib
import functools
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from router import logs
from router.programs import kinds, launched, runtime_dir
from router.programs.kinds import KINDS, READY, ProgramKind
from router.programs.launched import Launched
from router.programs.process import Program, Running
from router.programs.supervisor import Supervisor, ending
from router.programs.watchdog import Watchdog
from router.settings import Settings
from router.settings import sources as settings_sources

log = logs.get_logger(__name__)

UPGRADE = signal.SIGUSR2
"""Become the code that is installed now, with the same pid, options and programs; nginx and gunicorn take it so too."""
STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LOOK_AT_FILES_S = 1.0
"""How often the files of the runtime directory are looked at."""
TRY_TIMEOUT_S = 30.0
"""How long new code may take to say that it can run: hooks are loaded in that time."""
SIGNAL_TURNS = 5
"""Turns of the loop in which a signal that came before is heard: it reads of it in one, and calls in the next."""


@dataclass(frozen=True, slots=True)
class _Listening:
    """All programs of one kind listen: the next kind may start."""

    kind: ProgramKind


@dataclass(frozen=True, slots=True)
class _Upgrade:
    """Become the code that is installed now."""


@dataclass(frozen=True, slots=True)
class _Stop:
    """Stop everything and exit with this status."""

    status: int


class Launcher:
    """The programs of one router, and the reasons to stop them."""

    def __init__(
        self,
        settings: Settings,
        kinds: Sequence[ProgramKind] = KINDS,
        found: Launched | None = None,
        hold: runtime_dir.LauncherHold | None = None,
    ) -> None:
        """`found` has what runs already: it was ready before, and its workers are as many. `hold` is restored where
        somebody removes its file."""
        self._settings = settings
        self._hold = hold
        self._events: asyncio.Queue[_Listening | _Upgrade | _Stop] = asyncio.Queue()
        self._found = found
        self._ready_line = found.ready if found is not None else ""
        self._announced = False
        self._told_to_stop = asyncio.Event()
        self._stopping = False
        self._watchdog = Watchdog(settings.runtime_dir / runtime_dir.NOTICES, self._running, self._listens)
        self._silent: dict[ProgramKind, set[str]] = {}
        """The programs of each kind that have not said yet that they listen."""
        self._groups = {kind: self._group(kind) for kind in kinds}

    def _group(self, kind: ProgramKind) -> Supervisor:
        environment = kinds.environment() | self._watchdog.environment(kind.watchdog_s)
        programs = [
            Program(
                kind.program_name(number),
                kind.command(self._settings, number),
                environment,
                stdin=(lambda: settings_sources.to_json(self._settings)) if kind.serves_clients else None,
                on_line=self._said if kind.serves_clients else None,
                on_exit=functools.partial(self._ended, kind),
                watchdog_s=kind.watchdog_s,
            )
            for number in kind.numbers(self._settings)
        ]
        self._silent[kind] = {program.name for program in programs}
        return Supervisor(programs, stop_timeout_s=self._settings.stop_timeout_s, on_start=self._note)

    def _running(self) -> list[tuple[Program, Running]]:
        return [each for group in self._groups.values() for each in group.running]

    async def run(self) -> int:
        """Run the router until a signal or a failure to start; give the exit status.

        Raises:
            OSError: a program can't be started.
        """
        self._listen_to_signals()
        keeping = asyncio.get_running_loop().create_task(self._keep_files())
        try:
            if self._found is not None:
                await self._take_over(self._found)
            else:
                self._watchdog.start()
                await next(iter(self._groups.values())).start()
            while not isinstance(event := await self._events.get(), _Stop):
                if isinstance(event, _Upgrade):
                    await self._upgrade()
                else:
                    await self._start_after(event.kind)
            return event.status
        finally:
            self._stopping = True
            keeping.cancel()
            self._watchdog.close()
            for group in self._groups.values():  # the front first: it closes sessions in order, through its workers
                await group.stop()
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
        self._watchdog.start(each.pid for each in found.programs.values())
        for group in self._groups.values():
            await group.start(found.programs)
        if all(kind.program_name(0) in found.programs for kind in self._groups if kind.serves_clients):
            self._announce()

    async def _start_after(self, kind: ProgramKind) -> None:
        order = list(self._groups)
        for following in order[order.index(kind) + 1 :][:1]:
            await self._groups[following].start()

    def _adopt_ports(self) -> None:
        """Let a front that is started again come back where its clients look for it, also if it picked its ports."""
        words = dict(word.split("=", 1) for word in self._ready_line.removeprefix(READY).split(" ", 3))
        ports = {f"{side}_port": urlsplit(words[side]).port for side in ("publish", "client")}
        self._settings = self._settings.model_copy(update=ports)

    def _announce(self) -> None:
        if self._announced:
            return
        self._announced = True
        with contextlib.suppress(OSError):  # nobody reads; that is no reason to stop
            print(self._ready_line, flush=True)

    async def _keep_files(self) -> None:
        """Make the files of the runtime directory again where somebody removes them."""
        said = ""
        while True:
            await asyncio.sleep(LOOK_AT_FILES_S)
            try:
                if self._hold is not None:
                    self._hold.restore()
                self._watchdog.listen_again()
                if self._ready_line and not (self._settings.runtime_dir / runtime_dir.PROGRAMS).exists():
                    self._note()
                said = ""
            except (runtime_dir.RuntimeDirError, OSError) as error:
                if str(error) != said:
                    said = str(error)
                    log.error("runtime directory can't be restored", reason=said)

    def _note(self) -> None:
        """Leave word of what runs, for the next launcher."""
        pids = {program.name: running.pid for program, running in self._running()}
        try:
            launched.note(self._settings.runtime_dir, self._ready_line, self._settings.worker_count, pids)
        except OSError as error:
            log.error("can't note what runs: another `serve` could not take it over", reason=str(error))

    def _signalled(self, number: signal.Signals) -> None:
        log.info("stopping", signal=number.name)
        self._told_to_stop.set()
        if self._stopping:  # asked twice: somebody is in a hurry
            for group in self._groups.values():
                group.kill()
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

    def _said(self, line: str) -> None:
        if line.startswith(READY):
            if not self._ready_line:
                self._ready_line = line
                self._adopt_ports()
                self._note()
            self._announce()

    def _listens(self, pid: int) -> None:
        if self._ready_line:  # one that was started again
            return
        name = next((program.name for program, running in self._running() if running.pid == pid), "")
        for kind, silent in self._silent.items():
            if name in silent:
                silent.remove(name)
                if not silent:
                    self._events.put_nowait(_Listening(kind))

    def _ended(self, kind: ProgramKind, status: int | None) -> bool:
        """Tell whether a program is started again; one that ends before the router was ready may end the start."""
        if self._ready_line:
            return True
        assert status is not None  # it is our child: only a router that was ready is taken over
        if status <= 0 and not kind.killed_is_failed:
            return True
        log.error("program ended before the router was ready", name=kind.name, reason=ending(status))
        self._events.put_nowait(_Stop(status if status > 0 and kind.serves_clients else 1))
        return False


def run(settings: Settings) -> int:
    """Run the front and its workers until a signal; give the exit status."""
    try:
        hold = runtime_dir.LauncherHold(settings.runtime_dir)
    except runtime_dir.RuntimeDirError as error:
        print(f"trunkline: {error}", file=sys.stderr)
        return 1
    try:
        return asyncio.run(_run(settings, hold))
    except OSError as error:
        print(f"trunkline: {error}", file=sys.stderr)
        return 1
    finally:
        hold.let_go()


async def _run(settings: Settings, hold: runtime_dir.LauncherHold) -> int:
    # From here on a number, and this process's: front and workers may be bound to other CPUs.
    settings = settings.counted()
    found = launched.find(settings.runtime_dir)
    if found is not None and not found.ready:  # nobody was ever served: there is nothing to keep
        log.info("ending what a killed launcher had begun to start", programs=", ".join(sorted(found.programs)))
        await _end(found, settings.stop_timeout_s)
        found = None
    if found is not None and found.workers != settings.worker_count:
        log.warning("workers stay as many as they are until the router is stopped", workers=found.workers)
        settings = settings.model_copy(update={"workers": found.workers})
    return await Launcher(settings, found=found, hold=hold).run()


async def _end(found: Launched, timeout_s: float) -> None:
    ends = [asyncio.create_task(each.ended()) for each in found.programs.values()]
    for each in found.programs.values():
        each.ask_to_end()
    _, late = await asyncio.wait(ends, timeout=timeout_s)
    if late:
        for each in found.programs.values():
            each.kill()
        await asyncio.wait(late)
