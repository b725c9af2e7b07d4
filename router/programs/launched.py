"""What a launcher runs, noted in the runtime directory: if it is killed, the next one finds it and takes it over."""

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from router.programs.process import Found, start_time_of
from router.programs.runtime_dir import PROGRAMS

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Launched:
    """The programs of a router that outlived its launcher.

    `ready` is the line that was printed once clients could come, "" before; `workers` how many the router has, those
    that have died included.
    """

    ready: str
    workers: int
    programs: Mapping[str, Found]


def note(directory: Path, ready: str, workers: int, pids: Mapping[str, int]) -> None:
    """Write down what runs now. Raises OSError if the directory can't be written to."""
    programs = {}
    for name, pid in pids.items():
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            programs[name] = [pid, start_time_of(pid)]
    document = {"boot": _boot(), "ready": ready, "workers": workers, "programs": programs}
    fresh = directory / (PROGRAMS + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        json.dump(document, file)
    fresh.rename(directory / PROGRAMS)  # whole, or not at all: the launcher may be killed at any time


def find(directory: Path) -> Launched | None:
    """Take hold of what the last launcher noted and still runs; None where there is nothing of it.

    To be called by the directory's launcher: see `runtime_dir.hold_for_launcher`.
    """
    try:
        document = json.loads((directory / PROGRAMS).read_bytes())
        noted = {str(name): (int(pid), int(started)) for name, (pid, started) in document["programs"].items()}
        ready, workers, boot = str(document["ready"]), int(document["workers"]), str(document["boot"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # not there, or no work of ours
        return None
    if boot != _boot():  # the same numbers mean other processes now
        return None
    found: dict[str, Found] = {}
    for name, (pid, started) in noted.items():
        with contextlib.suppress(ProcessLookupError):
            found[name] = Found(pid, started)
    return Launched(ready, workers, found) if found else None


def forget(directory: Path) -> None:
    """Remove the note: nothing of it runs any more."""
    (directory / PROGRAMS).unlink(missing_ok=True)


def _boot() -> str:
    return _BOOT_ID.read_text("ascii").strip()
