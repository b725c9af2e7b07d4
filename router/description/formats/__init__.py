"""Formats: one type for each encoding, read from and written to rtpmap and fmtp."""

from router.description.formats.av1 import AV1
from router.description.formats.base import Audio, Format, Video
from router.description.formats.g711 import G711
from router.description.formats.g722 import G722
from router.description.formats.generic import Generic
from router.description.formats.h264 import H264
from router.description.formats.h265 import H265
from router.description.formats.lpcm import LPCM
from router.description.formats.mjpeg import MJPEG
from router.description.formats.mpeg4_audio import MPEG4Audio, MPEG4AudioLATM
from router.description.formats.mpegts import MPEGTS
from router.description.formats.opus import Opus
from router.description.formats.vpx import VP8, VP9

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
    "Audio",
    "Format",
    "Generic",
    "MPEG4Audio",
    "MPEG4AudioLATM",
    "Opus",
    "Video",
]
