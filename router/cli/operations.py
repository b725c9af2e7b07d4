"""What is done with a running router: `status`, `move`, `drain`, `restart`, `upgrade`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from router.cli.given import fail, load
from router.cli.options import AsJson, Config, MountPath, Rolling, RuntimeDir, ToWorker, WorkerIndex

if TYPE_CHECKING:
    from router.admin.running import RunningRouter


def status(as_json: AsJson = False, config: Config = None, runtime_dir: RuntimeDir = None) -> None:
    """Show the workers, mounts and sessions of a running router."""
    settings = load(config, {"runtime_dir": runtime_dir} if runtime_dir is not None else {})
    from router.admin import client
    from router.status import view

    try:
        document = client.query_status(settings.endpoints)
    except client.NoFrontError as error:
        fail(1, str(error))
    if as_json:
        print(document)
    else:
        view.show(document)


def move(mount: MountPath, to: ToWorker, config: Config = None, runtime_dir: RuntimeDir = None) -> None:
    """Move a mount to another worker, with its publisher and readers; no packet is lost."""
    _operate(config, runtime_dir, lambda running: running.command("move", mount, str(to)))


def drain(worker: WorkerIndex, config: Config = None, runtime_dir: RuntimeDir = None) -> None:
    """Move everything away from a worker, let it end, and wait until another one is in its place."""
    _operate(config, runtime_dir, lambda running: running.command("drain", str(worker)))


def restart_workers(rolling: Rolling = False, config: Config = None, runtime_dir: RuntimeDir = None) -> None:
    """Drain and replace all workers, one after the other; no packet is lost."""
    if not rolling:
        fail(2, "workers are restarted one after the other, so that no stream is cut: say --rolling")
    from router.programs import kinds

    _operate(config, runtime_dir, lambda running: running.replace(kinds.WORKER))


def restart_front(config: Config = None, runtime_dir: RuntimeDir = None) -> None:
    """Let another front take over all sessions that play or record; no packet is lost."""
    from router.programs import kinds

    _operate(config, runtime_dir, lambda running: running.replace(kinds.FRONT))


def upgrade(config: Config = None, runtime_dir: RuntimeDir = None) -> None:
    """Let launcher, front and workers become the installed code, one after the other; no packet is lost."""
    _operate(config, runtime_dir, lambda running: running.upgrade())


def _operate(config: Path | None, runtime_dir: str | None, operation: Callable[["RunningRouter"], str]) -> None:
    """Do something with a running router, and show how it goes."""
    settings = load(config, {"runtime_dir": runtime_dir} if runtime_dir is not None else {})
    from router.admin.client import CommandRefused, NoFrontError
    from router.admin.running import OperationError, RunningRouter

    try:
        print(operation(RunningRouter(settings.endpoints, lambda line: print(line, flush=True))))
    except (NoFrontError, CommandRefused, OperationError) as error:
        fail(1, str(error))
