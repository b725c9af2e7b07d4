"""Administration: `trunkline status` and its like, and the front, over the workers' socket."""

from dataclasses import dataclass
from typing import Annotated

from workers.contract.fields import AtMost, Name, Path


@dataclass(frozen=True, slots=True)
class StatusQuery:
    """Ask a front for the state of everything. Answered with `StatusAnswer`."""


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """The state of everything as a JSON document (see `router/README.md`)."""

    document: Annotated[str, AtMost(256 * 1024 * 1024)]


@dataclass(frozen=True, slots=True)
class AdminCommand:
    """Tell a front to do something: `trunkline move` and its like. Answered with `AdminAnswer`s."""

    verb: Name
    arguments: Annotated[tuple[Path, ...], AtMost(16)]


@dataclass(frozen=True, slots=True)
class AdminAnswer:
    """What became of an order, for people. Those before the last say `more`: lines of progress, or "" every second."""

    ok: bool
    text: Annotated[str, AtMost(1024 * 1024)]
    more: bool = False
