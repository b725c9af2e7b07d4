"""What takes more than one question, with a router that answers as it is told to and a clock that stands still."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router.admin import client, running
from router.admin.client import NoFrontError
from router.admin.running import OperationError, RunningRouter
from router.programs.kinds import FRONT, WORKER
from router.programs.runtime_dir import LAUNCHER_LOCK, hold_for_launcher
from workers.contract.endpoints import Endpoints


def document(front: int = 1, workers: tuple[str, ...] = ("ready", "ready"), mounts: int = 1) -> dict[str, Any]:
    return {
        "front": {"pid": front},
        "workers": [{"pid": 10 + index, "state": state} for index, state in enumerate(workers)],
        "mounts": [{}] * mounts,
    }


class Router:
    """Tells one document after the other, the last one for ever, and notes its commands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, directory: Path, *documents: dict[str, Any] | None) -> None:
        self.documents = list(documents)
        self.commands: list[tuple[str, ...]] = []
        self.said: list[str] = []
        self.now = 0.0
        monkeypatch.setattr(client, "query_status", self._status)
        monkeypatch.setattr(client, "command", self._command)
        monkeypatch.setattr(running, "time", self)
        self.running = RunningRouter(Endpoints(directory), self.said.append)

    def _status(self, endpoints: Endpoints) -> str:
        found = self.documents.pop(0) if len(self.documents) > 1 else self.documents[0]
        if found is None:
            raise NoFrontError("nobody")
        return json.dumps(found)

    def _command(self, endpoints: Endpoints, verb: str, *arguments: str, progress: Callable[[str], None]) -> str:
        self.commands.append((verb, *arguments))
        progress("at it")
        return f"{verb} is done"

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_command_shows_its_progress(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    router = Router(monkeypatch, tmp_path, document())
    assert router.running.command("move", "/a", "1") == "move is done"
    assert (router.commands, router.said) == ([("move", "/a", "1")], ["at it"])


def test_workers_are_replaced_by_the_front(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    router = Router(monkeypatch, tmp_path, document())
    assert router.running.replace(WORKER) == "restart-workers is done"
    assert router.commands == [("restart-workers",)]


def test_the_next_front_is_waited_for_with_all_its_workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    router = Router(
        monkeypatch, tmp_path, document(), document(), None, document(front=2, workers=("ready", "lost")), document(2)
    )
    assert router.running.replace(FRONT) == "front 2 has taken over"
    assert router.said == ["at it", "front 1 lets go; waiting for the next one"]
    assert router.documents == [document(2)]


@pytest.mark.parametrize("after", [None, document(front=1), document(front=2, workers=("ready", "missing"))])
def test_a_front_that_nobody_starts_again_is_told_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, after: dict[str, Any] | None
) -> None:
    router = Router(monkeypatch, tmp_path, document(), after)
    with pytest.raises(OperationError, match=r"within 30 s.*Does anybody supervise it\? Start `trunkline front`"):
        router.running.replace(FRONT)
    assert running.BACK_S <= router.now < running.BACK_S + 1


@pytest.mark.parametrize(
    ("status", "goes_on"),
    [
        (document(workers=("ready",)), False),
        (document(workers=("ready", "draining")), False),
        (document(workers=("ready",), mounts=0), True),
        (document(), True),
    ],
)
def test_an_upgrade_that_could_not_keep_its_streams_touches_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: dict[str, Any], goes_on: bool
) -> None:
    router = Router(monkeypatch, tmp_path, status)
    monkeypatch.setattr(RunningRouter, "replace", lambda self, kind: f"{kind.name} is new")
    if goes_on:
        assert router.running.upgrade() == "all programs are the installed code now"
        assert router.said[0].startswith("no launcher runs here")
        assert router.said[1:] == ["front is new", "worker is new"]
    else:
        with pytest.raises(OperationError, match="Nothing has changed"):
            router.running.upgrade()
        assert router.said == []
    assert router.commands == []


class Launcher:
    """This process as the launcher of a directory: hears of the signal, and does what it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, directory: Path, act: Callable[[Path], None]) -> None:
        os.close(hold_for_launcher(directory))
        self._lock, self._act = directory / LAUNCHER_LOCK, act
        os.utime(self._lock, ns=(1, 1))
        monkeypatch.setattr(os, "kill", self._kill)

    def _kill(self, pid: int, number: int) -> None:
        assert pid == os.getpid()
        self._act(self._lock)


def fail(error: OSError) -> Callable[[Path], None]:
    def act(lock: Path) -> None:
        raise error

    return act


def test_the_launcher_becomes_the_new_code_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    directory = tmp_path / "run"
    router = Router(monkeypatch, directory, document())
    Launcher(monkeypatch, directory, lambda lock: os.utime(lock, ns=(2, 2)))
    monkeypatch.setattr(RunningRouter, "replace", lambda self, kind: f"{kind.name} is new")
    router.running.upgrade()
    assert router.said[0] == f"launcher {os.getpid()} is the installed code now"


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda lock: None, "has not become the installed code, and its log says why; nothing has changed"),
        (fail(PermissionError()), "is another user's: upgrade as that user"),
        (fail(ProcessLookupError()), "has just ended; nothing has changed"),
    ],
    ids=["tried in vain", "another user's", "gone"],
)
def test_a_launcher_that_does_not_ends_the_upgrade(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, act: Callable[[Path], None], words: str
) -> None:
    directory = tmp_path / "run"
    router = Router(monkeypatch, directory, document())
    Launcher(monkeypatch, directory, act)
    with pytest.raises(OperationError, match=words):
        router.running.upgrade()
    assert router.commands == []
