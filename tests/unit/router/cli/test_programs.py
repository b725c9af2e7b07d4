"""`serve`, `front`, `worker` and `gen`, up to where a program begins."""

import os
from pathlib import Path

import pytest

from router import logs
from router.cli import front
from router.programs import kinds, launcher
from router.settings import Settings
from tests.unit.router.cli.command import trunkline
from tests.unit.router.cli.conftest import Invoke


def test_a_worker_that_its_front_would_not_expect_exits_2(invoke: Invoke) -> None:
    done = invoke("worker", "--index", "2", "--workers", "2")
    assert done.exit_code == 2
    assert done.stderr.startswith("trunkline: --index 2: with workers = 2 the last one is 1; give front and workers")


def test_a_workers_help_says_what_it_uses_itself() -> None:
    text = " ".join(trunkline("worker", "--help").stdout.split())
    assert "It uses --index, --runtime-dir, --log-level and --log-format, and --workers to check the index." in text
    assert "all else comes from its front" in text


def test_a_worker_becomes_the_program_that_the_front_would_have_started(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    became = []
    monkeypatch.setattr(os, "execve", lambda *call: became.append(call))
    monkeypatch.setenv("NOTIFY_SOCKET", "@supervisor")
    directory = tmp_path / "run"
    assert invoke("worker", "--index", "1", "--workers", "2", "--runtime-dir", str(directory)).exit_code == 0
    ((path, command, environment),) = became
    settings = Settings.model_validate({"workers": 2, "runtime_dir": directory})
    assert command == kinds.worker_command(settings, 1)
    assert path == command[0]
    assert environment["NOTIFY_SOCKET"] == "@supervisor"
    assert directory.stat().st_mode & 0o777 == 0o700


def test_a_worker_that_can_not_have_its_directory_exits_1(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "execve", lambda *call: pytest.fail("it was started"))
    (tmp_path / "file").touch()
    done = invoke("worker", "--index", "0", "--runtime-dir", str(tmp_path / "file"))
    assert done.exit_code == 1
    assert done.stderr.endswith("/file is not a directory\n")


@pytest.mark.parametrize("command", ["serve", "front"])
def test_a_programs_status_is_the_commands(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    ports = []

    def run(settings: Settings) -> int:
        ports.append(settings.publish_port)
        return 7

    monkeypatch.setattr(launcher if command == "serve" else front, "run", run)
    monkeypatch.setattr(logs, "configure", lambda *_, **__: None)
    assert invoke(command, "--publish-port", "5999").exit_code == 7
    assert ports == [5999]


def test_a_trial_run_of_new_code_checks_and_starts_nothing(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "run", lambda settings: pytest.fail("it was started"))
    assert invoke("serve", "--check").exit_code == 0
    assert invoke("serve", "--check", "--workers", "none").exit_code == 2


def test_files_for_a_supervisor_have_the_options_that_were_given(invoke: Invoke) -> None:
    done = invoke("gen", "sysctl", "--client-port", "7002")
    assert done.exit_code == 0
    assert "net.ipv4.ip_local_reserved_ports = 5554,7002," in done.stdout


def test_files_for_nothing_exit_2_and_files_to_nowhere_exit_1(invoke: Invoke, tmp_path: Path) -> None:
    done = invoke("gen", "upstart")
    assert done.exit_code == 2
    assert done.stderr.startswith("trunkline: upstart: must be supervisor, systemd, ")
    (tmp_path / "file").touch()
    done = invoke("gen", "sysctl", "--output", str(tmp_path / "file"))
    assert done.exit_code == 1
    assert done.stderr.startswith(f"trunkline: {tmp_path / 'file'}")
