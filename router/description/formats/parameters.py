"""fmtp parameters as fields of a dataclass: name, allowed values, text and back (RFC 4566 section 6, RFC 4855)."""

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from router.rtsp.digits import read_number

_WORD = re.compile(r"[!-:<-~]+")


@dataclass(frozen=True)
class Parameter:
    """One fmtp parameter.

    `name` is the RFC's, `read` gives None for text that is not allowed, `write` is its inverse, `allows` says whether
    a value is one that `read` could have given, `allowed` says so in words. A value equal to `absent` isn't written.
    """

    name: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]
    allows: Callable[[Any], bool]
    allowed: str
    absent: Any


def number(name: str, least: int, most: int, default: int | None = None, *, absent: int | None = None) -> Any:
    """Declare a field that is a decimal number."""

    def allows(value: Any) -> bool:
        return type(value) is int and least <= value <= most

    def read(text: str) -> int | None:
        return read_number(text, least, most)

    return _field(Parameter(name, read, str, allows, f"{least} to {most}", absent), default)


def flag(name: str, default: bool = False) -> Any:
    """Declare a field that is written as 0 or 1."""

    def allows(value: Any) -> bool:
        return type(value) is bool

    def write(value: bool) -> str:
        return str(int(value))

    return _field(Parameter(name, {"0": False, "1": True}.get, write, allows, "True or False", default), default)


def octets(name: str, least: int, most: int | None = None) -> Any:
    """Declare a field of bytes that are written in hexadecimal."""
    size = f"exactly {least}" if least == most else f"at least {least}"

    def allows(value: Any) -> bool:
        return isinstance(value, bytes) and least <= len(value) and (most is None or len(value) <= most)

    def read(text: str) -> bytes | None:
        try:
            value = bytes.fromhex(text)
        except ValueError:
            return None
        return value if allows(value) else None

    return _field(Parameter(name, read, bytes.hex, allows, f"{size} bytes", None), None)


def word(name: str, default: str | None = None) -> Any:
    """Declare a field that is a word without blanks and semicolons."""

    def allows(value: Any) -> bool:
        return isinstance(value, str) and _WORD.fullmatch(value) is not None

    def read(text: str) -> str | None:
        return text if allows(text) else None

    return _field(Parameter(name, read, str, allows, "a word", None), default)


def parameters_of(family: Any) -> dict[str, Parameter]:
    """Return the declared parameters of a format's type by the name of their field, in order."""
    declared = {each.name: each.metadata.get(Parameter.__name__) for each in dataclasses.fields(family)}
    return {field: parameter for field, parameter in declared.items() if parameter is not None}


def split_fmtp(fmtp: str | None) -> Iterator[tuple[str, str, str]]:
    """Give each parameter's name in lower case, its value, and its text as it stands."""
    for part in (fmtp or "").split(";"):
        if text := part.strip():
            name, _, value = text.partition("=")
            yield name.strip().lower(), value.strip(), text


def _field(parameter: Parameter, default: Any) -> Any:
    return dataclasses.field(default=default, metadata={Parameter.__name__: parameter})
