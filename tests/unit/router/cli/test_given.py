"""What a command was given: its settings, or an exit that says what is wrong, before anything starts."""

from pathlib import Path

import pytest

from router.cli.given import check_hooks, fail
from router.settings import Settings
from tests.unit.router.cli.command import trunkline
from tests.unit.router.cli.conftest import Invoke

BAD_HOOKS = [
    ("nowhere:hooks", "", "No module named 'nowhere'"),
    ("cameras:hooks", "", "has no attribute 'hooks'"),
    ("cameras", "1 / 0", "ZeroDivisionError"),
    ("cameras", "raise SystemExit(0)", "SystemExit"),
    ("cameras", "import os; os._exit(3)", "ended with 3"),
    ("cameras", "def mount_opened(mount): ...", "have none of authentication, credentials"),
]


@pytest.mark.parametrize("command", [("serve",), ("front",), ("worker", "--index", "0")])
def test_bad_settings_exit_2_before_anything_starts(invoke: Invoke, command: tuple[str, ...], tmp_path: Path) -> None:
    directory = tmp_path / "run"
    done = invoke(*command, "--runtime-dir", str(directory), "--publish-port", "70000", TRUNKLINE_WORKERS="no")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "trunkline: publish_port = 70000 (--publish-port): must be a whole number from 0 to 65535",
        "trunkline: workers = 'no' (TRUNKLINE_WORKERS): must be auto or a whole number from 1 to 1024",
    ]
    assert not directory.exists()


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
def test_wrong_files_exit_2_before_anything_starts(
    invoke: Invoke, arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    done = invoke("serve", "--runtime-dir", str(tmp_path / "run"), *arguments)
    assert done.exit_code == 2
    assert words in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_variable_that_is_no_setting_is_worth_a_warning(invoke: Invoke, tmp_path: Path) -> None:
    config = tmp_path / "trunkline.toml"
    config.touch()
    done = invoke("config", "check", str(config), TRUNKLINE_SERVICE_HOST="10.0.0.1")
    assert (done.exit_code, done.stdout) == (0, "ok\n")
    assert done.stderr == "trunkline: TRUNKLINE_SERVICE_HOST is in the environment, but there is no such setting\n"


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


def test_a_front_that_finds_no_settings_on_standard_input_exits_2() -> None:
    done = trunkline("front", "--launched")
    assert done.returncode == 2
    assert "settings from the launcher" in done.stderr


def test_a_file_may_have_equals_signs_in_its_name(invoke: Invoke) -> None:
    done = invoke("serve", "--file", "/m=a=b.mp4", "--file", "=c.mp4")
    assert (done.exit_code, done.stderr) == (
        2,
        "trunkline: --file =c.mp4: must be /PATH=FILE, such as /movie=film.mp4\n",
    )
    done = invoke("serve", "--file", "/m=a=b.mp4", "--workers", "none")
    assert done.exit_code == 2
    assert "--file" not in done.stderr


def test_every_problem_has_a_line_and_the_status_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        fail(3, "one", "two")
    assert caught.value.code == 3
    assert capsys.readouterr() == ("", "trunkline: one\ntrunkline: two\n")


def test_settings_without_hooks_have_none_to_check() -> None:
    check_hooks(Settings())
