"""Opus (RFC 7587)."""

from dataclasses import dataclass
from typing import Any

from router.description.errors import DescriptionError, shown
from router.description.formats.base import Format
from router.description.formats.parameters import flag, number
from router.rtsp.sdp import Rtpmap


@dataclass(frozen=True, kw_only=True)
class Opus(Format):
    """Opus audio, always with a clock of 48 kHz (RFC 7587 section 6.1).

    Rates are in Hz, `maxaveragebitrate` in bit/s; `sprop_stereo` says what is sent, `stereo` what is preferred.
    """

    sprop_stereo: bool = flag("sprop-stereo")
    stereo: bool = flag("stereo")
    maxplaybackrate: int | None = number("maxplaybackrate", 8000, 48000)
    sprop_maxcapturerate: int | None = number("sprop-maxcapturerate", 8000, 48000)
    maxaveragebitrate: int | None = number("maxaveragebitrate", 6000, 510_000)
    cbr: bool = flag("cbr")
    useinbandfec: bool = flag("useinbandfec")
    usedtx: bool = flag("usedtx")

    kind = "audio"
    encodings = ("opus",)

    @property
    def clock_rate(self) -> int:
        """The RTP clock rate, in Hz."""
        return 48_000

    @property
    def channels(self) -> int:
        """How many channels are sent, most likely; decoders take either number."""
        return 2 if self.sprop_stereo else 1

    @property
    def rtpmap(self) -> str:
        """What stands behind the payload type in `a=rtpmap`: two channels, whatever is sent (RFC 7587 section 7)."""
        return "opus/48000/2"

    @classmethod
    def _read_rtpmap(cls, rtpmap: Rtpmap) -> dict[str, Any]:
        if rtpmap.parameters != "2":
            raise DescriptionError(cls.__name__, f"rtpmap has {shown(rtpmap.parameters)} channels", "2")
        return {}
