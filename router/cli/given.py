"""What a command was given: its settings, of options, environment and file, or an exit that says what is wrong."""

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from router.cli.options import Given
from router.settings import Settings
from router.settings import sources as settings_sources
from router.settings.sources import SettingsError


def settings_of(given: Given) -> Settings:
    """Give the effective settings of a command, or exit with status 2 and say why."""
    options = dict(given)
    config = options.pop("config", None)
    return load(config, options | _files(options.pop("file", None), options.pop("loop", False)))


def launchers_settings() -> Settings:
    """Give the settings that a launcher wrote to standard input, where no list of processes shows the passwords."""
    try:
        return settings_sources.from_json(sys.stdin.buffer.read())
    except SettingsError as error:
        fail(2, *error.problems)


def _files(given: list[str] | None, loop: bool) -> dict[str, Any]:
    if not given:
        if loop:
            fail(2, "--loop: there is no --file that it could be of")
        return {}
    pairs = [each.partition("=") for each in given]
    wrong = next((each for each, (path, _, file) in zip(given, pairs, strict=True) if not path or not file), None)
    if wrong is not None:
        fail(2, f"--file {wrong}: must be /PATH=FILE, such as /movie=film.mp4")
    files: dict[str, Any] = {}
    for path, _, file in pairs:
        if path in files:
            fail(2, f"--file {path}={file}: {path} has a file already, {files[path]['file']}")
        files[path] = {"file": file, "loop": loop}
    return {"files": files}


def load(config: Path | None, given: dict[str, Any]) -> Settings:
    """Load the settings of a command, or exit with status 2 and say why."""
    for name in settings_sources.unknown_variables(os.environ):
        print(f"trunkline: {name} is in the environment, but there is no such setting", file=sys.stderr)
    try:
        return settings_sources.load(config, given)
    except SettingsError as error:
        fail(2, *error.problems)


def check_hooks(settings: Settings) -> None:
    """Exit with status 2 where the hooks of the settings are none, and say why."""
    if settings.hooks is None:
        return
    from router.handlers import hooks_check

    problem = hooks_check.problem(settings)
    if problem is not None:
        fail(2, problem)


def fail(status: int, *problems: str) -> NoReturn:
    """Exit, and say why."""
    for problem in problems:
        print(f"trunkline: {problem}", file=sys.stderr)
    sys.exit(status)
