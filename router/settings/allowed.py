"""What a setting may be, in words, made from its type and its bounds: for the README's table and for error messages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from router.settings import Settings

_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text in quotes",
    Path: "text in quotes",
    SecretStr: "text in quotes",
    dict: "a table",
}


@dataclass(slots=True)
class Allowed:
    """The types, words and bounds of one setting."""

    kinds: set[type] = field(default_factory=set)
    words: list[str] = field(default_factory=list)
    bounds: dict[str, Any] = field(default_factory=dict)

    def range(self) -> str:
        """Give the bounds as the table shows them; "" if there are none."""
        if "le" not in self.bounds:
            return ""
        least = f"{self.bounds['ge']} …" if "ge" in self.bounds else f"above {self.bounds['gt']}, to"
        return f"{least} {self.bounds['le']}"

    def sentence(self) -> str:
        """Give what follows "must be"."""
        if tuple in self.kinds:
            return f"a list with some of {', '.join(self.words)}"
        if self.words:
            return f"one of {', '.join(self.words)}"
        what = next((name for kind, name in _KINDS.items() if kind in self.kinds), "a table")
        if self.bounds.get("multiple_of") == 2:
            what = "an even number"
        if "le" in self.bounds:
            low = f"from {self.bounds['ge']}" if "ge" in self.bounds else f"above {self.bounds['gt']}, up"
            return f"{what} {low} to {self.bounds['le']}"
        if "max_length" in self.bounds:
            return (
                f"{self.bounds['min_length']} to {self.bounds['max_length']} characters,"
                " without quotes, backslashes or control characters"
            )
        return what


def allowed(setting: FieldInfo) -> Allowed:
    """Work out what a setting may be."""
    found = Allowed()
    _collect(setting.annotation, setting.metadata, found)
    return found


def at(keys: Sequence[str], model: type[BaseModel] = Settings) -> FieldInfo | None:
    """Find the setting that a place is in, such as `("auth", "schemes", "0")`; None if there is none."""
    setting = model.model_fields.get(keys[0]) if keys else None
    if setting is None or len(keys) == 1:
        return setting
    below, rows = submodel(setting), row_model(setting)
    if rows is not None:
        return at(keys[2:], rows) if len(keys) > 2 else setting
    return at(keys[1:], below) if below is not None else setting


def submodel(setting: FieldInfo) -> type[BaseModel] | None:
    """Give the model of a setting that is a table of settings; None for others."""
    kind = setting.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def row_model(setting: FieldInfo) -> type[BaseModel] | None:
    """Give the model of a setting that is a table of such tables by name; None for others."""
    kinds = get_args(setting.annotation) if get_origin(setting.annotation) is dict else ()
    return kinds[1] if kinds and isinstance(kinds[1], type) and issubclass(kinds[1], BaseModel) else None


def leaves(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Give every setting with its whole key, such as `limits.sessions`."""
    for name, setting in model.model_fields.items():
        below, rows = submodel(setting), row_model(setting)
        if below is not None:
            yield from leaves(below, f"{prefix}{name}.")
        else:
            yield prefix + name, setting
        if rows is not None:
            yield from leaves(rows, f'{prefix}{name}."/PATH".')


def _collect(kind: Any, metadata: Sequence[Any], found: Allowed) -> None:
    for each in metadata:
        if isinstance(each, FieldInfo):
            _collect(None, each.metadata, found)
        for name in ("ge", "gt", "le", "multiple_of", "min_length", "max_length"):
            if getattr(each, name, None) is not None:
                found.bounds[name] = getattr(each, name)
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        found.words += parts
    elif origin is Annotated:
        _collect(parts[0], parts[1:], found)
    elif origin in (Union, UnionType):
        for part in parts:
            _collect(part, (), found)
    elif origin is tuple:
        found.kinds.add(tuple)
        _collect(parts[0], (), found)
    elif kind not in (None, NoneType):
        found.kinds.add(origin or kind)
