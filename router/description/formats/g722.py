"""G.722 (RFC 3551 section 4.5.2)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from router.description.formats.base import Audio
from router.rtsp.sdp import Rtpmap


@dataclass(frozen=True, kw_only=True)
class G722(Audio):
    """G.722 audio; its static payload type is 9.

    It has 16,000 samples a second, and by an old mistake an RTP clock of 8 kHz (RFC 3551 section 4.5.2).
    """

    payload_type: int = 9
    sample_rate: int = 16_000

    encodings = ("G722",)
    static: ClassVar = {9: "G722/8000"}

    @property
    def clock_rate(self) -> int:
        """The RTP clock rate, in Hz."""
        return 8000

    @classmethod
    def _read_rtpmap(cls, rtpmap: Rtpmap) -> dict[str, Any]:
        return super()._read_rtpmap(rtpmap) | {"sample_rate": 16_000}

    def _check(self) -> None:
        super()._check()
        if self.sample_rate != 16_000:
            self._refuse(f"the sample rate is {self.sample_rate}", "16000 Hz")
