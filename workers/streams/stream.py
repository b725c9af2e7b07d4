"""One track's stream: from whoever brings its packets, by `deliver` and `deliver_rtcp`, to its outputs."""

from dataclasses import replace

from workers.channel import Kind
from workers.contract.image import NtpShift, PortImage, TrackImage
from workers.contract.reports import TrackState
from workers.fanout.burst import PacketBurst, rtp_burst, runs_of, single
from workers.rtp import rtcp
from workers.rtp.packet import second_bytes
from workers.rtp.succession import Succession
from workers.runtime.counters import Drop
from workers.runtime.resources import Resources
from workers.streams.link import NO_PUBLISHER, PublisherLink
from workers.streams.numbering import Numbering
from workers.streams.outputs import Outputs
from workers.streams.report_timer import ReportTimer
from workers.streams.reports import Reports
from workers.streams.sources import PublisherPort


class Stream:
    """What a track receives, and what is known of it."""

    def __init__(self, state: TrackImage, outputs: tuple[Outputs, Outputs], resources: Resources) -> None:
        """`outputs` are those of RTP and of RTCP."""
        self.state = state
        self.outputs = outputs
        self.numbers = Numbering(state)
        self.reports = Reports(state.reports, resources.randomness)
        self.report_timer = ReportTimer(state, resources.loop, self._report)
        self.sources = (
            PublisherPort(resources.family, state.rtp.source),
            PublisherPort(resources.family, state.rtcp.source),
        )
        self.link: PublisherLink = NO_PUBLISHER
        self._counters = resources.counters
        self._reception = self.numbers.reception
        self._sinks = outputs[Kind.RTP].sinks
        self._clock_rates = {each.payload_type: each.clock_rate for each in state.spec.formats}
        self.announced = second_bytes(tuple(self._clock_rates))
        self._lost_counted = self._reception.count_lost()

    # -- the publisher's packets ----------------------------------------------------------------------------------

    def deliver(self, burst: PacketBurst, now: float) -> None:
        """Send a burst of RTP to everybody. Its stamps are as they came, its runs as readers are to see them."""
        for each in self._sinks:
            each.send(burst, now)
        state, counters = self.state, self._counters
        state.packets_in += burst.packets
        state.bytes_in += burst.size
        counters.packets_in += burst.packets
        counters.bytes_in += burst.size
        state.media_at = now
        header = burst.last_header
        self._reception.observe(burst.sequences, burst.ssrcs, header, self._clock_rates[header[1] & 0x7F], now)

    def clock_rate_of(self, header: bytes) -> int:
        """Give the clock rate of a packet of an announced payload type."""
        return self._clock_rates[header[1] & 0x7F]

    def succeed(self, first_header: bytes, sequences: bytes, now: float) -> Succession | None:
        """Make ready for a burst of the publisher's: its numbers are to be changed as the result says, unless None."""
        succession = self.numbers.succession
        if succession is not None and not succession.has_begun:
            succession.begin(first_header, sequences, now)
            held, succession.state.held = succession.state.held, None
            if held is not None:
                self.deliver_rtcp(held, now)
        return succession

    def deliver_packets(self, packets: list[bytes], now: float) -> None:
        """Send packets that came one by one to everybody."""
        burst = rtp_burst(packets)
        succession = self.succeed(packets[0], burst.sequences, now)
        if succession is not None:
            burst.runs = runs_of([succession.renumber(each) for each in packets], [len(each) for each in packets])
        self.deliver(burst, now)

    def deliver_rtcp(self, packet: bytes, now: float) -> None:
        """Send the publisher's compound packet to everybody; dropped and counted if it is not RTCP."""
        parts = rtcp.split(packet)
        if parts is None:
            self.refuse(Drop.NOT_RTP)
            return
        self.link.on_rtcp(now)
        succession = self.numbers.succession
        if succession is not None:
            if not succession.has_begun:
                succession.state.held = packet
                return
            packet = succession.rewrite(parts)
        self._counters.packets_in += 1
        self._counters.bytes_in += len(packet)
        self.reports.on_publishers_report(packet, parts, now)
        self.outputs[Kind.RTCP].send(single(packet), now)

    def refuse(self, fault: Drop) -> None:
        """Count a packet of the publisher's that can't be passed on."""
        self._counters.drop(fault)
        if fault is Drop.NOT_RTP:
            self.state.not_rtp += 1
        else:
            self.state.wrong_payload_type += 1

    # -- to the publisher -----------------------------------------------------------------------------------------

    def send_to_publisher(self, kind: Kind, packet: bytes, now: float, session: str = "") -> bool:
        """Send a packet the way back; False if there is none."""
        return self.link.send(kind, packet, now, session)

    def start_reports(self, now: float) -> None:
        """Send receiver reports to the publisher from now on."""
        self.report_timer.set(now + self.reports.next_interval_s())

    def _report(self, now: float) -> None:
        self.start_reports(now)
        if self._reception.ssrc is not None:
            self.send_to_publisher(Kind.RTCP, self.reports.report(self._reception, now), now)

    def forget_publisher(self, ntp: NtpShift | None = None) -> None:
        """Start again, for another publisher; with `ntp`, which the tracks of a mount share, its packets will follow
        those that readers have got."""
        self.numbers.forget_publisher(ntp)
        self.report_timer.stop()
        for each in self.sources:
            each.declare(None)
        self.link = NO_PUBLISHER
        self.reports.forget_publisher()
        self.state.media_at = None

    # -- to readers -----------------------------------------------------------------------------------------------

    def say_goodbye(self, now: float) -> None:
        """Tell UDP readers that the stream has ended: with their connection gone they would not hear of it, and
        GStreamer waits for half a minute though it ended too. Interleaved readers see their connection's end."""
        if self.numbers.ssrc is not None:
            self.outputs[Kind.RTCP].udp.send(single(rtcp.goodbye(self.numbers.ssrc)), now)

    # -- what is known of it --------------------------------------------------------------------------------------

    def count_losses(self) -> None:
        """Add to the worker's counts what was lost since the last time."""
        lost = self._reception.count_lost()
        self._counters.drop(Drop.SEQUENCE_GAP, lost - self._lost_counted)
        self._lost_counted = lost

    def for_replica(self) -> TrackImage:
        """Give what a replica has to know of it, in the numbers that readers see."""
        return replace(
            self.state,
            rtp=PortImage(),
            rtcp=PortImage(),
            reception=self.numbers.as_received(),
            succession=None,
            report_at=None,
            group=None,
        )

    def describe(self) -> TrackState:
        state, jitter = self.state, min(self._reception.state.jitter, 1e9)
        lost = self._reception.count_lost()
        return TrackState(state.rtp_port, state.packets_in, state.bytes_in, lost, jitter, self.numbers.ssrc)
