"""The media of a session description (RFC 4566 section 5.14)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from router.description.errors import DescriptionError, shown
from router.description.formats import Format, Generic
from router.description.formats.base import as_tuple
from router.description.formats.families import read_format, typed_family_of
from router.description.text import attribute_name, check_text, check_trimmed_text
from router.rtsp import sdp

F = TypeVar("F", bound=Format)

_KIND = re.compile(r"[!-~]{1,64}")
_PROFILE = re.compile(r"RTP/[!-~]{1,64}")
_FIELDS = frozenset({"rtpmap", "fmtp", "control", "sendonly", "recvonly", "sendrecv", "inactive"})


@dataclass(frozen=True)
class Media:
    """One track: its kind (`video`, `audio`, `application`), and the formats that its packets may have.

    `control` names it in SETUP; the router gives its own to readers. A `back_channel` flows from readers to the
    publisher (ONVIF Streaming section 5.3). `profile` is RTP's, such as RTP/AVP. `attributes` are the other `a=` lines,
    without `a=`. Ports, addresses and bandwidths are not kept: they are a transport's, not the stream's.

    Raises:
        DescriptionError: if a value isn't allowed.
    """

    kind: str
    formats: Sequence[Format]
    control: str | None = None
    back_channel: bool = False
    profile: str = "RTP/AVP"
    attributes: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name, text, pattern in (("kind", self.kind, _KIND), ("profile", self.profile, _PROFILE)):
            if not (isinstance(text, str) and pattern.fullmatch(text)):
                raise DescriptionError("media", f"{name} is {shown(text)}", f"{pattern.pattern}")
        if type(self.back_channel) is not bool:
            raise DescriptionError(self.kind, f"back_channel is {shown(self.back_channel)}", "True or False")
        object.__setattr__(self, "formats", as_tuple(self.kind, "formats", self.formats))
        object.__setattr__(self, "attributes", checked_attributes(self.kind, self.attributes, _FIELDS))
        self._check_control()
        self._check_formats()

    @classmethod
    def from_sdp(cls, media: sdp.SdpMedia) -> Self:
        """Take it from a parsed description.

        Raises:
            DescriptionError: if a format isn't allowed.
        """
        fmtps = media.fmtps
        formats = [read_format(media.kind, each, media.rtpmaps.get(each), fmtps.get(each)) for each in media.formats]
        return cls(
            media.kind,
            formats,
            control=media.control,
            back_channel=media.is_sendonly,
            profile=media.lines[0].split()[2],
            attributes=read_attributes(media.lines, _FIELDS),
        )

    def to_lines(self) -> Iterator[str]:
        """Write its lines of SDP, without their ends."""
        yield f"m={self.kind} 0 {self.profile} {' '.join(str(each.payload_type) for each in self.formats)}"
        for each in self.formats:
            if each.rtpmap is not None:
                yield f"a=rtpmap:{each.payload_type} {each.rtpmap}"
            if each.fmtp is not None:
                yield f"a=fmtp:{each.payload_type} {each.fmtp}"
        if self.back_channel:
            yield "a=sendonly"
        for attribute in self.attributes:
            yield f"a={attribute}"
        if self.control is not None:
            yield f"a=control:{self.control}"

    def find(self, family: type[F]) -> F | None:
        """Return its first format of a type."""
        return next((each for each in self.formats if isinstance(each, family)), None)

    def _check_control(self) -> None:
        if self.control is None:
            return
        check_trimmed_text(f"{self.kind}, control", self.control)
        if any("\ud800" <= each <= "\udfff" for each in self.control):
            raise DescriptionError(self.kind, f"control is {shown(self.control)}", "what UTF-8 can write")

    def _check_formats(self) -> None:
        if not 1 <= len(self.formats) <= sdp.MAX_FORMATS:
            raise DescriptionError(self.kind, f"it has {len(self.formats)} formats", f"1 to {sdp.MAX_FORMATS}")
        taken: set[int] = set()
        for each in self.formats:
            if not isinstance(each, Format):
                raise DescriptionError(
                    self.kind, f"{shown(each)} is a format", "H264(...), Opus(...), Generic(...) ..."
                )
            if each.kind not in (None, self.kind):
                raise DescriptionError(self.kind, f"it has {type(each).__name__}", f"that in {each.kind}")
            if each.payload_type in taken:
                raise DescriptionError(self.kind, f"payload type {each.payload_type} is there twice", "each type once")
            family = typed_family_of(self.kind, each) if isinstance(each, Generic) else None
            if family is not None:
                raise DescriptionError(self.kind, f"it has Generic of {each.rtpmap}", f"{family.__name__}(...)")
            taken.add(each.payload_type)


def checked_attributes(where: str, attributes: Sequence[str], fields: frozenset[str]) -> tuple[str, ...]:
    """Return the attributes if each can be a line and none has a field of its own.

    Raises:
        DescriptionError: if not.
    """
    checked = as_tuple(where, "attributes", attributes)
    for each in checked:
        check_text(f"{where}, attributes", each)
        if not each.strip() or attribute_name(each) in fields:
            raise DescriptionError(where, f"{shown(each)} is an attribute", f"any but {', '.join(sorted(fields))}")
    return checked


def read_attributes(lines: Sequence[str], fields: frozenset[str]) -> tuple[str, ...]:
    """Return the attributes among these lines that have no field of their own."""
    attributes = [line[2:] for line in lines if line.startswith("a=")]
    return tuple(each for each in attributes if each.strip() and attribute_name(each) not in fields)
