"""Session descriptions (RFC 4566): what a publisher announces, and what readers get of it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from router.rtsp.digits import read_number
from router.rtsp.errors import LocalError, PeerError

MAX_FORMATS = 64
"""Payload types of one media; a contract's track holds as many. RTP has 128, browsers offer twenty."""
_MAX_CLOCK_RATE = 2**31

_LINE = re.compile(r"[a-z]=[^\x00-\x08\x0a-\x1f\x7f]*")
_KIND = re.compile(r"[!-~]{1,64}")
_RTPMAP = re.compile(r"a=rtpmap:\s*([0-9]+)\s+([!-.0-~]+)/([0-9]+)(?:/.*)?")
_CONTROL = re.compile(r"a=control\s*:(.*)", re.IGNORECASE)
_ORDER = "vosiuepcbtzka"
"""Session-level line types in the order that RFC 4566 section 5 demands; `r` goes with the `t` before it."""

_STATIC_CLOCK_RATES = {
    6: 16000, 10: 44100, 11: 44100, 14: 90000, 16: 11025, 17: 22050,
    **dict.fromkeys((0, 3, 4, 5, 7, 8, 9, 12, 13, 15, 18), 8000),
}  # fmt: skip
"""RFC 3551 tables 4 and 5; all the others, and dynamic types without rtpmap, are taken for video's 90 kHz."""


@dataclass(frozen=True, slots=True)
class Media:
    """One `m=` section. Every payload type of `formats` has a clock rate; `encodings` are rtpmap's names.

    `lines` are the section's, as they came, bytes that aren't UTF-8 as surrogates; so in `SessionDescription`.
    """

    kind: str
    formats: tuple[int, ...]
    clock_rates: dict[int, int]
    encodings: dict[int, str]
    control: str | None
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A parsed description: its session-level lines and its medias."""

    session_control: str | None
    medias: tuple[Media, ...]
    lines: tuple[str, ...]


def parse_sdp(body: bytes, max_tracks: int) -> SessionDescription:
    """Read a publisher's description. Session-level lines may be missing, lines may end with LF alone.

    Raises:
        PeerError: 400 with the reason.
    """
    sections: list[list[str]] = [[]]
    for line in _lines(body):
        if line.startswith("m="):
            if len(sections) > max_tracks:
                raise PeerError(400, f"SDP has more than {max_tracks} tracks")
            sections.append([])
        sections[-1].append(line)
    session, *medias = sections
    if not medias:
        raise PeerError(400, "SDP has no media")
    if any(line.startswith("v=") and line.rstrip() != "v=0" for line in session):
        raise PeerError(400, "SDP version is not 0")
    return SessionDescription(_control(session), tuple(_parse_media(lines) for lines in medias), tuple(session))


def description_for_readers(
    description: SessionDescription,
    *,
    session_id: int,
    host: str,
    controls: Sequence[str],
) -> bytes:
    """Write what DESCRIBE answers: origin, address, ports and controls are ours, every other line is the publisher's.

    The publisher's `c=` is left out everywhere: no reader joins a group because of it. `host` is ours, numeric or a
    name; `controls` names each track.

    Raises:
        LocalError: if there aren't as many controls as medias, or a value can't stand in a line.
    """
    if len(controls) != len(description.medias):
        raise LocalError(f"{len(controls)} controls for {len(description.medias)} tracks")
    family, nowhere = ("IP6", "::") if ":" in host else ("IP4", "0.0.0.0")
    ours = ["v=0", f"o=- {session_id} 1 IN {family} {host}", f"c=IN {family} {nowhere}", "a=control:*"]
    replaced = ("v=", "o=", "c=")
    kept = [line for line in description.lines if not line.startswith(replaced) and not _CONTROL.fullmatch(line)]
    present = {line[0] for line in kept}
    defaults = [line for line in ("s=-", "t=0 0") if line[0] not in present]
    lines = sorted([*ours, *defaults, *kept], key=_rank)
    for media, control in zip(description.medias, controls, strict=True):
        lines += _media_for_readers(media, control)
    if not all(_LINE.fullmatch(line) for line in lines):
        raise LocalError("control character in the SDP")
    return "".join([f"{line}\r\n" for line in lines]).encode(errors="surrogateescape")


def _lines(body: bytes) -> Iterator[str]:
    # Lenient readers take a lone CR or a space in front for a line break: a `c=` hidden by it would pass as ours.
    # What isn't UTF-8 (a title in Latin-1) comes out as it went in.
    for number, line in enumerate(body.decode(errors="surrogateescape").split("\n"), 1):
        line = line.removesuffix("\r")
        if not line.strip(" \t"):
            continue
        if not _LINE.fullmatch(line):
            raise PeerError(400, f"SDP line {number} is broken")
        yield line


def _parse_media(lines: list[str]) -> Media:
    words = lines[0][2:].split()
    if len(words) < 4:
        raise PeerError(400, "SDP has a broken m= line")
    kind, _, protocol, *names = words
    if not _KIND.fullmatch(kind):
        raise PeerError(400, "SDP has a broken m= line")
    if not protocol.startswith("RTP/"):
        raise PeerError(400, "SDP has media that is not RTP")
    rtpmaps = [_parse_rtpmap(line) for line in lines if line.startswith("a=rtpmap:")]
    # TP-Link cameras announce `m=application/TP-LINK 0 RTP/AVP smart/1/90000` and the payload type by rtpmap alone.
    formats = tuple(dict.fromkeys(_payload_types(names))) or tuple(dict.fromkeys(each[0] for each in rtpmaps))
    if not formats:
        raise PeerError(400, f"SDP has {kind} media without a payload type")
    if len(formats) > MAX_FORMATS:
        raise PeerError(400, f"SDP has media of more than {MAX_FORMATS} formats")
    clock_rates = {each: _STATIC_CLOCK_RATES.get(each, 90000) for each in formats}
    clock_rates |= {each: clock_rate for each, _, clock_rate in rtpmaps if each in clock_rates}
    encodings = {each: name for each, name, _ in rtpmaps if each in clock_rates}
    return Media(kind, formats, clock_rates, encodings, _control(lines), tuple(lines))


def _payload_types(names: list[str]) -> Iterator[int]:
    for name in names:
        payload_type = read_number(name, 0, 127)
        if payload_type is not None:
            yield payload_type
        elif name.isdigit():
            raise PeerError(400, "SDP has a payload type over 127")


def _parse_rtpmap(line: str) -> tuple[int, str, int]:
    match = _RTPMAP.fullmatch(line.rstrip())
    payload_type = read_number(match[1], 0, 127) if match else None
    clock_rate = read_number(match[3], 1, _MAX_CLOCK_RATE) if match else None
    if match is None or payload_type is None or clock_rate is None:
        raise PeerError(400, "SDP has a broken rtpmap")
    return payload_type, match[2], clock_rate


def _control(lines: Sequence[str]) -> str | None:
    for line in lines:
        if match := _CONTROL.fullmatch(line):
            # Nobody can ask for what isn't UTF-8, so nothing is lost; what is left can be logged and stored.
            return match[1].strip().encode(errors="surrogateescape").decode(errors="replace") or None
    return None


def _rank(line: str) -> int:
    kind = "t" if line[0] == "r" else line[0]
    return _ORDER.index(kind if kind in _ORDER else "a")


def _media_for_readers(media: Media, control: str) -> list[str]:
    kind, _, rest = media.lines[0].split(maxsplit=2)
    lines = [f"{kind} 0 {rest}"]
    ours = f"a=control:{control}"
    for line in media.lines[1:]:
        if _CONTROL.fullmatch(line):
            if ours not in lines:
                lines.append(ours)
        elif not line.startswith("c="):
            lines.append(line)
    return lines if ours in lines else [*lines, ours]
