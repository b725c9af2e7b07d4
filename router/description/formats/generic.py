"""Formats that have no type of their own."""

from dataclasses import dataclass

from router.description.errors import shown
from router.description.formats.base import Format
from router.description.text import check_trimmed_text
from router.rtsp.sdp import Rtpmap, parse_rtpmap, static_clock_rate


@dataclass(frozen=True, kw_only=True)
class Generic(Format):
    """Any other encoding, kept as it was: what stands behind the payload type in rtpmap and fmtp.

    Without an `rtpmap` the payload type's number says what it is.
    """

    rtpmap: str | None = None
    fmtp: str | None = None

    @property
    def encoding(self) -> str:
        """The encoding's name in the rtpmap; empty without one."""
        return self._rtpmap.encoding if self._rtpmap else ""

    @property
    def clock_rate(self) -> int:
        """The RTP clock rate, in Hz."""
        return self._rtpmap.clock_rate if self._rtpmap else static_clock_rate(self.payload_type)

    @property
    def _rtpmap(self) -> Rtpmap | None:
        return None if self.rtpmap is None else parse_rtpmap(self.rtpmap)

    def _check_payload_type(self) -> None:
        if type(self.payload_type) is not int or not 0 <= self.payload_type <= 127:
            self._refuse(f"payload type {shown(self.payload_type)}", "0 to 127")

    def _check(self) -> None:
        for where, text in (("rtpmap", self.rtpmap), ("fmtp", self.fmtp)):
            if text is not None:
                check_trimmed_text(f"{self._where}, {where}", text)
        if self.rtpmap is not None and self._rtpmap is None:
            self._refuse(f"rtpmap is {shown(self.rtpmap)}", "encoding/clock rate, or encoding/clock rate/parameters")
        if self.extra:
            self._refuse("extra is given", "all parameters in fmtp")
