"""RTCP of one track: the publisher's sender report for new readers, receiver reports to it, readers' wishes to it."""

import random
from dataclasses import replace

from workers.contract.image import ReportsImage
from workers.rtp import rtcp
from workers.rtp.reception import Reception
from workers.rtp.succession import StreamEnd
from workers.runtime.counters import Counters, Drop

REPORT_INTERVAL_S = 5.0
"""RFC 3550 section 6.2: the recommended least interval; with two participants it is the interval."""
FEEDBACK_INTERVAL_S = 0.5
"""Each whole picture costs the publisher a burst of many times the usual rate: at most two a second are asked for,
however many readers ask."""


class Reports:
    """What one track's RTCP says, and when it is our turn to say something."""

    def __init__(self, cname: str, counters: Counters, randomness: random.Random) -> None:
        self._cname = cname
        self._counters = counters
        self._random = randomness
        self._own_ssrc = randomness.getrandbits(32)
        self._last_report = 0
        self._last_report_at: float | None = None
        self._feedback_at: float | None = None
        self.sender_report: bytes | None = None
        """The publisher's last compound packet with a sender report, as it came."""

    def forget_publisher(self) -> None:
        """Start again, for another publisher."""
        self.sender_report = None
        self._last_report_at = None
        self._own_ssrc = self._random.getrandbits(32)

    def image(self) -> ReportsImage:
        """Say all that is known, for another worker. The name goes with our SSRC: publishers know them together."""
        return ReportsImage(
            self._cname, self._own_ssrc, self._last_report, self._last_report_at, self._feedback_at, self.sender_report
        )

    def restore(self, image: ReportsImage) -> None:
        """Go on where another worker has stopped."""
        self._cname, self._own_ssrc = image.cname, image.own_ssrc
        self._last_report, self._last_report_at = image.last_report, image.last_report_at
        self._feedback_at, self.sender_report = image.feedback_at, image.sender_report

    def hear_publisher(self, packet: bytes, parts: list[rtcp.Part], now: float) -> None:
        """Take note of the publisher's compound packet."""
        for part in parts:
            if part.kind == rtcp.SENDER_REPORT and (middle := rtcp.middle_ntp(part)) is not None:
                self.sender_report = packet
                self._last_report, self._last_report_at = middle, now

    def close(self, end: StreamEnd) -> StreamEnd:
        """Add what the publisher's last sender report has said."""
        parts = rtcp.split(self.sender_report) if self.sender_report is not None else None
        for part in parts or ():
            if part.kind == rtcp.SENDER_REPORT and (info := rtcp.sender_info(part)) is not None:
                return replace(end, ntp=info.ntp, ntp_time=info.rtp_time, packets=info.packets, octets=info.octets)
        return end

    def hear_reader(self, parts: list[rtcp.Part], lost_before: int) -> int:
        """Take note of a reader's report; `lost_before` and the result are its cumulative count of lost packets."""
        lost = lost_before
        for part in parts:
            for block in rtcp.report_blocks(part):
                lost = block.lost
        if lost > lost_before:
            self._counters.drops[Drop.READER_REPORTED] += lost - lost_before
        return lost

    def picture_requests(self, parts: list[rtcp.Part], now: float) -> list[bytes]:
        """Give the requests for a whole picture among these parts, unless one was passed on just before."""
        wanted = [part.data for part in parts if rtcp.asks_for_picture(part)]
        if not wanted or (self._feedback_at is not None and now - self._feedback_at < FEEDBACK_INTERVAL_S):
            return []
        self._feedback_at = now
        return wanted[:1]

    def report(self, reception: Reception, now: float) -> bytes:
        """Make our compound packet for the publisher: a receiver report, with a block once its stream is known."""
        ssrc = reception.ssrc
        if ssrc is None:
            return rtcp.receiver_report(self._own_ssrc, (), self._cname)
        fraction, lost = reception.loss_since_report()
        since = None if self._last_report_at is None else now - self._last_report_at
        block = rtcp.ReportBlock(
            ssrc,
            fraction,
            lost,
            reception.highest,
            int(reception.jitter),
            self._last_report if since is not None else 0,
            int(since * 65536) if since is not None else 0,
        )
        return rtcp.receiver_report(self._own_ssrc, (block,), self._cname)

    def request(self, wish: bytes) -> bytes:
        """Make a compound packet of a reader's wish: RFC 4585 section 3.1 wants a report before feedback."""
        return rtcp.receiver_report(self._own_ssrc, (), self._cname) + wish

    def next_interval_s(self) -> float:
        """Draw the time until the next report: half to one and a half of the interval, so that the reports of many
        mounts don't march in step (RFC 3550 section 6.3.1)."""
        return self._random.uniform(0.5, 1.5) * REPORT_INTERVAL_S
