"""The options that all programs of a router have."""

import pytest

from router.cli.options import help_of
from router.settings import Settings
from tests.unit.router.cli.command import trunkline
from tests.unit.router.cli.conftest import Invoke

COMMANDS = ("serve", "front", "worker")
OPTIONS = (
    "--config", "--host", "--publish-port", "--client-port", "--rtp-port-start", "--rtp-port-count", "--workers",
    "--hooks", "--runtime-dir", "--log-level", "--log-format",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_program_has_every_option(command: str) -> None:
    done = trunkline(command, "--help")
    assert done.returncode == 0
    assert [option for option in OPTIONS if f"  {option} " not in done.stdout] == []
    assert "launched" not in done.stdout


@pytest.mark.parametrize(
    "arguments", [("serve", "--nonsense"), ("nonsense",), ("worker",), ("worker", "--index", "-1")]
)
def test_wrong_calls_exit_2(invoke: Invoke, arguments: tuple[str, ...]) -> None:
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert "Usage:" in done.stderr


@pytest.mark.parametrize(
    ("setting", "end"), [("publish_port", " (default: 5554)"), ("workers", " (default: auto)"), ("hooks", "")]
)
def test_a_settings_help_ends_with_its_default(setting: str, end: str) -> None:
    description = Settings.model_fields[setting].description
    assert help_of(setting) == f"{description}{end}"


def test_a_default_that_differs_from_user_to_user_is_not_told() -> None:
    assert "default:" not in help_of("runtime_dir")
