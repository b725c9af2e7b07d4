"""Sender reports for a track whose program writes none itself (RFC 3550 section 6.4.1)."""

from workers.contract.image import SenderImage
from workers.rtp import rtcp
from workers.rtp.packet import FIXED_HEADER_BYTES
from workers.streams.reports import REPORT_INTERVAL_S

LONGEST_STEP_BACK_S = 10.0
"""RTP time that goes back by more begins anew; by less, it is the order of decoding."""
SILENT_AFTER_S = 2 * REPORT_INTERVAL_S
"""Who sends nothing for two intervals is no sender any more (section 6.4)."""


class Sender:
    """What was sent of one stream, and which instant its RTP time means."""

    def __init__(self, cname: str) -> None:
        self._cname = cname
        self._ssrc = b""
        self._packets = 0
        self._octets = 0
        self._rtp_time = 0
        self._ntp = 0.0
        self._at: float | None = None
        self._heard_at = 0.0
        self._clock_rate = 1

    def observe(self, last_header: bytes, packets: int, size: int, clock_rate: int, ntp: float, now: float) -> bool:
        """Take note of a burst: its last packet's fixed header, and when that packet's content was there (Unix
        seconds). True if it is the stream's first.

        Pictures that are sent later than shown (B-frames) go back in RTP time: when no instant is known for them but
        that of their writing, it would be another clock each time. So only what goes ahead is believed.
        """
        first = last_header[8:12] != self._ssrc
        if first:  # counts are of one SSRC (section 6.4.1)
            self._ssrc = last_header[8:12]
            self._packets = self._octets = 0
            self._at = None
        self._packets += packets
        self._octets += size - packets * FIXED_HEADER_BYTES
        self._heard_at = now
        rtp_time = int.from_bytes(last_header[4:8], "big")
        behind = (self._rtp_time - rtp_time) % (1 << 32)
        if self._at is None or not 0 < behind < LONGEST_STEP_BACK_S * clock_rate:
            self._rtp_time, self._ntp, self._at, self._clock_rate = rtp_time, ntp, now, clock_rate
        return first

    def image(self, report_at: float | None) -> SenderImage:
        """Say all that is known, for another worker."""
        return SenderImage(
            self._ssrc,
            self._packets,
            self._octets,
            self._rtp_time,
            self._ntp,
            self._at,
            self._heard_at,
            self._clock_rate,
            report_at,
        )

    def restore(self, image: SenderImage) -> None:
        """Go on where another worker has stopped."""
        self._ssrc, self._packets, self._octets = image.ssrc, image.packets, image.octets
        self._rtp_time, self._ntp, self._at = image.rtp_time, image.ntp, image.at
        self._heard_at, self._clock_rate = image.heard_at, image.clock_rate

    def report(self, now: float) -> bytes | None:
        """Make a compound packet for this moment; None while nothing is sent."""
        if self._at is None or now - self._heard_at > SILENT_AFTER_S:
            return None
        elapsed = now - self._at
        return rtcp.sender_report(
            int.from_bytes(self._ssrc, "big"),
            self._ntp + elapsed,
            self._rtp_time + int(elapsed * self._clock_rate),
            self._packets,
            self._octets,
            self._cname,
        )
