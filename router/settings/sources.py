"""Where settings come from: the command line over the environment over a TOML file over the defaults.

Each key wins for itself; a table of users is one value, and replaces what stands below it as a whole.
The one place that turns what doesn't fit into words for people: key, value, where it came from, what is allowed.
"""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as SourceError

from router.settings import Settings
from router.settings.allowed import allowed, at, leaves, submodel

PREFIX = "TRUNKLINE_"
CONFIG_VARIABLE = PREFIX + "CONFIG"
TESTS_PREFIX = PREFIX + "TESTS_"

_OPTIONS = {"files": "file"}
"""Options that aren't named as their settings: each is one of several."""

NEAR = 0.8
"""So much alike a name is a slip: TRUNKLINE_WORKER is one, a Kubernetes service's TRUNKLINE_SERVICE_PORT is none."""


class SettingsError(Exception):
    """Settings that don't fit; `problems` has a line for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class _Variables(Settings, BaseSettings):
    """The settings as pydantic-settings finds them in the environment."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__")


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
            return "--" + _OPTIONS.get(keys[0], keys[0].replace("_", "-"))
        if self.kind == "environment":
            names = [PREFIX + "__".join(keys[:count]).upper() for count in range(len(keys), 0, -1)]
            there = {name.upper() for name in os.environ}
            return next((name for name in names if name in there), names[0])
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
    layers = [_Layer("command line", _read_texts(command_line, Settings)), _environment()]
    if config is not None:
        layers.append(_file(config))
    merged: dict[str, Any] = {}
    for layer in reversed(layers):
        _lay_over(merged, layer.values, Settings)
    problems = [
        f"{name} is in the environment, but there is no such setting; did you mean {near}?"
        for name, near in _unknown(os.environ).items()
        if near is not None
    ]
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        problems += [_describe(each, layers) for each in error.errors()]
    if problems:
        raise SettingsError(problems)
    return settings


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """List the variables that look like settings, are none, and are not even near one, which `load` refuses.

    They are worth a warning and no more: Kubernetes gives every pod beside a service named `trunkline` a
    TRUNKLINE_SERVICE_HOST and a TRUNKLINE_PORT.
    """
    return [name for name, near in _unknown(environment).items() if near is None]


def _unknown(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Find the variables that look like settings and are none, each with the one that may be meant."""
    known = [key.replace(".", "__") for key, _ in leaves()]
    candidates = [*known, CONFIG_VARIABLE.removeprefix(PREFIX).lower()]
    found: dict[str, str | None] = {}
    for name in sorted(environment):
        key = name.upper().removeprefix(PREFIX).lower()
        if not name.upper().startswith(PREFIX) or name.upper().startswith(TESTS_PREFIX) or key in candidates:
            continue
        top = Settings.model_fields.get(key.split("__")[0])
        if top is not None and submodel(top) is not None:  # what is below has its place in the settings' own checks
            continue
        near = difflib.get_close_matches(key, candidates, n=1, cutoff=NEAR)
        found[name] = PREFIX + near[0].upper() if near else None
    return found


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
        return _Layer("environment", _read_texts(EnvSettingsSource(_Variables)(), Settings))
    except SourceError as error:
        raise SettingsError(_not_json() or [f"environment: {error}"]) from None


def _not_json() -> list[str]:
    """Name the variables that must be JSON and are not; never their values, which have passwords."""
    problems = []
    for name, value in os.environ.items():
        setting = at(name.upper().removeprefix(PREFIX).lower().split("__"))
        if not name.upper().startswith(PREFIX) or setting is None:
            continue
        if submodel(setting) is not None or dict in allowed(setting).kinds:
            try:
                json.loads(value)
            except ValueError as error:
                problems.append(f"{name}: must be a table in JSON: {error}")
    return problems


def _read_texts(values: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Make numbers and lists of texts where the settings are such; what can't be one stays text, and is refused."""
    read = dict(values)
    for key, value in values.items():
        setting = model.model_fields.get(key)
        below = submodel(setting) if setting is not None else None
        if below is not None and isinstance(value, Mapping):
            read[key] = _read_texts(value, below)
        elif setting is not None and isinstance(value, str):
            read[key] = _read_text(value.strip(), allowed(setting).kinds, value)
    return read


def _read_text(text: str, kinds: set[type], otherwise: str) -> Any:
    if tuple in kinds:
        return [each.strip() for each in text.split(",")]
    try:
        if int in kinds and re.fullmatch(r"[+-]?[0-9]+", text):
            return int(text)
        if float in kinds:
            return float(text)
    except ValueError:
        pass
    return otherwise


def _file(path: Path) -> _Layer:
    try:
        with path.open("rb") as file:
            return _Layer(str(path), tomllib.load(file))
    except OSError as error:
        raise SettingsError([f"{path}: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"{path}: not TOML: {error}"]) from None


def _lay_over(below: dict[str, Any], above: Mapping[str, Any], model: type[BaseModel]) -> None:
    for key, value in above.items():
        setting = model.model_fields.get(key)
        nested = submodel(setting) if setting is not None else None
        if nested is not None and isinstance(value, Mapping) and isinstance(below.setdefault(key, {}), dict):
            _lay_over(below[key], value, nested)
        else:
            below[key] = value


def _describe(error: ErrorDetails, layers: Sequence[_Layer]) -> str:
    keys = [str(each) for each in error["loc"]]
    if not keys:  # a check across settings, which names them and their values itself
        return _in_our_words(error, keys)
    missing = error["type"] == "missing"
    source = next((layer for layer in layers if layer.has(keys[:-1] if missing else keys)), None)
    where = f" ({source.name(keys)})" if source is not None else ""
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(".".join(keys), [key for key, _ in leaves()], n=1)
        return f"{'.'.join(keys)}{where}: no such setting" + (f"; did you mean {near[0]}?" if near else "")
    secret = keys[0] == "auth" and keys[1:2] in ([], ["publish_users"], ["client_users"])
    is_table = error["type"] == "value_error" and isinstance(error["input"], dict)  # the message names what is in it
    value = " is missing" if missing else "" if secret or is_table else f" = {error['input']!r:.100}"
    return f"{'.'.join(keys)}{value}{where}: {_in_our_words(error, keys)}"


def _in_our_words(error: ErrorDetails, keys: Sequence[str]) -> str:
    setting = at(keys)
    if error["type"] == "value_error" or setting is None:
        return error["msg"].removeprefix("Value error, ")
    may_be = allowed(setting)
    if dict in may_be.kinds and len(keys) > 2:
        return "must be text in quotes"
    return f"must be {may_be.sentence()}"
