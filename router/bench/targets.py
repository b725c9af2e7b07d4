"""What is measured: a router of its own, one of the yardsticks, or any server that runs already."""

import os
import random
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from router.bench import processes
from router.bench.heard_program import HeardProgram
from router.bench.processes import Measured
from router.programs import kinds
from router.programs.kinds import READY

_START_S, _STOP_S = 30.0, 15.0
"""What busy cores may take for it, not what it takes."""
_PORTS_FROM, _PORTS_TO = 10_000, 32_000
"""Below the ephemeral range, where the load's own ports are. Ports in use are skipped by the router."""


class TargetError(Exception):
    """What is to be measured doesn't start."""


@dataclass(frozen=True, slots=True)
class Target:
    """A running server; `renumbers` says whether it may give packets sequence numbers of its own."""

    name: str
    publish_url: str
    client_url: str
    measured: Callable[[], list[Measured]]
    """Lists the processes whose CPU counts."""
    renumbers: bool = False


@dataclass(frozen=True, slots=True)
class RouterOptions:
    """How the router is started."""

    workers: str = "auto"
    config: Path | None = None
    host: str = "127.0.0.1"
    prefix: tuple[str, ...] = ()
    """Put before the command, such as `ip netns exec NAME`."""


@contextmanager
def own_router(options: RouterOptions, mounts: int) -> Iterator[Target]:
    """Run a router with its own runtime directory, and ports for so many mounts. Raises TargetError."""
    # An ipc path is short.
    with tempfile.TemporaryDirectory(prefix="tl-bench-", dir="/tmp", ignore_cleanup_errors=True) as directory:
        log = Path(directory, "log")
        # What is set for the user's own router must not reach this one: it would be measured with other settings.
        environment = {name: each for name, each in kinds.environment().items() if not name.startswith("TRUNKLINE_")}
        with log.open("wb") as file:
            child = HeardProgram(_command(options, mounts, directory), environment=environment, log=file.fileno())
        try:
            line = child.line(_START_S) or ""
            if not line.startswith(READY):
                raise TargetError(f"the router did not start: {_tail(log)}")
            words = dict(word.split("=", 1) for word in line.removeprefix(READY).split())
            yield Target("trunkline", words["publish"], words["client"], lambda: processes.of_router(child.pid))
        except BaseException as error:
            error.add_note(f"the router's log: {_tail(log)}")
            raise
        finally:
            _stop(child)


@contextmanager
def yardstick(name: str, window_ms: float) -> Iterator[Target]:
    """Run one of the bare loops: `floor` gathers for `window_ms` as the router does, `sendto` doesn't."""
    child = HeardProgram([sys.executable, "-m", "router.bench.yardstick", name, str(window_ms)])
    try:
        url = child.line(_START_S)
        if not url:
            raise TargetError(f"the yardstick {name} did not start")
        yield Target(name, url, url, lambda: [Measured("server", child.pid)])
    finally:
        child.kill()
        child.end(_STOP_S)


@contextmanager
def running_server(urls: tuple[str, str], pids: tuple[int, ...], *, renumbers: bool = False) -> Iterator[Target]:
    """Take a server that runs already: its base URLs for publishing and for reading, and its processes."""
    publish_url, client_url = (each.rstrip("/") for each in urls)
    yield Target(
        "against", publish_url, client_url, lambda: [Measured(f"pid {each}", each) for each in pids], renumbers
    )


def _command(options: RouterOptions, mounts: int, directory: str) -> list[str]:
    ports = min(_PORTS_TO - _PORTS_FROM, 1024 + 8 * mounts)
    start = random.SystemRandom().randrange(_PORTS_FROM, _PORTS_TO - ports + 1, 2)
    command = [*options.prefix, sys.executable, "-m", "router", "serve"]
    if options.config is not None:
        command += ["--config", str(options.config)]
    command += ["--host", options.host, "--publish-port", "0", "--client-port", "0", "--workers", options.workers]
    command += ["--rtp-port-start", str(start), "--rtp-port-count", str(ports), "--log-level", "warning"]
    return [*command, "--runtime-dir", str(Path(directory, "run"))]


def _tail(log: Path) -> str:
    return " / ".join(log.read_text(errors="replace").splitlines()[-5:])


def _stop(child: HeardProgram) -> None:
    others = [each.pid for each in processes.of_router(child.pid) if each.pid != child.pid] if child.runs else []
    child.terminate()
    if not child.end(_STOP_S):
        for pid in others:
            os.kill(pid, signal.SIGKILL)
