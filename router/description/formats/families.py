"""Which type stands for an encoding."""

from router.description import formats
from router.description.formats import Format, Generic
from router.rtsp.sdp import Rtpmap, parse_rtpmap

_FAMILIES: tuple[type[Format], ...] = (
    formats.AV1, formats.G711, formats.G722, formats.H264, formats.H265, formats.LPCM, formats.MJPEG,
    formats.MPEG4Audio, formats.MPEG4AudioLATM, formats.MPEGTS, formats.Opus, formats.VP8, formats.VP9,
)  # fmt: skip


def read_format(kind: str, payload_type: int, rtpmap: Rtpmap | None, fmtp: str | None) -> Format:
    """Read a format of a media of this kind (`video`, ...); what has no type of its own is generic.

    Raises:
        DescriptionError: if a value isn't allowed.
    """
    meant = rtpmap or _static_rtpmap(payload_type)
    family = family_of(kind, meant)
    if family is None or meant is None:
        return Generic(
            payload_type=payload_type,
            rtpmap=None if rtpmap is None else str(rtpmap),
            fmtp=None if fmtp is None else fmtp.strip() or None,
        )
    return family.from_sdp(payload_type, meant, fmtp)


def typed_family_of(kind: str, generic: Generic) -> type[Format] | None:
    """Return the type that the format should have instead."""
    rtpmap = _static_rtpmap(generic.payload_type) if generic.rtpmap is None else parse_rtpmap(generic.rtpmap)
    return family_of(kind, rtpmap)


def family_of(kind: str, rtpmap: Rtpmap | None) -> type[Format] | None:
    """Return the type that stands for an encoding in a media of this kind; names of encodings have no case."""
    encoding = rtpmap.encoding.upper() if rtpmap else ""
    for family in _FAMILIES:
        if family.kind in (None, kind) and any(each.upper() == encoding for each in family.encodings):
            return family
    return None


def _static_rtpmap(payload_type: int) -> Rtpmap | None:
    texts = (family.static[payload_type] for family in _FAMILIES if payload_type in family.static)
    return next((parse_rtpmap(text) for text in texts), None)
