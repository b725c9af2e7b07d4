"""What is measured: a router of its own, one of the yardsticks, or any server that runs already."""

import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from router.bench import processes
from router.bench.processes import Measured
from router.programs import kinds
from router.programs.kinds import READY

_START_S, _STOP_S = 30.0, 15.0
"""What busy cores may take for it, not what it takes."""
_PORTS_FROM, _PORTS_TO = 10_000, 32_000
"""Below the ephemeral range, where the load's own ports are. Ports in use are skipped by the router."""


class TargetError(Exception):
    """What is to be measured doesn't start."""


class Target(Protocol):
    """A running server."""

    name: str
    publish_url: str
    client_url: str
    renumbers: bool
    """Whether it may give packets sequence numbers of its own."""

    def measured(self) -> list[Measured]:
        """List the processes whose CPU counts."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class RouterOptions:
    """How the router is started."""

    workers: str = "auto"
    config: Path | None = None
    host: str = "127.0.0.1"
    prefix: tuple[str, ...] = ()
    """Put before the command, such as `ip netns exec NAME`."""


class Router:
    """A router of its own, with its own runtime directory and ports."""

    name = "trunkline"
    renumbers = False

    def __init__(self, options: RouterOptions, mounts: int) -> None:
        """Start one with ports for so many mounts."""
        self._directory = Path(tempfile.mkdtemp(prefix="tl-bench-", dir="/tmp"))  # an ipc path is short
        self._log = self._directory / "log"
        ports = min(_PORTS_TO - _PORTS_FROM, 1024 + 8 * mounts)
        start = random.SystemRandom().randrange(_PORTS_FROM, _PORTS_TO - ports + 1, 2)
        command = [*options.prefix, sys.executable, "-m", "router", "serve"]
        if options.config is not None:
            command += ["--config", str(options.config)]
        command += ["--host", options.host, "--publish-port", "0", "--client-port", "0", "--workers", options.workers]
        command += ["--rtp-port-start", str(start), "--rtp-port-count", str(ports), "--log-level", "warning"]
        command += ["--runtime-dir", str(self._directory / "run")]
        environment = {name: value for name, value in kinds.environment().items() if not _is_setting(name)}
        with self._log.open("wb") as log:
            self._process = _start(command, environment, log.fileno())
        try:
            line = _first_line(self._process)
            if not line.startswith(READY):
                raise TargetError(f"the router did not start: {self._log_tail()}")
        except BaseException:
            self.stop()
            raise
        words = dict(word.split("=", 1) for word in line.removeprefix(READY).split())
        self.publish_url, self.client_url = words["publish"], words["client"]

    def measured(self) -> list[Measured]:
        """List launcher, front and workers."""
        return processes.of_router(self._process.pid)

    def _log_tail(self) -> str:
        return " / ".join(self._log.read_text(errors="replace").splitlines()[-5:])

    def stop(self) -> None:
        """End it in order."""
        _stop(self._process)
        shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and (tail := self._log_tail()):
            error.add_note(f"the router's log: {tail}")
        self.stop()


class Yardstick:
    """One of the bare loops."""

    renumbers = False

    def __init__(self, name: str, window_ms: float) -> None:
        """Start it: `floor` gathers for `window_ms` as the router does, `sendto` doesn't."""
        self.name = name
        command = [sys.executable, "-m", "router.bench.yardstick", name, str(window_ms)]
        self._process = _start(command, kinds.environment(), None)
        self.publish_url = self.client_url = _first_line(self._process)
        if not self.publish_url:
            raise TargetError(f"the yardstick {name} did not start")

    def measured(self) -> list[Measured]:
        """List its one process."""
        return [Measured("server", self._process.pid)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        _close(self._process)


class Running:
    """A server that runs already, somebody else's or a router's."""

    def __init__(self, name: str, urls: tuple[str, str], pids: tuple[int, ...], *, renumbers: bool = False) -> None:
        """Take its base URLs for publishing and for reading, and its processes."""
        self.name = name
        self.renumbers = renumbers
        publish_url, client_url = urls
        self.publish_url, self.client_url = publish_url.rstrip("/"), client_url.rstrip("/")
        self._pids = pids

    def measured(self) -> list[Measured]:
        """List the processes that were named."""
        return [Measured(f"pid {each}", each) for each in self._pids]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave it running."""


def _is_setting(name: str) -> bool:
    """What is set for the user's own router must not reach this one: it would be measured with other settings."""
    return name.startswith("TRUNKLINE_")


def _start(command: list[str], environment: dict[str, str], log: int | None) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
        start_new_session=True,
    )  # fmt: skip


def _first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], _START_S)[0]:
        return ""
    return process.stdout.readline().strip()


def _stop(process: "subprocess.Popen[str]") -> None:
    children = [each.pid for each in processes.of_router(process.pid)] if process.poll() is None else []
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        process.wait()
    _close(process)


def _close(process: "subprocess.Popen[str]") -> None:
    if process.stdout is not None:
        process.stdout.close()
