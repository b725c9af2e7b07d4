"""The Range header (RFC 2326 sections 3.5 to 3.7 and 12.29).

A live router seeks nowhere: a range is checked and passed on, so its times stay text.
"""

import re
from dataclasses import dataclass

from router.rtsp.errors import LocalError, PeerError

_NPT = re.compile(r"now|[0-9]{1,15}(\.[0-9]{0,9})?|[0-9]{1,9}:[0-5]?[0-9]:[0-5]?[0-9](\.[0-9]{0,9})?", re.IGNORECASE)
_CLOCK = re.compile(r"[0-9]{8}T[0-9]{6}(\.[0-9]{1,9})?Z")
_SMPTE = re.compile(r"[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]{1,2})?)?")
_TIMES = {"npt": _NPT, "clock": _CLOCK, "smpte": _SMPTE, "smpte-25": _SMPTE, "smpte-30-drop": _SMPTE}
_UNIT = re.compile(r"[a-z0-9-]{1,32}")
_UNSAFE = re.compile(r"[\x00-\x20\x7f;]")


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of time; an open end is "". An unknown unit keeps its whole text in `start`.

    `time` is when the range takes effect, a UTC clock time, "" for at once.
    """

    unit: str
    start: str
    end: str = ""
    time: str = ""


LIVE = Range("npt", "now")
"""From now on, for ever: what a live stream plays."""


def parse_range(value: str) -> Range:
    """Read the header's value, or that of an SDP's `a=range`.

    Raises:
        PeerError: 400 where the syntax is broken.
    """
    spec, *parameters = value.split(";")
    unit, equals, times = (part.strip() for part in spec.partition("="))
    unit = unit.lower()
    time = _time(parameters)
    if not _UNIT.fullmatch(unit) or not equals or not times:
        raise PeerError(400, "broken Range")
    if unit not in _TIMES:
        if _UNSAFE.search(times):
            raise PeerError(400, "broken Range")
        return Range(unit, times, "", time)
    start, end = (part.strip() for part in times.partition("-")[::2])
    # A single time is no range by the RFC, but PLAY with `npt=0` means from there on.
    if not (start or end) or any(part and not _TIMES[unit].fullmatch(part) for part in (start, end)):
        raise PeerError(400, f"broken {unit} Range")
    return Range(unit, start, end, time)


def format_range(range: Range) -> str:
    """Write the header's value.

    Raises:
        LocalError: if a part can't stand in the header.
    """
    if any(_UNSAFE.search(part) for part in (range.unit, range.start, range.end, range.time)):
        raise LocalError("control character in a Range")
    times = f"{range.start}-{range.end}" if range.unit in _TIMES else range.start
    return f"{range.unit}={times}" + (f";time={range.time}" if range.time else "")


def _time(parameters: list[str]) -> str:
    for parameter in parameters:
        name, _, time = (part.strip() for part in parameter.partition("="))
        if name.lower() == "time":
            if not _CLOCK.fullmatch(time):
                raise PeerError(400, "broken time of a Range")
            return time
    return ""
