"""`trunkline config`: a file is checked, and what comes of it is shown."""

import tomllib
from pathlib import Path

from tests.unit.router.cli.conftest import Invoke


def test_config_check(invoke: Invoke, tmp_path: Path) -> None:
    config = tmp_path / "trunkline.toml"
    config.write_text("workers = 2\n")
    done = invoke("config", "check", str(config))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "ok\n", "")
    config.write_text("worker = 2\n")
    done = invoke("config", "check", str(config))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"trunkline: worker ({config}): no such setting; did you mean workers?\n"


def test_config_show_prints_what_is_in_force(invoke: Invoke, tmp_path: Path) -> None:
    config = tmp_path / "trunkline.toml"
    config.write_text("workers = 2\n[auth.client_users]\nanna = 'geheim'\n")
    done = invoke("config", "show", str(config), TRUNKLINE_LIMITS__MOUNTS="7")
    assert done.exit_code == 0
    shown = tomllib.loads(done.stdout)
    assert (shown["workers"], shown["limits"]["mounts"], shown["publish_port"]) == (2, 7, 5554)
    assert "geheim" not in done.stdout


def test_config_without_a_file(invoke: Invoke, tmp_path: Path) -> None:
    assert tomllib.loads(invoke("config", "show").stdout)["publish_port"] == 5554
    assert invoke("config", "check").stdout == "ok\n"
    config = tmp_path / "trunkline.toml"
    config.write_text("publish_port = 7\n")
    assert tomllib.loads(invoke("config", "show", TRUNKLINE_CONFIG=str(config)).stdout)["publish_port"] == 7
    config.write_text("publish_prt = 7\n")
    assert invoke("config", "check", TRUNKLINE_CONFIG=str(config)).exit_code == 2


def test_what_show_prints_is_no_file_with_passwords(invoke: Invoke, tmp_path: Path) -> None:
    config = tmp_path / "trunkline.toml"
    config.write_text("[auth.client_users]\nanna = 'geheim'\n")
    shown = tmp_path / "shown.toml"
    shown.write_text(invoke("config", "show", str(config)).stdout)
    done = invoke("config", "check", str(shown))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "anna has the mask that `config show` prints instead" in done.stderr
