"""The programs of one router, as command lines: the front, and the workers."""

import os
import site
import sys
from pathlib import Path

from router.programs.process import Program
from router.programs.supervisor import Supervisor
from router.settings import Settings

LISTENING = "trunkline listening"
"""What a front tells its launcher once the ports and the runtime directory are its own: workers may come."""
READY = "trunkline ready "
"""How the line begins that it says once all workers have come."""

_ROOT = Path(__file__).resolve().parent.parent.parent
"""The folder that `router` and `workers` are in."""


def front_command(settings: Settings) -> tuple[str, ...]:
    """Give the command of a front for a launcher: it reads its settings, with their secrets, from standard input.

    The runtime directory is for whoever looks at a list of processes: it tells one router from another.
    """
    directory = str(settings.runtime_dir)
    return (sys.executable, "-m", "router", "front", "--runtime-dir", directory, "--launched")


def worker_command(settings: Settings, index: int, parent: int | None = None) -> tuple[str, ...]:
    """Give the command of one worker: all that it isn't told by its front. It ends when `parent` does, if given."""
    bound = () if parent is None else ("--parent", str(parent))
    return (
        sys.executable, "-m", "workers",
        "--index", str(index),
        "--runtime-dir", str(settings.runtime_dir),
        "--log-level", settings.log_level,
        "--log-format", settings.log_format,
        *bound,
    )  # fmt: skip


def environment() -> dict[str, str]:
    """Give the environment in which these commands find this very router.

    Without it, `-m workers` run from a directory with a `workers` folder of its own would start that one.
    """
    added = {"PYTHONSAFEPATH": "1"}
    if str(_ROOT) not in site.getsitepackages():
        added["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, **added}


def own_workers(settings: Settings) -> Supervisor:
    """Make ready to run the workers of a server as children of this program, that end with it however it ends."""
    variables = environment()
    workers = [
        Program(f"worker {index}", worker_command(settings, index, parent=os.getpid()), variables)
        for index in range(settings.worker_count)
    ]
    return Supervisor(workers, stop_timeout_s=settings.stop_timeout_s)
