"""Session descriptions with their medias and formats as types (RFC 4566)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self, TypeVar

from router.description.errors import DescriptionError, shown
from router.description.formats import Format
from router.description.formats.base import as_tuple
from router.description.media import Media, checked_attributes, read_attributes
from router.description.text import check_text
from router.rtsp import sdp
from router.rtsp.errors import PeerError
from workers.contract.parts import MAX_TRACKS

F = TypeVar("F", bound=Format)

_FIELDS = frozenset({"control"})


@dataclass(frozen=True)
class SessionDescription:
    """What a stream consists of: its medias, 1 to 32, in the order of their tracks, and its title.

    `attributes` are the session's `a=` lines, without `a=`, such as `range:npt=0-60`.

    Raises:
        DescriptionError: if a value isn't allowed, or if all medias are back channels.
    """

    medias: Sequence[Media]
    title: str = ""
    attributes: Sequence[str] = ()

    def __post_init__(self) -> None:
        check_text("title", self.title)
        if self.title.strip() in ("", "-"):
            object.__setattr__(self, "title", "")
        object.__setattr__(self, "medias", as_tuple("session", "medias", self.medias))
        object.__setattr__(self, "attributes", checked_attributes("session", self.attributes, _FIELDS))
        if not 1 <= len(self.medias) <= MAX_TRACKS:
            raise DescriptionError("session", f"it has {len(self.medias)} medias", f"1 to {MAX_TRACKS}")
        for each in self.medias:
            if not isinstance(each, Media):
                raise DescriptionError("session", f"{shown(each)} is a media", "Media(...)")
        if all(each.back_channel for each in self.medias):
            raise DescriptionError("session", "all medias are back channels", "one at least that flows to readers")

    @classmethod
    def from_sdp(cls, body: bytes) -> Self:
        """Read a description as `router.rtsp.sdp.parse_sdp` does, and its formats.

        Raises:
            DescriptionError: if it is broken, or a value in it isn't allowed.
        """
        try:
            document = sdp.parse_sdp(body, MAX_TRACKS)
        except PeerError as error:
            raise DescriptionError("session", error.reason, "a description by RFC 4566") from error
        return cls.of(document)

    @classmethod
    def of(cls, document: sdp.SdpDocument) -> Self:
        """Give the view of what was read.

        Raises:
            DescriptionError: if a value in it isn't allowed.
        """
        medias = [_read_media(number, media) for number, media in enumerate(document.medias, 1)]
        if not any(document.back_channels):
            medias = [replace(each, back_channel=False) for each in medias]
        titles = [line[2:] for line in document.lines if line.startswith("s=")]
        return cls(medias, titles[0] if titles else "", read_attributes(document.lines, _FIELDS))

    def to_sdp(self) -> bytes:
        """Write it so that `from_sdp` reads the same; addresses are of no host, ports are 0."""
        lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", f"s={self.title or '-'}", "c=IN IP4 0.0.0.0", "t=0 0"]
        lines += ["a=control:*", *(f"a={each}" for each in self.attributes)]
        for media in self.medias:
            lines += media.to_lines()
        return "".join(f"{line}\r\n" for line in lines).encode(errors="surrogateescape")

    def find(self, family: type[F]) -> tuple[Media, F] | None:
        """Return the first format of a type, with its media."""
        return next(((media, each) for media in self.medias if (each := media.find(family)) is not None), None)


def _read_media(number: int, media: sdp.SdpMedia) -> Media:
    try:
        return Media.from_sdp(media)
    except DescriptionError as error:
        raise error.inside(f"media {number}") from error
