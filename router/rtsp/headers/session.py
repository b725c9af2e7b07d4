"""The Session header (RFC 2326 section 12.37)."""

import re
from dataclasses import dataclass

from router.rtsp.digits import read_number
from router.rtsp.errors import LocalError

_ID = re.compile(r"[0-9A-Za-z$_.+-]{1,128}")
_TIMEOUT = re.compile(r"[ \t]*timeout[ \t]*=[ \t]*([0-9]+)[ \t]*", re.IGNORECASE)
_MAX_TIMEOUT_S = 10**9


@dataclass(frozen=True, slots=True)
class SessionHeader:
    """What a peer says of a session: `timeout_s` is None where it doesn't say."""

    id: str
    timeout_s: int | None = None


def format_session(id: str, timeout_s: int) -> str:
    """Write the header's value.

    Raises:
        LocalError: if the id is none by the RFC (3.4), or over 128 characters.
    """
    if not _ID.fullmatch(id):
        raise LocalError(f"{id!r:.40} is no session id")
    return f"{id};timeout={timeout_s}"


def parse_session(value: str) -> SessionHeader:
    """Read the header's value. Any text is an id: one that isn't ours is unknown, and that is its answer.

    Parameters stand in a request too: `Session: 123;timeout=60` is what some clients send back, as they got it.
    """
    id, *parameters = value.split(";")
    for parameter in parameters:
        if timeout := _TIMEOUT.fullmatch(parameter):
            return SessionHeader(id.strip(" \t"), read_number(timeout[1], 0, _MAX_TIMEOUT_S))
    return SessionHeader(id.strip(" \t"))
