"""Keeps programs running: starts them, starts again what dies, stops them in order.

Each program leads a session of its own: a Ctrl-C in the terminal reaches whoever supervises, and only that; and when
the supervisor is killed, its programs carry on, and the next one may take them over.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Mapping, Sequence

from router import logs
from router.programs.process import Child, Found, Program, Running

log = logs.get_logger(__name__)

WATCH_AGAIN_S = 1.0
"""How soon a program is watched again that could not be."""


class RestartDelay:
    """How long to wait before a program is started again: at first not at all, then longer and longer."""

    SERVED_S = 1.0
    """One that ended in order after less has hardly been told to: started again at once, it would do so for ever."""

    def __init__(self, first_s: float = 0.1, most_s: float = 10.0, stable_s: float = 30.0) -> None:
        self._first_s, self._most_s, self._stable_s = first_s, most_s, stable_s
        self._next_s = 0.0

    def after(self, ran_s: float, *, in_order: bool = False) -> float:
        """Give the delay after the program ran for so long; `stable_s` of running wipes the slate.

        An end in order, as a drained worker's, counts for nothing.
        """
        if in_order and ran_s >= self.SERVED_S:
            return 0.0
        delay_s = 0.0 if ran_s >= self._stable_s else self._next_s
        self._next_s = min(self._most_s, max(self._first_s, 2 * delay_s))
        return delay_s


class Supervisor:
    """Runs a group of programs, each until `stop`."""

    def __init__(
        self, programs: Sequence[Program], *, stop_timeout_s: float, on_start: Callable[[], None] = lambda: None
    ) -> None:
        """`on_start` is called whenever a program was started or taken over."""
        self._programs = programs
        self._stop_timeout_s = stop_timeout_s
        self._on_start = on_start
        self._stopping = asyncio.Event()
        self._running: dict[str, Running] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def running(self) -> list[tuple[Program, Running]]:
        """The programs that run just now, and their processes."""
        return [(each, self._running[each.name]) for each in self._programs if each.name in self._running]

    async def start(self, found: Mapping[str, Found] | None = None) -> None:
        """Start every program, but for those `found` running: these are taken over, by their names.

        Raises:
            OSError: one can't be started; those before it run, so `stop` is still to be called.
        """
        for program in self._programs:
            running: Running
            if found and program.name in found:
                running = self._running[program.name] = found[program.name]
                log.info("program taken over", name=program.name, pid=running.pid)
            else:
                running = self._start_one(program)
            self._tasks.append(asyncio.create_task(self._keep(program, running), name=f"keep {program.name}"))
        self._on_start()

    async def stop(self) -> None:
        """Ask every program to end, wait for that, and kill those that take longer than `stop_timeout_s`."""
        self._stopping.set()
        for running in self._running.values():
            running.ask_to_end()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._stop_timeout_s)
            if late:
                log.warning("killed what did not end in time", programs=", ".join(sorted(self._running)))
                self.kill()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def kill(self) -> None:
        """Kill every program at once, with all that they started; none is started again."""
        self._stopping.set()
        for running in self._running.values():
            running.kill()

    def _start_one(self, program: Program) -> Child:
        child = self._running[program.name] = Child(program)
        log.info("program started", name=program.name, pid=child.pid)
        return child

    async def _keep(self, program: Program, running: Running) -> None:
        """Wait for a program's end and start it again, for ever."""
        delays = RestartDelay()
        while True:
            try:
                status = await running.ended()
            except OSError as error:  # no descriptors left, for now
                log.error("program can't be watched", name=program.name, reason=str(error))
                await asyncio.sleep(WATCH_AGAIN_S)
                continue
            del self._running[program.name]
            if self._stopping.is_set() or (program.on_exit is not None and not program.on_exit(status)):
                return
            # One that somebody told to end did as it was told.
            delay_s = delays.after(time.monotonic() - running.started, in_order=status == 0)
            say = log.info if status == 0 else log.warning
            say("program ended", name=program.name, pid=running.pid, reason=ending(status), restart_in_s=delay_s)
            while not await self._stopped_within(delay_s):
                try:
                    running = self._start_one(program)
                    self._on_start()
                    break
                except OSError as error:  # no memory or no processes left, for now
                    delay_s = delays.after(0)
                    log.error("program can't be started", name=program.name, reason=str(error), restart_in_s=delay_s)
            else:
                return

    async def _stopped_within(self, delay_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), delay_s)
        return self._stopping.is_set()


def ending(status: int | None) -> str:
    """Say how a program ended, for people."""
    if status is None:
        return "unknown, it was another's child"
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:  # the real-time signals have no names
        return f"signal {-status}"
