"""The commands of front and workers: complete, and of this very router."""

import subprocess
import sys
from pathlib import Path

import pytest

from router.programs.commands import environment, front_command, worker_command
from router.settings import Settings

SETTINGS = Settings(runtime_dir=Path("/tmp/tl"), log_level="debug", log_format="json")


def test_a_worker_is_told_what_its_front_cannot_tell_it() -> None:
    rest = ["--index", "3", "--runtime-dir", "/tmp/tl", "--log-level", "debug", "--log-format", "json"]
    assert list(worker_command(SETTINGS, 3)) == [sys.executable, "-m", "workers", *rest]


def test_the_fronts_command_names_its_runtime_directory() -> None:
    assert "/tmp/tl" in front_command(SETTINGS)


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
