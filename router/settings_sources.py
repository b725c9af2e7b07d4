"""Where settings come from: the command line over the environment over a TOML file over the defaults.

The one place that turns what doesn't fit into words for people: key, value, where it came from, what is allowed.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource, TomlConfigSettingsSource
from pydantic_settings import SettingsError as SourceError

from router.settings import Settings

PREFIX = "TRUNKLINE_"
CONFIG_VARIABLE = PREFIX + "CONFIG"
TESTS_PREFIX = PREFIX + "TESTS_"


class SettingsError(Exception):
    """Settings that don't fit; `problems` has a line for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class _Layer:
    """What one source says, by nested key; `name` says where one of its keys stands, for people."""

    kind: str
    values: Mapping[str, Any]

    def has(self, keys: Sequence[str]) -> bool:
        values: Any = self.values
        for key in keys:
            if not isinstance(values, Mapping):
                return isinstance(values, list | tuple | str)  # what follows is a place inside of it
            if key not in values:
                return False
            values = values[key]
        return True

    def name(self, keys: Sequence[str]) -> str:
        if self.kind == "command line":
            return "--" + keys[0].replace("_", "-")
        if self.kind == "environment":
            return PREFIX + "__".join(key for key in keys if not key.isdecimal()).upper()
        return self.kind


def load(config: Path | None, command_line: Mapping[str, Any]) -> Settings:
    """Work out the effective settings of a program.

    `config` is the TOML file to read; None reads the one that `TRUNKLINE_CONFIG` names, if it names one.
    `command_line` has the options that were given, by setting.

    Raises:
        SettingsError: for a file that can't be read, an unknown key, or a value that is not allowed.
    """
    if config is None and os.environ.get(CONFIG_VARIABLE):
        config = Path(os.environ[CONFIG_VARIABLE])
    layers = [_Layer("command line", command_line), _environment()]
    if config is not None:
        layers.append(_file(config))
    merged: dict[str, Any] = {}
    for layer in reversed(layers):
        _lay_over(merged, layer.values)
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise SettingsError([_describe(each, layers) for each in error.errors()]) from None


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """List the variables that look like settings and are none.

    They are worth a warning and no more: Kubernetes gives every pod beside a service named `trunkline` a
    TRUNKLINE_SERVICE_HOST and a TRUNKLINE_PORT.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE}
    return sorted(
        name
        for name in environment
        if name.upper().startswith(PREFIX)
        and not name.upper().startswith(TESTS_PREFIX)
        and name.upper().split("__")[0] not in known
    )


def to_json(settings: Settings) -> bytes:
    """Write settings, secrets and all, for the eyes of another program of this router only."""

    def plain(value: object) -> str:
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    return json.dumps(settings.model_dump(), default=plain).encode()


def from_json(data: bytes) -> Settings:
    """Read what `to_json` wrote.

    Raises:
        SettingsError: for anything else.
    """
    try:
        return Settings.model_validate(json.loads(data))
    except (ValueError, TypeError) as error:  # ValidationError, JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise SettingsError([f"settings from the launcher: {error}"]) from None


def _environment() -> _Layer:
    try:
        return _Layer("environment", EnvSettingsSource(Settings)())
    except SourceError as error:
        raise SettingsError([f"environment: {error}: {error.__cause__}"]) from None


def _file(path: Path) -> _Layer:
    # pydantic-settings skips a file that isn't there; a named file that isn't there is a mistake.
    try:
        with path.open("rb"):
            pass
        return _Layer(str(path), TomlConfigSettingsSource(Settings, path)())
    except OSError as error:
        raise SettingsError([f"{path}: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"{path}: not TOML: {error}"]) from None


def _lay_over(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(below.get(key), dict):
            _lay_over(below[key], value)
        else:
            below[key] = dict(value) if isinstance(value, Mapping) else value


def _describe(error: ErrorDetails, layers: Sequence[_Layer]) -> str:
    keys = [str(each) for each in error["loc"]]
    if not keys:  # a check across settings, which names them and their values itself
        return _allowed(error)
    source = next((layer for layer in layers if layer.has(keys)), None)
    where = f" ({source.name(keys)})" if source is not None else ""
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(".".join(keys), list(_known_keys(Settings)), n=1)
        return f"{'.'.join(keys)}{where}: no such setting" + (f"; did you mean {near[0]}?" if near else "")
    secret = keys[0] == "auth" and keys[1:2] in (["publish_users"], ["client_users"])
    value = "" if secret else f" = {error['input']!r}"
    return f"{'.'.join(keys)}{value}{where}: {_allowed(error)}"


def _allowed(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ")
    return message.replace("Input should", "should").replace("String should", "should")


def _known_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield prefix + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _known_keys(field.annotation, f"{prefix}{name}.")
