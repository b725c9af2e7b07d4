"""Look at processes from outside, as an operator would."""

import os
from contextlib import suppress
from pathlib import Path

import psutil


def descriptors(pid: int) -> int:
    """Count a process's open descriptors."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def alive(pid: int) -> bool:
    """Say whether a process runs; one that ended and was not waited for doesn't."""
    try:
        status = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return False
    return bool(status != psutil.STATUS_ZOMBIE)


def tcp_sockets() -> dict[str, bool]:
    """Say of every TCP socket whether it listens, by its inode."""
    rows = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            rows += [line.split() for line in Path(table).read_text().splitlines()[1:]]
    return {row[9]: row[3] == "0A" for row in rows}


def processes_with(argument: str) -> dict[int, str]:
    """Find the processes on whose command line, or in whose environment, `argument` stands."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if argument in command and alive(int(entry.name)):
            found[int(entry.name)] = command
    return found
