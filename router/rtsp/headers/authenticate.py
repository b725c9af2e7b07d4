"""The WWW-Authenticate header: what a server wants to be shown (RFC 7235 section 4.1, RFC 7616, RFC 7617)."""

import re
from dataclasses import dataclass, field

MAX_CHALLENGES = 8
"""Servers send three: two algorithms of Digest, and Basic."""

_ITEM = re.compile(
    r'[ \t,]*(?:(?P<name>[\w-]+)[ \t]*=[ \t]*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s",]*))|(?P<scheme>[\w-]+))'
)
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme that a server takes, in lower case, with its parameters, whose names are in lower case too."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_challenges(value: str) -> tuple[Challenge, ...]:
    """Read the header's value, which may hold several, up to what can't be read."""
    found: list[Challenge] = []
    position = 0
    while match := _ITEM.match(value, position):
        position = match.end()
        if match["scheme"]:
            if len(found) == MAX_CHALLENGES:
                break
            found.append(Challenge(match["scheme"].lower()))
        elif found:
            text = match["bare"] if match["quoted"] is None else _ESCAPED.sub(r"\1", match["quoted"])
            found[-1].parameters.setdefault(match["name"].lower(), text)
    return tuple(found)
