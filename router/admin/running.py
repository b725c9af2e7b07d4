"""What the command line does with a running router that takes more than one question: restarts, and an upgrade."""

import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

from router.admin import client
from router.programs.kinds import KINDS, ProgramKind, listed
from router.programs.runtime_dir import LAUNCHER_LOCK, launcher_pid
from workers.contract.endpoints import Endpoints

BACK_S = 30.0
"""How long another program may take to come, with all others: its supervisor's longest delay, and a slow start."""
LAUNCHER_BACK_S = 45.0
"""How long a launcher may take to try the new code and become it: the trial alone has 30 seconds."""
LOOK_S = 0.05


class OperationError(Exception):
    """It was not done, or not to its end; the text says what happened and what helps."""


class RunningRouter:
    """One that answers. `say` gets lines of progress; every method gives what to say at the end.

    All raise NoFrontError where no front answers, CommandRefused where it says no, OperationError where something else
    does not go as it should.
    """

    def __init__(self, endpoints: Endpoints, say: Callable[[str], None]) -> None:
        self._endpoints = endpoints
        self._say = say

    def command(self, verb: str, *arguments: str) -> str:
        """Let the front carry out one command."""
        return client.command(self._endpoints, verb, *arguments, progress=self._say)

    def replace(self, kind: ProgramKind) -> str:
        """Let others take the place of all programs of a kind."""
        if not kind.serves_clients:
            return self.command(kind.replaced_by)
        before = self._pids()[kind]
        self.command(kind.replaced_by)
        self._say(f"{kind.name} {before[0]} lets go; waiting for the next one")
        if not _within(BACK_S, lambda: self._is_replaced(kind, before)):
            raise OperationError(
                f"the {kind.name} has ended, but no other has come with all its workers within {BACK_S:g} s; streams go"
                f" on for `orphan_timeout_s`. Does anybody supervise it? Start `trunkline {kind.name}` with the options"
                " it had"
            )
        return f"{kind.name} {self._pids()[kind][0]} has taken over"

    def _pids(self) -> dict[ProgramKind, list[int | None]]:
        pids: dict[ProgramKind, list[int | None]] = {kind: [] for kind in KINDS}
        for kind, process in listed(self._status()):
            pids[kind].append(process["pid"])
        return pids

    def _is_replaced(self, kind: ProgramKind, before: list[int | None]) -> bool:
        try:
            now = list(listed(self._status()))
        except client.NoFrontError:
            return False
        ready = all(process.get("state", "ready") == "ready" for _, process in now)
        return ready and not any(each is kind and process["pid"] in before for each, process in now)

    def upgrade(self) -> str:
        """Let every program become the installed code, one after the other, while all streams go on.

        The launcher comes first: it tries whether the new code can run at all.
        """
        status = self._status()
        if status["mounts"] and sum(worker["state"] == "ready" for worker in status["workers"]) < 2:
            raise OperationError(  # before anything is touched
                "an upgrade moves all mounts from one worker to another, and there are not two; let there be two at"
                " least (`workers = 2`), or wait until the others are back. Nothing has changed"
            )
        launcher = launcher_pid(self._endpoints.runtime_dir)
        if launcher is None:
            self._say("no launcher runs here: whoever supervises front and workers starts the installed code")
        else:
            self._renew_launcher(launcher)
            self._say(f"launcher {launcher} is the installed code now")
        for kind in KINDS:
            self._say(self.replace(kind))
        return "all programs are the installed code now"

    def _renew_launcher(self, pid: int) -> None:
        lock = self._endpoints.runtime_dir / LAUNCHER_LOCK
        written = lock.stat().st_mtime_ns
        try:
            os.kill(pid, signal.SIGUSR2)
        except PermissionError:
            raise OperationError(f"the launcher, process {pid}, is another user's: upgrade as that user") from None
        except ProcessLookupError:
            raise OperationError(f"the launcher, process {pid}, has just ended; nothing has changed") from None
        # It writes its name there again once it is new.
        if not _within(LAUNCHER_BACK_S, lambda: lock.stat().st_mtime_ns != written):
            raise OperationError(
                f"the launcher, process {pid}, has not become the installed code, and its log says why; nothing has"
                " changed"
            )

    def _status(self) -> Any:
        return json.loads(client.query_status(self._endpoints))


def _within(seconds: float, fact: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() >= deadline:
            return False
        time.sleep(LOOK_S)
    return True
