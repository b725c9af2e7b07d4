"""Motion JPEG (RFC 2435)."""

from dataclasses import dataclass
from typing import ClassVar

from router.description.formats.base import Video


@dataclass(frozen=True, kw_only=True)
class MJPEG(Video):
    """Motion JPEG video; its static payload type is 26 (RFC 2435 section 5)."""

    payload_type: int = 26

    encodings = ("JPEG",)
    static: ClassVar = {26: "JPEG/90000"}
