"""The RTP-Info header: where each track's packets begin (RFC 2326 section 12.33)."""

import re
from dataclasses import dataclass

from router.rtsp.digits import read_number

_ENTRIES = re.compile(r",(?=\s*url\s*=)", re.IGNORECASE)  # URLs hold commas too
MAX_ENTRIES = 64
"""Twice the tracks of a description."""


@dataclass(frozen=True, slots=True)
class TrackStart:
    """The first packet of one track; what isn't said, or is no number that RTP has, is None."""

    url: str
    sequence: int | None = None
    rtp_time: int | None = None


def parse_rtp_info(value: str) -> tuple[TrackStart, ...]:
    """Read the header's value; entries without a URL are left out."""
    found = []
    for entry in _ENTRIES.split(value)[:MAX_ENTRIES]:
        pairs = (part.partition("=") for part in entry.split(";"))
        values = {name.strip().lower(): text.strip() for name, _, text in pairs}
        if url := values.get("url", "").strip('"'):
            sequence = read_number(values.get("seq", ""), 0, 0xFFFF)
            found.append(TrackStart(url, sequence, read_number(values.get("rtptime", ""), 0, 0xFFFF_FFFF)))
    return tuple(found)
