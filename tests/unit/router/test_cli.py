"""The command line as a program: what it prints where, and its exit status."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMMANDS = ("serve", "front", "worker")
OPTIONS = (
    "--config", "--host", "--publish-port", "--client-port", "--rtp-port-start", "--rtp-port-count", "--workers",
    "--hooks", "--runtime-dir", "--log-level", "--log-format",
)  # fmt: skip


def trunkline(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRUNKLINE_")}
    return subprocess.run(
        [sys.executable, "-m", "router", *arguments],
        cwd=ROOT,
        env=kept | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_program_has_every_option(command: str) -> None:
    done = trunkline(command, "--help")
    assert done.returncode == 0
    assert [option for option in OPTIONS if f"  {option} " not in done.stdout] == []
    assert "settings-from-stdin" not in done.stdout


@pytest.mark.parametrize("command", [("serve",), ("front",), ("worker", "--index", "0")])
def test_bad_settings_exit_2_before_anything_starts(command: tuple[str, ...], tmp_path: Path) -> None:
    directory = tmp_path / "run"
    done = trunkline(*command, "--runtime-dir", str(directory), "--publish-port", "70000", TRUNKLINE_WORKERS="no")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "trunkline: publish_port = '70000' (--publish-port): should be less than or equal to 65535",
        "trunkline: workers = 'no' (TRUNKLINE_WORKERS): auto or a number from 1 to 1024",
    ]
    assert not directory.exists()


@pytest.mark.parametrize(
    "arguments", [("serve", "--nonsense"), ("nonsense",), ("worker",), ("worker", "--index", "-1")]
)
def test_wrong_calls_exit_2(arguments: tuple[str, ...]) -> None:
    done = trunkline(*arguments)
    assert done.returncode == 2
    assert "Usage:" in done.stderr


def test_a_worker_that_its_front_would_not_expect_exits_2() -> None:
    done = trunkline("worker", "--index", "2", "--workers", "2")
    assert done.returncode == 2
    assert done.stderr == "trunkline: --index 2: with workers = 2 the last one is 1\n"


def test_a_front_that_finds_no_settings_on_standard_input_exits_2() -> None:
    done = trunkline("front", "--settings-from-stdin")
    assert done.returncode == 2
    assert "settings from the launcher" in done.stderr


def test_config_check(tmp_path: Path) -> None:
    config = tmp_path / "trunkline.toml"
    config.write_text("workers = 2\n")
    done = trunkline("config", "check", str(config))
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")
    config.write_text("worker = 2\n")
    done = trunkline("config", "check", str(config))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"trunkline: worker ({config}): no such setting; did you mean workers?\n"


def test_config_show_prints_what_is_in_force(tmp_path: Path) -> None:
    config = tmp_path / "trunkline.toml"
    config.write_text("workers = 2\n[auth.client_users]\nanna = 'geheim'\n")
    done = trunkline("config", "show", str(config), TRUNKLINE_LIMITS__MOUNTS="7")
    assert done.returncode == 0
    shown = tomllib.loads(done.stdout)
    assert (shown["workers"], shown["limits"]["mounts"], shown["publish_port"]) == (2, 7, 5554)
    assert "geheim" not in done.stdout


def test_a_variable_that_is_no_setting_is_worth_a_warning(tmp_path: Path) -> None:
    config = tmp_path / "trunkline.toml"
    config.touch()
    done = trunkline("config", "check", str(config), TRUNKLINE_SERVICE_HOST="10.0.0.1")
    assert (done.returncode, done.stdout) == (0, "ok\n")
    assert done.stderr == "trunkline: TRUNKLINE_SERVICE_HOST is in the environment, but there is no such setting\n"


def test_status_without_a_router_exits_1(tmp_path: Path) -> None:
    done = trunkline("status", "--json", "--runtime-dir", "/tmp/trunkline-nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("trunkline: no router runs in /tmp/trunkline-nobody; start one with")
