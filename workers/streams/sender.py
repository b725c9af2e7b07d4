"""Sender reports for a track whose program writes none itself (RFC 3550 section 6.4.1)."""

from workers.contract.image import SenderImage
from workers.fanout.burst import PacketBurst
from workers.rtp import rtcp
from workers.rtp.packet import FIXED_HEADER_BYTES
from workers.streams.reports import REPORT_INTERVAL_S

LONGEST_STEP_BACK_S = 10.0
"""RTP time that goes back by more begins anew; by less, it is the order of decoding."""
SILENT_AFTER_S = 2 * REPORT_INTERVAL_S
"""Who sends nothing for two intervals is no sender any more (section 6.4)."""


class Sender:
    """What was sent of one stream, and which instant its RTP time means."""

    def __init__(self, state: SenderImage) -> None:
        self._state = state

    def observe(self, burst: PacketBurst, clock_rate: int, ntp: float, now: float) -> bool:
        """Take note of a burst, and when its last packet's content was there (Unix seconds). True if it is the stream's
        first.

        Pictures that are sent later than shown (B-frames) go back in RTP time: when no instant is known for them but
        that of their writing, it would be another clock each time. So only what goes ahead is believed.
        """
        state = self._state
        first = burst.last_header[8:12] != state.ssrc
        if first:  # counts are of one SSRC (section 6.4.1)
            state.ssrc = burst.last_header[8:12]
            state.packets = state.octets = 0
            state.at = None
        state.packets += burst.packets
        state.octets += burst.size - burst.packets * FIXED_HEADER_BYTES
        state.heard_at = now
        rtp_time = int.from_bytes(burst.last_header[4:8], "big")
        behind = (state.rtp_time - rtp_time) % (1 << 32)
        if state.at is None or not 0 < behind < LONGEST_STEP_BACK_S * clock_rate:
            state.rtp_time, state.ntp, state.at, state.clock_rate = rtp_time, ntp, now, clock_rate
        return first

    def report(self, now: float) -> bytes | None:
        """Make a compound packet for this moment; None while nothing is sent."""
        state = self._state
        if state.at is None or now - state.heard_at > SILENT_AFTER_S:
            return None
        elapsed = now - state.at
        return rtcp.sender_report(
            int.from_bytes(state.ssrc, "big"),
            state.ntp + elapsed,
            state.rtp_time + int(elapsed * state.clock_rate),
            state.packets,
            state.octets,
            state.cname,
        )
