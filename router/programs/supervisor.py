"""Keeps programs running: starts them, starts again what dies, stops them in order.

Each program leads a session of its own: a Ctrl-C in the terminal reaches whoever supervises, and only that; and when
the supervisor is killed, its programs carry on.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from router import logs

log = logs.get_logger(__name__)

WATCH_AGAIN_S = 1.0
"""How soon a program is watched again that could not be."""
MAX_LINE_BYTES = 65_536
"""A program that writes more without an end of line isn't one of ours; what it wrote is dropped."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program to keep running.

    `stdin` gives what the program finds on its standard input, for each start anew. `on_line` hears each line of its
    standard output, which joins standard error without it. `on_exit` hears its exit status (negative: a signal) and
    tells whether to start it again; without it, always.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] | None = None
    stdin: Callable[[], bytes] | None = None
    on_line: Callable[[str], None] | None = None
    on_exit: Callable[[int], bool] | None = None


class RestartDelay:
    """How long to wait before a program is started again: at first not at all, then longer and longer."""

    def __init__(self, first_s: float = 0.5, most_s: float = 10.0, stable_s: float = 30.0) -> None:
        self._first_s, self._most_s, self._stable_s = first_s, most_s, stable_s
        self._next_s = 0.0

    def after(self, ran_s: float) -> float:
        """Give the delay after the program ran for so long; `stable_s` of running wipes the slate."""
        delay_s = 0.0 if ran_s >= self._stable_s else self._next_s
        self._next_s = min(self._most_s, max(self._first_s, 2 * delay_s))
        return delay_s


class Supervisor:
    """Runs a group of programs, each until `stop`."""

    def __init__(self, programs: Sequence[Program], *, stop_timeout_s: float) -> None:
        self._programs = programs
        self._stop_timeout_s = stop_timeout_s
        self._stopping = asyncio.Event()
        self._running: dict[str, _Child] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start every program.

        Raises:
            OSError: one can't be started; those before it run, so `stop` is still to be called.
        """
        for program in self._programs:
            child = self._start_one(program)
            self._tasks.append(asyncio.create_task(self._keep(program, child), name=f"keep {program.name}"))

    async def stop(self) -> None:
        """Ask every program to end, wait for that, and kill those that take longer than `stop_timeout_s`."""
        self._stopping.set()
        for child in self._running.values():
            child.process.send_signal(signal.SIGTERM)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._stop_timeout_s)
            if late:
                log.warning("killed what did not end in time", programs=", ".join(sorted(self._running)))
                self.kill()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def kill(self) -> None:
        """Kill every program at once, with all that they started; none is started again."""
        self._stopping.set()
        for child in self._running.values():
            if child.process.poll() is None:
                os.killpg(child.process.pid, signal.SIGKILL)

    def _start_one(self, program: Program) -> "_Child":
        child = self._running[program.name] = _Child(program)
        log.info("program started", name=program.name, pid=child.process.pid)
        return child

    async def _keep(self, program: Program, child: "_Child") -> None:
        """Wait for a program's end and start it again, for ever."""
        delays = RestartDelay()
        while True:
            try:
                status = await child.ended()
            except OSError as error:  # no descriptors left, for now
                log.error("program can't be watched", name=program.name, reason=str(error))
                await asyncio.sleep(WATCH_AGAIN_S)
                continue
            del self._running[program.name]
            if self._stopping.is_set() or (program.on_exit is not None and not program.on_exit(status)):
                return
            delay_s = delays.after(time.monotonic() - child.started)
            # One that somebody told to end did as it was told.
            say = log.info if status == 0 else log.warning
            say("program ended", name=program.name, pid=child.process.pid, reason=ending(status), restart_in_s=delay_s)
            while not await self._stopped_within(delay_s):
                try:
                    child = self._start_one(program)
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


class _Child:
    """One run of a program. Raises OSError if it can't be started."""

    def __init__(self, program: Program) -> None:
        stdin = subprocess.DEVNULL if program.stdin is None else _readable(program.stdin())
        try:
            self.process = subprocess.Popen(
                program.command,
                stdin=stdin,
                stdout=2 if program.on_line is None else subprocess.PIPE,
                env=program.environment,
                start_new_session=True,
            )
        finally:
            if stdin != subprocess.DEVNULL:
                os.close(stdin)
        self.started = time.monotonic()
        self._on_line = program.on_line
        self._partial = b""
        if self.process.stdout is not None:
            os.set_blocking(self.process.stdout.fileno(), False)
            asyncio.get_running_loop().add_reader(self.process.stdout.fileno(), self._read)

    async def ended(self) -> int:
        """Wait for the end and give the exit status; every line that was written has been heard by then."""
        # asyncio's own children wait for the pipes' end too, and what a hook started may hold those open for days.
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        pidfd = os.pidfd_open(self.process.pid)
        loop.add_reader(pidfd, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(pidfd)
            os.close(pidfd)
        if self.process.stdout is not None:
            self._read()
            loop.remove_reader(self.process.stdout.fileno())
            self.process.stdout.close()
        return self.process.wait()

    def _read(self) -> None:
        assert self.process.stdout is not None  # for the type checker: it is a pipe where this is called
        descriptor = self.process.stdout.fileno()
        data = b""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(descriptor, MAX_LINE_BYTES):
                data += chunk
            asyncio.get_running_loop().remove_reader(descriptor)  # its end; left alone it would be readable for ever
        *lines, partial = (self._partial + data).split(b"\n")
        self._partial = partial if len(partial) < MAX_LINE_BYTES else b""
        for line in lines:
            if self._on_line is not None:
                self._on_line(line.decode(errors="replace"))


def ending(status: int) -> str:
    """Say how a program ended, for people."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:  # the real-time signals have no names
        return f"signal {-status}"


def _readable(data: bytes) -> int:
    """Give a descriptor to read some bytes from: memory, so that nobody has to keep writing and nothing is on disk."""
    descriptor = os.memfd_create("stdin")
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
