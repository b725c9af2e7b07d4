"""G.711 (RFC 3551 section 4.5.14)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from router.description.errors import shown
from router.description.formats.base import Audio
from router.rtsp.sdp import Rtpmap


@dataclass(frozen=True, kw_only=True)
class G711(Audio):
    """G.711 audio, mu-law or A-law; at 8 kHz with one channel the static payload types 0 and 8 stand for them."""

    mu_law: bool
    sample_rate: int = 8000

    encodings = ("PCMU", "PCMA")
    static: ClassVar = {0: "PCMU/8000", 8: "PCMA/8000"}

    @property
    def encoding(self) -> str:
        """The encoding's name in an rtpmap."""
        return "PCMU" if self.mu_law else "PCMA"

    @classmethod
    def _read_rtpmap(cls, rtpmap: Rtpmap) -> dict[str, Any]:
        return super()._read_rtpmap(rtpmap) | {"mu_law": rtpmap.encoding.upper() == "PCMU"}

    def _check(self) -> None:
        if type(self.mu_law) is not bool:
            self._refuse(f"mu_law is {shown(self.mu_law)}", "True or False")
        super()._check()
