"""CPU and memory of processes, kernel included, from /proc."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Measured:
    """A process that takes part, by its role: `front`, `worker 0`, ..., `launcher`, or `server`."""

    role: str
    pid: int


@dataclass(frozen=True, slots=True)
class Times:
    """What the threads of a process had of the CPUs, in seconds."""

    ran_s: float
    waited_s: float
    """Ready to run, but others were running."""

    def since(self, before: "Times") -> "Times":
        return Times(self.ran_s - before.ran_s, self.waited_s - before.waited_s)


def times(pid: int) -> Times:
    """Give the CPU time of all threads of a process; 0 for one that has ended.

    /proc/PID/task/TID/schedstat counts nanoseconds, where /proc/PID/stat counts ticks of 10 ms. Without
    CONFIG_IRQ_TIME_ACCOUNTING the softirq work of a send is in it: over loopback, the receiver's half of the way.
    """
    ran = waited = 0
    for each in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            fields = each.read_text("ascii").split()
            ran += int(fields[0])
            waited += int(fields[1])
    return Times(ran / 1e9, waited / 1e9)


def memory_bytes(pids: Iterable[int]) -> int:
    """Give the memory that would be free if these processes were not there (unique set size)."""
    total = 0
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            total += int(psutil.Process(pid).memory_full_info().uss)
    return total


def of_router(launcher: int) -> list[Measured]:
    """List the programs of a router by its launcher's process."""
    found = [Measured("launcher", launcher)]
    for child in psutil.Process(launcher).children():
        words = child.cmdline()
        if "workers" in words and "--index" in words:
            found.append(Measured(f"worker {words[words.index('--index') + 1]}", child.pid))
        elif "front" in words:
            found.append(Measured("front", child.pid))
    return sorted(found, key=lambda each: each.role)
