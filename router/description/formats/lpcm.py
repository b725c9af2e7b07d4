"""Uncompressed audio (RFC 3551 sections 4.5.10 and 4.5.11, RFC 3190)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from router.description.errors import shown
from router.description.formats.base import Audio
from router.rtsp.sdp import Rtpmap


@dataclass(frozen=True, kw_only=True)
class LPCM(Audio):
    """Uncompressed audio of `bit_depth` 8 (unsigned), 16 or 24 (signed, big-endian).

    At 16 bits and 44.1 kHz the static payload types 10 (two channels) and 11 (one) stand for it.
    """

    bit_depth: int

    encodings = ("L16", "L8", "L24")
    static: ClassVar = {10: "L16/44100/2", 11: "L16/44100"}

    @property
    def encoding(self) -> str:
        """The encoding's name in an rtpmap."""
        return f"L{self.bit_depth}"

    @classmethod
    def _read_rtpmap(cls, rtpmap: Rtpmap) -> dict[str, Any]:
        return super()._read_rtpmap(rtpmap) | {"bit_depth": int(rtpmap.encoding[1:])}

    def _check(self) -> None:
        if type(self.bit_depth) is not int or self.bit_depth not in (8, 16, 24):
            self._refuse(f"bit_depth is {shown(self.bit_depth)}", "8, 16, 24")
        super()._check()
