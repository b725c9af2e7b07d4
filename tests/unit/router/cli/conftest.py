"""Commands that are carried out inside the tests' process: no other program is started for them."""

import os
from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from router.cli import app

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Invoke:
    for name in [name for name in os.environ if name.upper().startswith("TRUNKLINE_")]:
        monkeypatch.delenv(name)

    def invoke(*arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(app, arguments, env=environment)

    return invoke
