"""One run of a program: started by this process, or found running where another one had started it."""

import asyncio
import contextlib
import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

MAX_LINE_BYTES = 65_536
"""A program that writes more without an end of line isn't one of ours; what it wrote is dropped."""
_START_TIME = 19
"""The start time among the words of /proc/PID/stat that follow the program's name: field 22 (proc(5))."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program to keep running.

    `stdin` gives what the program finds on its standard input, for each start anew. `on_line` hears each line of its
    standard output, which joins standard error without it. `on_exit` hears its exit status (negative: a signal; None:
    it was somebody else's child, and nobody tells) and tells whether to start it again; without it, always.
    `watchdog_s` is how long it may give no sign of life.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] | None = None
    stdin: Callable[[], bytes] | None = None
    on_line: Callable[[str], None] | None = None
    on_exit: Callable[[int | None], bool] | None = None
    watchdog_s: float = math.inf


class Running(Protocol):
    """A program that was running when this was made."""

    pid: int
    started: float
    """When, on the monotonic clock."""

    async def ended(self) -> int | None:
        """Wait for the end and give the exit status, None where it can't be known."""

    def ask_to_end(self) -> None:
        """Send SIGTERM, if it still runs."""

    def kill(self) -> None:
        """Kill it with all that it started, if it still runs."""


class Child:
    """A program that this process started. Raises OSError if it can't be."""

    def __init__(self, program: Program) -> None:
        stdin = subprocess.DEVNULL if program.stdin is None else _readable(program.stdin())
        try:
            self._process = subprocess.Popen(
                program.command,
                stdin=stdin,
                stdout=2 if program.on_line is None else subprocess.PIPE,
                env=program.environment,
                start_new_session=True,
            )
        finally:
            if stdin != subprocess.DEVNULL:
                os.close(stdin)
        self.pid = self._process.pid
        self.started = time.monotonic()
        self._on_line = program.on_line
        self._partial = b""
        if self._process.stdout is not None:
            os.set_blocking(self._process.stdout.fileno(), False)
            asyncio.get_running_loop().add_reader(self._process.stdout.fileno(), self._read)

    async def ended(self) -> int:
        """Wait for the end and give the exit status; every line that was written has been heard by then."""
        # asyncio's own children wait for the pipes' end too, and what a hook started may hold those open for days.
        pidfd = os.pidfd_open(self.pid)
        try:
            await _readable_soon(pidfd)
        finally:
            os.close(pidfd)
        if self._process.stdout is not None:
            self._read()
            asyncio.get_running_loop().remove_reader(self._process.stdout.fileno())
            self._process.stdout.close()
        return self._process.wait()

    def ask_to_end(self) -> None:
        """Send SIGTERM, if it still runs."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it with all that it started, if it still runs."""
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)

    def _read(self) -> None:
        assert self._process.stdout is not None  # for the type checker: it is a pipe where this is called
        descriptor = self._process.stdout.fileno()
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


class Found:
    """A program that somebody else started, or this very process before it became another program.

    Held by its pidfd, which never means another process, whatever becomes of the number.
    """

    def __init__(self, pid: int, start_time: int) -> None:
        """Take hold of a process. Raises ProcessLookupError if it has ended, also where another has its number now."""
        self.pid = pid
        self.started = time.monotonic()
        self._pidfd = os.pidfd_open(pid)
        try:
            if start_time_of(pid) != start_time:  # read after the process is held: so it is the one that is held
                raise ProcessLookupError(f"process {pid} is another one now")
        except BaseException:
            self.let_be()
            raise

    async def ended(self) -> int | None:
        """Wait for the end. The exit status is known of this process's children only."""
        await _readable_soon(self._pidfd)
        try:
            return self._reap()
        finally:
            self.let_be()

    def _reap(self) -> int | None:
        try:
            ended = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED)
        except ChildProcessError:
            return None
        assert ended is not None  # nothing asked not to wait
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def ask_to_end(self) -> None:
        """Send SIGTERM, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)

    def kill(self) -> None:
        """Kill it with all that it started, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, 0)
            os.killpg(self.pid, signal.SIGKILL)  # each of our programs leads a group of its own

    def let_be(self) -> None:
        """Give up the hold on the process."""
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1


def start_time_of(pid: int) -> int:
    """Tell when a process started, in the kernel's ticks since boot: with the pid it names one process for certain.

    Not psutil's `create_time`: that moves when somebody sets the clock.

    Raises:
        ProcessLookupError: there is none.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        raise ProcessLookupError(f"no process {pid}") from None
    return int(stat.rpartition(b")")[2].split()[_START_TIME])


async def _readable_soon(descriptor: int) -> None:
    """Wait until a descriptor can be read: a pidfd can when its process has ended."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)


def _readable(data: bytes) -> int:
    """Give a descriptor to read some bytes from: memory, so that nobody has to keep writing and nothing is on disk."""
    descriptor = os.memfd_create("stdin")
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
