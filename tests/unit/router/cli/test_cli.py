"""The command line as a program: what it prints where, and its exit status."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
COMMANDS = ("serve", "front", "worker")
OPTIONS = (
    "--config", "--host", "--publish-port", "--client-port", "--rtp-port-start", "--rtp-port-count", "--workers",
    "--hooks", "--runtime-dir", "--log-level", "--log-format",
)  # fmt: skip


def trunkline(*arguments: str, cwd: Path = ROOT, **environment: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRUNKLINE_")}
    return subprocess.run(
        [sys.executable, "-m", "router", *arguments],
        cwd=cwd,
        env=kept | {"PYTHONPATH": str(ROOT)} | environment,
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
    assert "launched" not in done.stdout


@pytest.mark.parametrize("command", [("serve",), ("front",), ("worker", "--index", "0")])
def test_bad_settings_exit_2_before_anything_starts(command: tuple[str, ...], tmp_path: Path) -> None:
    directory = tmp_path / "run"
    done = trunkline(*command, "--runtime-dir", str(directory), "--publish-port", "70000", TRUNKLINE_WORKERS="no")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "trunkline: publish_port = 70000 (--publish-port): must be a whole number from 0 to 65535",
        "trunkline: workers = 'no' (TRUNKLINE_WORKERS): must be auto or a whole number from 1 to 1024",
    ]
    assert not directory.exists()


@pytest.mark.parametrize(
    "arguments", [("serve", "--nonsense"), ("nonsense",), ("worker",), ("worker", "--index", "-1")]
)
def test_wrong_calls_exit_2(arguments: tuple[str, ...]) -> None:
    done = trunkline(*arguments)
    assert done.returncode == 2
    assert "Usage:" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--file", "movie.mp4"), "--file movie.mp4: must be /PATH=FILE"),
        (("--file", "/m="), "--file /m=: must be /PATH=FILE"),
        (("--file", "m=movie.mp4"), "(--file): must have paths such as /movie"),
        (("--file", "/m=a.mp4", "--file", "/m=b.mp4"), "--file /m=b.mp4: /m has a file already, a.mp4"),
        (("--loop",), "--loop: there is no --file"),
    ],
)
def test_wrong_files_exit_2_before_anything_starts(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    done = trunkline("serve", "--runtime-dir", str(tmp_path / "run"), *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_worker_that_its_front_would_not_expect_exits_2() -> None:
    done = trunkline("worker", "--index", "2", "--workers", "2")
    assert done.returncode == 2
    assert done.stderr.startswith("trunkline: --index 2: with workers = 2 the last one is 1; give front and workers")


def test_a_workers_help_says_what_it_uses_itself() -> None:
    text = " ".join(trunkline("worker", "--help").stdout.split())
    assert "It uses --index, --runtime-dir, --log-level and --log-format, and --workers to check the index." in text
    assert "all else comes from its front" in text


def test_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    done = trunkline("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"trunkline {version}\n", "")


def test_a_front_that_finds_no_settings_on_standard_input_exits_2() -> None:
    done = trunkline("front", "--launched")
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


def test_config_without_a_file(tmp_path: Path) -> None:
    assert tomllib.loads(trunkline("config", "show").stdout)["publish_port"] == 5554
    assert trunkline("config", "check").stdout == "ok\n"
    config = tmp_path / "trunkline.toml"
    config.write_text("publish_port = 7\n")
    assert tomllib.loads(trunkline("config", "show", TRUNKLINE_CONFIG=str(config)).stdout)["publish_port"] == 7
    config.write_text("publish_prt = 7\n")
    assert trunkline("config", "check", TRUNKLINE_CONFIG=str(config)).returncode == 2


def test_what_show_prints_is_no_file_with_passwords(tmp_path: Path) -> None:
    config = tmp_path / "trunkline.toml"
    config.write_text("[auth.client_users]\nanna = 'geheim'\n")
    shown = tmp_path / "shown.toml"
    shown.write_text(trunkline("config", "show", str(config)).stdout)
    done = trunkline("config", "check", str(shown))
    assert (done.returncode, done.stdout) == (2, "")
    assert "anna has the mask that `config show` prints instead" in done.stderr


BAD_HOOKS = [
    ("nowhere:hooks", "", "No module named 'nowhere'"),
    ("cameras:hooks", "", "has no attribute 'hooks'"),
    ("cameras", "1 / 0", "ZeroDivisionError"),
    ("cameras", "raise SystemExit(0)", "SystemExit"),
    ("cameras", "import os; os._exit(3)", "ended with 3"),
    ("cameras", "def mount_opened(mount): ...", "have none of authentication, credentials"),
]


@pytest.mark.parametrize("command", [("serve",), ("config", "check")])
@pytest.mark.parametrize(("reference", "source", "reason"), BAD_HOOKS)
def test_hooks_that_are_none_exit_2_before_anything_starts(
    command: tuple[str, ...], reference: str, source: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "cameras.py").write_text(f"print('hello')\n{source}\n")
    directory = tmp_path / "run"
    environment = {"TRUNKLINE_HOOKS": reference, "TRUNKLINE_RUNTIME_DIR": str(directory)}
    done = trunkline(*command, cwd=tmp_path, **environment)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("trunkline: hooks ")
    assert reason in line
    assert not directory.exists()


def test_good_hooks_are_loaded_apart_and_pass(tmp_path: Path) -> None:
    """A port that the hooks take as they are imported is free again when the front imports them."""
    (tmp_path / "cameras.py").write_text(
        "import subprocess\nprint('hello')\nsubprocess.Popen(['sleep', '2'])\ndef check_mount(request): ...\n"
    )
    done = trunkline("config", "check", cwd=tmp_path, TRUNKLINE_HOOKS="cameras")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")


def test_a_variable_that_is_no_setting_is_worth_a_warning(tmp_path: Path) -> None:
    config = tmp_path / "trunkline.toml"
    config.touch()
    done = trunkline("config", "check", str(config), TRUNKLINE_SERVICE_HOST="10.0.0.1")
    assert (done.returncode, done.stdout) == (0, "ok\n")
    assert done.stderr == "trunkline: TRUNKLINE_SERVICE_HOST is in the environment, but there is no such setting\n"


def test_status_finds_the_runtime_directory_in_a_file(tmp_path: Path) -> None:
    config = tmp_path / "trunkline.toml"
    config.write_text("runtime_dir = '/tmp/trunkline-nobody'\n")
    done = trunkline("status", "--config", str(config))
    assert (done.returncode, done.stdout) == (1, "")
    assert "no router runs in /tmp/trunkline-nobody" in done.stderr


def test_status_without_a_router_exits_1(tmp_path: Path) -> None:
    done = trunkline("status", "--json", "--runtime-dir", "/tmp/trunkline-nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("trunkline: no router runs in /tmp/trunkline-nobody; start one with")
