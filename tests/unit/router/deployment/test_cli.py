"""What of its surroundings `trunkline gen` puts into files, and where they go."""

import os
import shlex
import sys
from pathlib import Path

import pytest

from router.deployment.cli import GenerateError, generate_files
from router.settings import Settings


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("TRUNKLINE_")]:
        monkeypatch.delenv(name)


def make(
    kind: str = "supervisor",
    config: Path | None = None,
    program: str | None = None,
    output: Path | None = None,
    hooks: str | None = None,
) -> None:
    settings = Settings(workers=1, hooks=hooks)
    options = {} if hooks is None else {"hooks": hooks}
    generate_files(kind, settings, options, config, program=program, user="trunkline", output=output)


def test_a_single_file_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    make("sysctl")
    assert "# ----" not in capsys.readouterr().out


def test_several_files_are_printed_with_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    make("systemd", program="/opt/trunkline/bin/trunkline")
    names = [line.removeprefix("# ---- ") for line in capsys.readouterr().out.splitlines() if "# ---- " in line]
    assert "systemd/trunkline.target" in names
    assert len(names) > 2


def test_files_are_written_and_nothing_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make("sysctl", output=tmp_path)
    make("systemd", program="/opt/trunkline/bin/trunkline", output=tmp_path)
    assert capsys.readouterr().out == ""
    assert (tmp_path / "sysctl.conf").read_text().startswith("#")
    assert (tmp_path / "systemd/trunkline.target").exists()


def test_a_kind_that_is_none_is_told_of_with_those_that_are() -> None:
    with pytest.raises(GenerateError, match=r"^upstart: must be supervisor, systemd, container, sysctl$"):
        make("upstart")


def test_settings_of_this_environment_are_no_settings_of_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_TESTS_SEED", "1")
    monkeypatch.setenv("TRUNKLINE_SERVICE_HOST", "10.0.0.1")  # a Kubernetes service of the same name
    make("sysctl")
    monkeypatch.setenv("TRUNKLINE_LIMITS__MOUNTS", "7")
    monkeypatch.setenv("TRUNKLINE_AUTH__CLIENT_USERS__ANNA", "geheim")
    with pytest.raises(GenerateError) as caught:
        make("sysctl")
    assert str(caught.value) == (
        "TRUNKLINE_AUTH__CLIENT_USERS__ANNA, TRUNKLINE_LIMITS__MOUNTS: give it as an option or in a file, the programs"
        " won't have it"
    )


def test_a_file_that_the_environment_names_goes_into_the_commands_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUNKLINE_CONFIG", "mine.toml")
    make()
    assert f"--config {tmp_path}/mine.toml" in capsys.readouterr().out
    make(config=Path("other.toml"))
    assert f"--config {tmp_path}/other.toml" in capsys.readouterr().out


def test_hooks_are_looked_for_where_they_are_now(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make(hooks="cameras:hooks")
    assert f"directory={tmp_path}\n" in capsys.readouterr().out.replace(" = ", "=")
    make()
    assert str(tmp_path) not in capsys.readouterr().out


@pytest.mark.parametrize("installed", [True, False])
def test_the_program_is_this_one_unless_another_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], installed: bool
) -> None:
    python = tmp_path / "my env" / "python3"
    python.parent.mkdir()
    if installed:
        (python.parent / "trunkline").touch()
    monkeypatch.setattr(sys, "executable", str(python))
    make()
    quoted = shlex.quote(str(python.parent / "trunkline")) if installed else f"{shlex.quote(str(python))} -m router"
    assert f"{quoted} front" in capsys.readouterr().out
    make(program="/opt/trunkline")
    assert "/opt/trunkline front" in capsys.readouterr().out
