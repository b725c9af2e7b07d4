"""RTCP of one track: the publisher's sender report for new readers, receiver reports to it, readers' wishes to it."""

import random

from workers.contract.image import ReportsImage
from workers.rtp import rtcp
from workers.rtp.reception import Reception

REPORT_INTERVAL_S = 5.0
"""RFC 3550 section 6.2: the recommended least interval; with two participants it is the interval."""
FEEDBACK_INTERVAL_S = 0.5
"""Each whole picture costs the publisher a burst of many times the usual rate: at most two a second are asked for,
however many readers ask."""


def new_reports(cname: str, randomness: random.Random) -> ReportsImage:
    """Begin to report, by this name."""
    return ReportsImage(cname, randomness.getrandbits(32))


class Reports:
    """What one track's RTCP says, and when it is our turn to say something."""

    def __init__(self, state: ReportsImage, randomness: random.Random) -> None:
        """Our SSRC moves with the name: publishers know them together."""
        self._state = state
        self._random = randomness

    @property
    def sender_report(self) -> bytes | None:
        """The publisher's last compound packet with a sender report, as readers got it."""
        return self._state.sender_report

    @sender_report.setter
    def sender_report(self, report: bytes) -> None:
        self._state.sender_report = report

    def forget_publisher(self) -> None:
        """Start again, for another publisher."""
        self._state.sender_report = self._state.last_report_at = None
        self._state.own_ssrc = self._random.getrandbits(32)

    def on_publishers_report(self, packet: bytes, parts: list[rtcp.Part], now: float) -> None:
        """The publisher's compound packet came."""
        for part in parts:
            if part.kind == rtcp.SENDER_REPORT and (middle := rtcp.middle_ntp(part)) is not None:
                self._state.sender_report = packet
                self._state.last_report, self._state.last_report_at = middle, now

    def picture_requests(self, parts: list[rtcp.Part], now: float) -> list[bytes]:
        """Give the requests for a whole picture among these parts, unless one was passed on just before."""
        wanted = [part.data for part in parts if rtcp.asks_for_picture(part)]
        passed_at = self._state.feedback_at
        if not wanted or (passed_at is not None and now - passed_at < FEEDBACK_INTERVAL_S):
            return []
        self._state.feedback_at = now
        return wanted[:1]

    def report(self, reception: Reception, now: float) -> bytes:
        """Make our compound packet for the publisher: a receiver report, with a block once its stream is known."""
        state, ssrc = self._state, reception.ssrc
        if ssrc is None:
            return rtcp.receiver_report(state.own_ssrc, (), state.cname)
        fraction, lost = reception.loss_since_report()
        since = None if state.last_report_at is None else now - state.last_report_at
        block = rtcp.ReportBlock(
            ssrc,
            fraction,
            lost,
            reception.highest,
            int(reception.state.jitter),
            state.last_report if since is not None else 0,
            int(since * 65536) if since is not None else 0,
        )
        return rtcp.receiver_report(state.own_ssrc, (block,), state.cname)

    def request(self, wish: bytes) -> bytes:
        """Make a compound packet of a reader's wish: RFC 4585 section 3.1 wants a report before feedback."""
        return rtcp.receiver_report(self._state.own_ssrc, (), self._state.cname) + wish

    def next_interval_s(self) -> float:
        """Draw the time until the next report: half to one and a half of the interval, so that the reports of many
        mounts don't march in step (RFC 3550 section 6.3.1)."""
        return self._random.uniform(0.5, 1.5) * REPORT_INTERVAL_S


def lost_by_reader(parts: list[rtcp.Part], lost_before: int) -> int:
    """Give a reader's cumulative count of lost packets, by its report; that of before where there is none."""
    lost = lost_before
    for part in parts:
        for block in rtcp.report_blocks(part):
            lost = block.lost
    return lost
