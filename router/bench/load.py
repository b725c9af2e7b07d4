"""The load's programs, seen from the command: started, told what to do, and heard."""

import contextlib
import json
import select
import subprocess
import sys
from types import TracebackType
from typing import Any, Self

from router.bench.program import Plan
from router.programs import kinds

LONGEST_S = 120.0
"""For any one step: 2,000 readers that join one after the other take the most."""


class LoadError(Exception):
    """The load could not do what it was told to; says why."""


class LoadProgram:
    """One program of the load, `publish`, `read` or `visit`."""

    def __init__(self, name: str, plan: Plan, prefix: tuple[str, ...] = ()) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [*prefix, sys.executable, "-m", f"router.bench.{name}"],
            env=kinds.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # two lines in one read would hide the second from select
            pass_fds=(plan.board,),
            start_new_session=True,  # a Ctrl-C is for the command, which ends them
        )
        self.tell(plan.to_line())

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def tell(self, line: bytes) -> None:
        """Write to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def terminate(self) -> None:
        """Tell it to stop sending."""
        self._process.terminate()

    def hear(self, event: str) -> dict[str, Any]:
        """Wait for an event. Raises LoadError if it fails instead, or says nothing for too long."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], LONGEST_S)[0]:
            raise LoadError(f"{self.name}: not {event} within {LONGEST_S:g} s")
        line = self._process.stdout.readline()
        said: dict[str, Any] = json.loads(line) if line.endswith(b"\n") else {"event": "died"}
        if said["event"] != event:
            raise LoadError(f"{self.name}: {said.get('reason') or said['event']}")
        return said

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let it tear its sessions down, or kill it if anything failed."""
        if error is not None:
            self._process.kill()
        elif self.name == "publish":
            self.terminate()
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
