"""The program `trunkline` itself."""

import tomllib

from tests.unit.router.cli.command import ROOT, trunkline


def test_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    done = trunkline("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"trunkline {version}\n", "")
