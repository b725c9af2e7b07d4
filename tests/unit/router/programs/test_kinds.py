"""The kinds of programs: their commands are complete and of this very router."""

import subprocess
import sys
from pathlib import Path

import pytest

from router.programs.kinds import FRONT, KINDS, WORKER, environment, listed
from router.settings import Settings

SETTINGS = Settings(runtime_dir=Path("/tmp/tl"), log_level="debug", log_format="json")


def test_a_worker_is_told_what_its_front_cannot_tell_it() -> None:
    rest = ["--index", "3", "--runtime-dir", "/tmp/tl", "--log-level", "debug", "--log-format", "json"]
    assert list(WORKER.command(SETTINGS, 3)) == [sys.executable, "-m", "workers", *rest]


def test_the_fronts_command_names_its_runtime_directory() -> None:
    assert "/tmp/tl" in FRONT.command(SETTINGS, 0)


def test_the_rest_of_the_environment_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("TZ", "UTC")
    assert environment()["TZ"] == "UTC"
    assert environment()["PYTHONPATH"].endswith("/somewhere")


@pytest.mark.parametrize("package", ["router", "workers"])
def test_a_folder_of_the_same_name_is_not_taken_for_ours(tmp_path: Path, package: str) -> None:
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("raise SystemExit('the wrong one')")
    command = [sys.executable, "-c", f"import {package}; print({package}.__file__)"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60, check=True
    )
    assert Path(done.stdout.strip()).parent == Path(__file__).parents[4] / package


def test_a_supervisors_variables_stay_with_whom_it_told_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.setenv(name, "1")
        assert name not in environment()


def test_programs_have_names_of_their_own() -> None:
    settings = SETTINGS.model_copy(update={"workers": 2})
    names = [kind.program_name(number) for kind in KINDS for number in kind.numbers(settings)]
    assert names == ["front", "worker 0", "worker 1"]


def test_the_processes_of_a_status_document() -> None:
    status = {"front": {"pid": 1}, "workers": [{"pid": 2}, {"pid": 3}], "mounts": []}
    assert [(kind.name, process["pid"]) for kind, process in listed(status)] == [
        ("front", 1),
        ("worker", 2),
        ("worker", 3),
    ]
