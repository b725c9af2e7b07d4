"""The numbers of a track's stream: as its publisher has them, and as readers see them."""

from dataclasses import replace

from workers.contract.image import NtpShift, ReceptionImage, StreamEnd, SuccessionImage, TrackImage
from workers.rtp import rtcp, sequence
from workers.rtp.reception import Reception
from workers.rtp.succession import Succession, next_time


class Numbering:
    """What is known of the publisher's stream (`reception`), and what readers see instead (`succession`)."""

    def __init__(self, state: TrackImage) -> None:
        self._state = state
        self.reception = Reception(state.reception)
        self.succession = None if state.succession is None else Succession(state.succession)

    def follow(self, succession: SuccessionImage | None) -> None:
        """Let the publisher's packets follow an earlier stream; None takes their numbers as they are."""
        self._state.succession = succession
        self.succession = None if succession is None else Succession(succession)

    def forget_publisher(self, ntp: NtpShift | None) -> None:
        """Start again, for another publisher; with `ntp`, which the tracks of a mount share, its packets will follow
        those that readers have got."""
        end = self._end()
        self.follow(None if ntp is None or end is None else SuccessionImage(end, ntp))
        self.reception.forget()

    @property
    def ssrc(self) -> int | None:
        """The stream's SSRC as readers see it; None before its first packet."""
        return self.reception.ssrc if self.succession is None else self.succession.state.end.ssrc

    def next_packet(self, now: float) -> tuple[int | None, int | None]:
        """Give the sequence number and RTP time of the next packet, as far as they can be known."""
        if self.succession is not None and not self.succession.has_begun:
            end = self.succession.state.end
            return sequence.after(end.sequence), next_time(end, now)
        last, time = self.reception.state.last_sequence, self.reception.next_time(now)
        if last is None or time is None:
            return None, None
        last, time = self._as_seen(last, time)
        return sequence.after(last), time

    def _as_seen(self, number: int, rtp_time: int) -> tuple[int, int]:
        """Give numbers of the publisher's stream as readers see them."""
        offsets = None if self.succession is None else self.succession.state.offsets
        if offsets is None or offsets.source != self.reception.ssrc:
            return number, rtp_time
        return (number + offsets.sequence) & 0xFFFF, (rtp_time + offsets.rtp_time) & 0xFFFFFFFF

    def _end(self) -> StreamEnd | None:
        """Say where the stream stands; None if it has not begun."""
        if self.reception.ssrc is None or self.ssrc is None:
            return None if self.succession is None else self.succession.state.end
        received = self.reception.state
        number, rtp_time = self._as_seen(self.reception.highest & 0xFFFF, received.last_time)
        end = StreamEnd(self.ssrc, number, rtp_time, received.last_time_at, received.clock_rate)
        report = self._state.reports.sender_report
        for part in (rtcp.split(report) or ()) if report is not None else ():
            if part.kind == rtcp.SENDER_REPORT and (info := rtcp.sender_info(part)) is not None:
                return replace(end, ntp=info.ntp, ntp_time=info.rtp_time, packets=info.packets, octets=info.octets)
        return end

    def as_received(self) -> ReceptionImage:
        """Give the stream as one who gets it from here on has received it."""
        end = self._end()
        if self.succession is None or end is None:
            return self.reception.state
        return ReceptionImage(
            ssrc=end.ssrc.to_bytes(4, "big"),
            base=end.sequence,
            extended=end.sequence,
            received=1,
            last_sequence=end.sequence,
            last_time=end.rtp_time,
            last_time_at=end.at,
            clock_rate=end.clock_rate,
        )
