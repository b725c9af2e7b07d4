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
_NUMBERED = re.compile(r"a=(?:rtpmap|fmtp):\s*([0-9]+)\s+(.*)")
_RTPMAP = re.compile(r"([!-.0-~]+)/([0-9]+)(?:/(.*))?")
_CONTROL = re.compile(r"a=control\s*:(.*)", re.IGNORECASE)
_ORDER = "vosiuepcbtzka"
"""Session-level line types in the order that RFC 4566 section 5 demands; `r` goes with the `t` before it."""

_STATIC_CLOCK_RATES = {
    6: 16000, 10: 44100, 11: 44100, 14: 90000, 16: 11025, 17: 22050,
    **dict.fromkeys((0, 3, 4, 5, 7, 8, 9, 12, 13, 15, 18), 8000),
}  # fmt: skip
"""RFC 3551 tables 4 and 5; all the others, and dynamic types without rtpmap, are taken for video's 90 kHz."""


@dataclass(frozen=True, slots=True)
class Rtpmap:
    """What an rtpmap says of a payload type: its encoding, clock rate in Hz, and parameters: the channels of audio."""

    encoding: str
    clock_rate: int
    parameters: str | None = None

    def __str__(self) -> str:
        parameters = "" if self.parameters is None else f"/{self.parameters}"
        return f"{self.encoding}/{self.clock_rate}{parameters}"


@dataclass(frozen=True, slots=True)
class SdpMedia:
    """One `m=` section. Every payload type of `formats` has a clock rate; `rtpmaps` and `fmtps` are of those too.

    `lines` are the section's, as they came, bytes that aren't UTF-8 as surrogates; so in `SdpDocument`.
    """

    kind: str
    formats: tuple[int, ...]
    clock_rates: dict[int, int]
    rtpmaps: dict[int, Rtpmap]
    control: str | None
    lines: tuple[str, ...]

    @property
    def fmtps(self) -> dict[int, str]:
        """The parameters of the payload types that have some: read each time, for an ANNOUNCE needs none of them."""
        return dict(_parse_fmtps(self.lines, self.formats))

    @property
    def is_sendonly(self) -> bool:
        """Whether it says that it only sends."""
        return any(line.strip().lower() == "a=sendonly" for line in self.lines)

    @property
    def encodings(self) -> dict[int, str]:
        """The names of the payload types that have an rtpmap."""
        return {each: rtpmap.encoding for each, rtpmap in self.rtpmaps.items()}


@dataclass(frozen=True, slots=True)
class SdpDocument:
    """A description as it was read, line for line: what a relay needs of it, and all that it passes on.

    `router.description.SessionDescription.of` gives the formats of its medias as types.
    """

    session_control: str | None
    medias: tuple[SdpMedia, ...]
    lines: tuple[str, ...]

    @property
    def back_channels(self) -> tuple[bool, ...]:
        """Tell which medias flow from readers to the publisher (ONVIF Streaming 5.3): those that are `sendonly`.

        Where all are, none is one: some cameras call all that they send so.
        """
        marked = tuple(media.is_sendonly for media in self.medias)
        return (False,) * len(marked) if all(marked) else marked


def parse_sdp(body: bytes, max_tracks: int) -> SdpDocument:
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
    return SdpDocument(_control(session), tuple(_parse_media(lines) for lines in medias), tuple(session))


def parse_rtpmap(text: str) -> Rtpmap | None:
    """Read what stands behind the payload type in an rtpmap; None if it is broken."""
    match = _RTPMAP.fullmatch(text)
    clock_rate = read_number(match[2], 1, _MAX_CLOCK_RATE) if match else None
    return Rtpmap(match[1], clock_rate, match[3]) if match and clock_rate is not None else None


def static_clock_rate(payload_type: int) -> int:
    """Return the clock rate, in Hz, of a payload type that has no rtpmap."""
    return _STATIC_CLOCK_RATES.get(payload_type, 90000)


def description_for_readers(
    description: SdpDocument,
    *,
    session_id: int,
    version: int = 1,
    host: str,
    controls: Sequence[str],
    back_channels: bool = False,
) -> bytes:
    """Write what DESCRIBE answers: origin, address, ports and controls are ours, every other line is the publisher's.

    The publisher's `c=` is left out everywhere: no reader joins a group because of it. `host` is ours, numeric or a
    name; `controls` names each track; `version` has to grow with each description of a session (RFC 4566 section 5.2).
    Back channels are there only for who asks for them: other readers would wait for their packets.

    Raises:
        LocalError: if there aren't as many controls as medias, or a value can't stand in a line.
    """
    if len(controls) != len(description.medias):
        raise LocalError(f"{len(controls)} controls for {len(description.medias)} tracks")
    family, nowhere = ("IP6", "::") if ":" in host else ("IP4", "0.0.0.0")
    ours = ["v=0", f"o=- {session_id} {version} IN {family} {host}", f"c=IN {family} {nowhere}", "a=control:*"]
    replaced = ("v=", "o=", "c=")
    kept = [line for line in description.lines if not line.startswith(replaced) and not _CONTROL.fullmatch(line)]
    present = {line[0] for line in kept}
    defaults = [line for line in ("s=-", "t=0 0") if line[0] not in present]
    lines = sorted([*ours, *defaults, *kept], key=_rank)
    for media, control, back_channel in zip(description.medias, controls, description.back_channels, strict=True):
        if back_channels or not back_channel:
            lines += _media_for_readers(media, control)
    if not all(_LINE.fullmatch(line) for line in lines):
        raise LocalError("control character in the SDP")
    return "".join([f"{line}\r\n" for line in lines]).encode(errors="surrogateescape")


def description_as_announced(description: SdpDocument) -> bytes:
    """Write it so that `parse_sdp` makes the same of it."""
    lines = [*description.lines, *(line for media in description.medias for line in media.lines)]
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


def _parse_media(lines: list[str]) -> SdpMedia:
    words = lines[0][2:].split()
    if len(words) < 4:
        raise PeerError(400, "SDP has a broken m= line")
    kind, _, protocol, *names = words
    if not _KIND.fullmatch(kind):
        raise PeerError(400, "SDP has a broken m= line")
    if not protocol.startswith("RTP/"):
        raise PeerError(400, "SDP has media that is not RTP")
    rtpmaps = dict(_parse_rtpmap(line) for line in lines if line.startswith("a=rtpmap:"))
    # TP-Link cameras announce `m=application/TP-LINK 0 RTP/AVP smart/1/90000` and the payload type by rtpmap alone.
    formats = tuple(dict.fromkeys(_payload_types(names))) or tuple(rtpmaps)
    if not formats:
        raise PeerError(400, f"SDP has {kind} media without a payload type")
    if len(formats) > MAX_FORMATS:
        raise PeerError(400, f"SDP has media of more than {MAX_FORMATS} formats")
    rtpmaps = {each: rtpmap for each, rtpmap in rtpmaps.items() if each in formats}
    clock_rates = {each: static_clock_rate(each) for each in formats}
    clock_rates |= {each: rtpmap.clock_rate for each, rtpmap in rtpmaps.items()}
    return SdpMedia(kind, formats, clock_rates, rtpmaps, _control(lines), tuple(lines))


def _payload_types(names: list[str]) -> Iterator[int]:
    for name in names:
        payload_type = read_number(name, 0, 127)
        if payload_type is not None:
            yield payload_type
        elif name.isdigit():
            raise PeerError(400, "SDP has a payload type over 127")


def _parse_rtpmap(line: str) -> tuple[int, Rtpmap]:
    match = _NUMBERED.fullmatch(line.rstrip())
    payload_type = read_number(match[1], 0, 127) if match else None
    rtpmap = parse_rtpmap(match[2]) if match else None
    if payload_type is None or rtpmap is None:
        raise PeerError(400, "SDP has a broken rtpmap")
    return payload_type, rtpmap


def _parse_fmtps(lines: Sequence[str], formats: Sequence[int]) -> Iterator[tuple[int, str]]:
    for line in lines:
        # A relay has no use for it, so a broken one is not refused.
        match = _NUMBERED.fullmatch(line) if line.startswith("a=fmtp:") else None
        payload_type = read_number(match[1], 0, 127) if match else None
        if match and match[2] and payload_type is not None and payload_type in formats:
            yield payload_type, match[2]


def _control(lines: Sequence[str]) -> str | None:
    for line in lines:
        if match := _CONTROL.fullmatch(line):
            # Nobody can ask for what isn't UTF-8, so nothing is lost; what is left can be logged and stored.
            return match[1].strip().encode(errors="surrogateescape").decode(errors="replace") or None
    return None


def _rank(line: str) -> int:
    kind = "t" if line[0] == "r" else line[0]
    return _ORDER.index(kind if kind in _ORDER else "a")


def _media_for_readers(media: SdpMedia, control: str) -> list[str]:
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
