"""The kinds of programs that a router is made of: one entry each, which the launcher, the files of `trunkline gen`,
`upgrade` and `status` read.

Kinds stand in the order in which they start, each when the one before listens, and in which they are stopped.
"""

import os
import site
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.settings import Settings

Command = tuple[str, ...]

READY = "trunkline ready "
"""How the line begins by which a program that serves clients says that they are served."""

_ROOT = Path(__file__).resolve().parent.parent.parent
"""The folder that `router` and `workers` are in."""
_SUPERVISORS = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""What a supervisor tells this process alone (sd_notify(3)): whatever it starts must not speak for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramKind:
    """One kind of programs, `trunkline NAME`."""

    name: str
    purpose: str
    """What it is for, as an operator reads it in a unit's description."""
    command: Callable[[Settings, int], Command]
    """The command by which a launcher starts one, by its number."""
    descriptors: Callable[[Settings], int]
    """How many descriptors one needs at most, for peers and media."""
    count: Callable[[Settings], int] | None = None
    """How many a router has, numbered from 0; None: one, without a number."""
    serves_clients: bool = False
    """It has the listening sockets and the user's own code; it finds its settings on standard input if a launcher
    starts it, and says on standard output when clients are served."""
    killed_is_failed: bool = False
    """Whether a start fails with one that is killed before the router is ready, too; else it is started again then.
    One that ends by itself with a status other than 0 would do so every time."""
    watchdog_s: int
    """How long one may give no sign of life before it is killed."""
    replaced_by: str
    """What a front is told to do for all of this kind to be replaced, while streams go on."""
    in_status: str
    """Where the status document lists its processes: one, or a list of them."""

    def numbers(self, settings: Settings) -> range:
        """Give the numbers of those that a router has."""
        return range(1 if self.count is None else self.count(settings))

    def program_name(self, number: int | str) -> str:
        """Name one of them in logs and notes."""
        return self.name if self.count is None else f"{self.name} {number}"


def _front_command(settings: Settings, _: int) -> Command:
    # The directory is for whoever looks at a list of processes: it tells one router from another.
    directory = str(settings.runtime_dir)
    return (sys.executable, "-m", "router", "front", "--runtime-dir", directory, "--launched")


def worker_command(settings: Settings, index: int, parent: int | None = None) -> Command:
    """Give the command of one worker: all that its front does not tell it. It ends when `parent` does, if given."""
    bound = () if parent is None else ("--parent", str(parent))
    return (
        sys.executable, "-m", "workers",
        "--index", str(index),
        "--runtime-dir", str(settings.runtime_dir),
        "--log-level", settings.log_level,
        "--log-format", settings.log_format,
        *bound,
    )  # fmt: skip


FRONT = ProgramKind(
    name="front",
    purpose="which speaks RTSP and owns every session",
    command=_front_command,
    descriptors=lambda settings: 2 * settings.limits.connections,  # one that a worker holds has a duplicate here
    serves_clients=True,
    killed_is_failed=True,
    watchdog_s=20,
    replaced_by="restart-front",
    in_status="front",
)
WORKER = ProgramKind(
    name="worker",
    purpose="which moves media",
    command=worker_command,
    descriptors=lambda settings: settings.rtp_port_count // settings.worker_count + settings.limits.connections,
    count=lambda settings: settings.worker_count,
    watchdog_s=30,  # longer than the front waits, which kills one that hangs; this is for when there is no front
    replaced_by="restart-workers",
    in_status="workers",
)
KINDS = (FRONT, WORKER)


def environment() -> dict[str, str]:
    """Give the environment in which these commands find this very router.

    Without it, `-m workers` run from a directory with a `workers` folder of its own would start that one.
    """
    added = {"PYTHONSAFEPATH": "1"}
    if str(_ROOT) not in site.getsitepackages():
        added["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    return {name: value for name, value in os.environ.items() if name not in _SUPERVISORS} | added


def listed(status: Mapping[str, Any]) -> Iterator[tuple[ProgramKind, Mapping[str, Any]]]:
    """List the processes of a status document."""
    for kind in KINDS:
        found = status[kind.in_status]
        for process in found if isinstance(found, list) else [found]:
            yield kind, process
