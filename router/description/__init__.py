"""Session descriptions as types: what a stream consists of, read from SDP and written to it, without I/O."""

from router.description.errors import DescriptionError
from router.description.formats import (
    AV1,
    G711,
    G722,
    H264,
    H265,
    LPCM,
    MJPEG,
    MPEGTS,
    VP8,
    VP9,
    Format,
    Generic,
    MPEG4Audio,
    MPEG4AudioLATM,
    Opus,
)
from router.description.media import Media
from router.description.session import SessionDescription

__all__ = [
    "AV1",
    "G711",
    "G722",
    "H264",
    "H265",
    "LPCM",
    "MJPEG",
    "MPEGTS",
    "VP8",
    "VP9",
    "DescriptionError",
    "Format",
    "Generic",
    "MPEG4Audio",
    "MPEG4AudioLATM",
    "Media",
    "Opus",
    "SessionDescription",
]
