"""`trunkline gen` as a program, and what systemd itself says of its units."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import run_program


def test_files_are_printed_or_written(tmp_path: Path) -> None:
    printed = run_program("gen", "systemd", "--workers", "3", "--program", "/bin/true")
    assert printed.returncode == 0, printed.stderr
    written = run_program("gen", "systemd", "--workers", "3", "--program", "/bin/true", "--output", str(tmp_path))
    assert (written.returncode, written.stdout) == (0, ""), written.stderr
    names = [path for path in sorted(tmp_path.rglob("*")) if path.is_file()]
    assert len(names) == 4
    for path in names:
        assert f"# ---- systemd/{path.name}\n{path.read_text()}" in printed.stdout


def test_this_very_program_is_named(tmp_path: Path) -> None:
    done = run_program("gen", "supervisor")
    assert f"command={Path(sys.executable).parent}/" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "named"),
    [
        (["systemd", "--client-port", "0"], {}, "--client-port"),
        (["upstart"], {}, "must be supervisor, systemd, container, sysctl"),
        (["systemd"], {"TRUNKLINE_HOST": "::1"}, "TRUNKLINE_HOST: give it as an option or in a file"),
        (["systemd", "--workers", "0"], {}, "workers"),
    ],
)
def test_what_can_not_be_made_is_refused(arguments: list[str], environment: dict[str, str], named: str) -> None:
    done = run_program("gen", *arguments, environment=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_a_place_that_can_not_be_written_to_is_named() -> None:
    done = run_program("gen", "sysctl", "--output", "/proc/nowhere")
    assert done.returncode == 1
    assert "/proc/nowhere" in done.stderr


def test_systemd_has_nothing_against_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    done = run_program(
        "gen", "systemd", "--workers", "2", "--program", "/bin/true", "--user", "root", "--output", str(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    units = tmp_path / "systemd"
    (units / "trunkline-worker@0.service").write_text((units / "trunkline-worker@.service").read_text())

    def verify() -> "subprocess.CompletedProcess[str]":
        files = [str(path) for path in units.iterdir() if "@." not in path.name]
        command = ["systemd-analyze", "verify", "--man=no", *files]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    found = verify()
    assert (found.returncode, found.stdout + found.stderr) == (0, "")
    front = units / "trunkline-front.service"
    front.write_text(front.read_text().replace("Restart=always", "Restart=allways"))
    assert "allways" in verify().stderr, "it would not have seen a mistake"
