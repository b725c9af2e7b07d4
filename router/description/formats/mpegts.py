"""MPEG transport streams (RFC 2250)."""

from dataclasses import dataclass
from typing import ClassVar

from router.description.formats.base import Format


@dataclass(frozen=True, kw_only=True)
class MPEGTS(Format):
    """An MPEG transport stream, in media of any kind; its static payload type is 33 (RFC 3551 section 5.7)."""

    payload_type: int = 33

    encodings = ("MP2T",)
    static: ClassVar = {33: "MP2T/90000"}
