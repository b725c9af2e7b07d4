"""When a packet's content is to be shown, and when it was there: from RTP time and sender reports. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workers.rtp import rtcp

DEFAULT_CLOCK_RATE = 90_000
"""Of a payload type that the description does not have: video's."""
MOST_SOURCES = 64
"""SSRCs of one session that are told apart: a track has one or two, and a sender that starts anew takes another."""


def _step(earlier: int, later: int) -> int:
    """Give the way from one RTP time to another, which wrap after 2**32: ahead, or back where that is nearer."""
    return (later - earlier + (1 << 31)) % (1 << 32) - (1 << 31)


@dataclass(slots=True)
class _Source:
    """The clock of one SSRC. `ticks` count from its first packet on, `offset_s` is that packet's PTS."""

    track: int
    rate: int
    last: int
    offset_s: float
    ticks: int = 0
    report: tuple[float, int] | None = None
    """An instant in Unix seconds, and its ticks."""
    aligned: bool = False
    """Whether its PTS compares with the first source's by the senders' clocks, not by arrival."""


class Timeline:
    """The times of one session's packets. `now` is monotonic, in seconds.

    PTS is 0 at the first packet. Other medias begin by when their first packet arrived, and are set right once, when
    sender reports of both have come.
    """

    def __init__(self, clock_rates: Sequence[Mapping[int, int]]) -> None:
        """`clock_rates` has each track's, by payload type."""
        self._clock_rates = clock_rates
        self._sources: dict[bytes, _Source] = {}
        self._lead: _Source | None = None
        self._began_at = 0.0
        self._reports: dict[bytes, tuple[float, int]] = {}

    def times(self, track: int, packet: bytes, now: float) -> tuple[float, float | None]:
        """Give the PTS of an RTP packet in seconds, and its NTP time in Unix seconds where that is known."""
        source = self._sources.get(packet[8:12])
        rtp_time = int.from_bytes(packet[4:8], "big")
        if source is None:
            source = self._begin(track, packet, rtp_time, now)
        source.ticks += _step(source.last, rtp_time)
        source.last = rtp_time
        ntp = None
        if source.report is not None:
            ntp = source.report[0] + (source.ticks - source.report[1]) / source.rate
        return source.offset_s + source.ticks / source.rate, ntp

    def _begin(self, track: int, packet: bytes, rtp_time: int, now: float) -> _Source:
        rate = self._clock_rates[track].get(packet[1] & 0x7F, DEFAULT_CLOCK_RATE)
        if self._lead is None:
            self._began_at = now
        source = _Source(track, rate, rtp_time, now - self._began_at)
        if self._lead is None:
            self._lead = source
        if len(self._sources) >= MOST_SOURCES:
            del self._sources[next(iter(self._sources))]
        self._sources[packet[8:12]] = source
        if report := self._reports.pop(packet[8:12], None):
            self._report(source, *report)
        return source

    def on_rtcp(self, packet: bytes) -> None:
        """Take note of a compound packet's sender reports, perhaps before any packet of theirs."""
        for part in rtcp.split(packet) or ():
            instant = rtcp.sender_time(part)
            if instant is None:
                continue
            ssrc = part.data[4:8]
            if ssrc in self._sources:
                self._report(self._sources[ssrc], *instant)
            elif len(self._reports) < MOST_SOURCES:
                self._reports[ssrc] = instant

    def _report(self, source: _Source, ntp: float, rtp_time: int) -> None:
        source.report = (ntp, source.ticks + _step(source.last, rtp_time))
        if source is self._lead:
            for each in self._sources.values():
                self._align(each)
        else:
            self._align(source)

    def _align(self, source: _Source) -> None:
        lead = self._lead
        if lead is None or source is lead or source.aligned or source.report is None or lead.report is None:
            return
        source.aligned = True
        began = lead.report[0] - lead.offset_s - lead.report[1] / lead.rate
        source.offset_s = source.report[0] - began - source.report[1] / source.rate
