"""The RTP-Info header (RFC 2326 section 12.33)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from router.rtsp.digits import read_number
from router.rtsp.errors import PeerError

# Commas and semicolons may stand in a URL: an entry ends where the next `url=` begins, its parameters are read from
# its end.
_NEXT_ENTRY = re.compile(r",[ \t]*(?=url=)", re.IGNORECASE)
_PARAMETER = re.compile(r"[ \t]*(seq|rtptime|ssrc)[ \t]*=(.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RtpInfoEntry:
    """Where one track's stream stands: its next packet's sequence number and timestamp, None where not known."""

    url: str
    sequence: int | None = None
    rtp_time: int | None = None


def parse_rtp_info(value: str) -> tuple[RtpInfoEntry, ...]:
    """Read the header's value.

    Raises:
        PeerError: 400 where the syntax is broken or a number is none.
    """
    return tuple(_parse_entry(text.strip()) for text in _NEXT_ENTRY.split(value))


def format_rtp_info(entries: Iterable[RtpInfoEntry]) -> str:
    """Write the header's value."""
    return ",".join(
        f"url={entry.url}"
        + ("" if entry.sequence is None else f";seq={entry.sequence}")
        + ("" if entry.rtp_time is None else f";rtptime={entry.rtp_time}")
        for entry in entries
    )


def _parse_entry(text: str) -> RtpInfoEntry:
    parts = text.split(";")
    values: dict[str, str] = {}
    while len(parts) > 1 and (match := _PARAMETER.fullmatch(parts[-1])):
        values[match[1].lower()] = match[2].strip()
        parts.pop()
    name, _, url = ";".join(parts).partition("=")
    if name.lower() != "url" or not url.strip('"'):
        raise PeerError(400, "broken RTP-Info")
    return RtpInfoEntry(url.strip('"'), _number(values, "seq", 2**16 - 1), _number(values, "rtptime", 2**32 - 1))


def _number(values: dict[str, str], name: str, most: int) -> int | None:
    if name not in values:
        return None
    number = read_number(values[name], 0, most)
    if number is None:
        raise PeerError(400, f"RTP-Info has a bad {name}")
    return number
