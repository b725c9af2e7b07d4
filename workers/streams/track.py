"""One track of a mount: its port pair, who gets its packets, and what is known of its stream."""

import socket
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from workers.channel import Kind
from workers.contract.image import PortImage, TrackImage
from workers.contract.parts import TrackSpec
from workers.contract.reports import TrackState
from workers.fanout.burst import Run, runs_of, stamps_of
from workers.fanout.send_tcp import Subscriber, TcpFan
from workers.fanout.send_udp import UdpFan
from workers.rtp import rtcp, sequence
from workers.rtp.access_points import AccessPoints
from workers.rtp.packet import second_bytes
from workers.rtp.reception import Reception
from workers.rtp.succession import NtpShift, StreamEnd, Succession
from workers.runtime.counters import Drop
from workers.runtime.loop import READ, WRITE, Timer
from workers.runtime.resources import Resources
from workers.runtime.writable_watch import WritableWatch
from workers.streams.reports import Reports
from workers.streams.sources import AddressBook, PublisherPort

if TYPE_CHECKING:
    from workers.readers.multicast import Group
    from workers.readers.udp import UdpReaderTrack
    from workers.runtime.pipe import Pipe
    from workers.streams.tap import Tap


class Track:
    """One track: whoever brings its packets calls `deliver` and `deliver_rtcp`."""

    def __init__(
        self,
        index: int,
        spec: TrackSpec,
        port: int,
        sockets: tuple[socket.socket, socket.socket],
        readers: "AddressBook[UdpReaderTrack]",
        resources: Resources,
        on_failure: Callable[[Exception], None] | None = None,
    ) -> None:
        """A replica's track has an `on_failure`: its sockets are read, and their errors met, by another worker."""
        self.index = index
        self.back_channel = spec.back_channel
        self.rtp_port = port
        self.rtp_socket, self.rtcp_socket = sockets
        self.readers = readers
        self._spec = spec
        self._resources = resources
        self._counters = resources.counters
        self._of_replica = on_failure is not None
        self._clock_rates = {each.payload_type: each.clock_rate for each in spec.formats}
        self.announced = second_bytes(tuple(self._clock_rates))
        self.rtp_source = PublisherPort(resources.family)
        self.rtcp_source = PublisherPort(resources.family)
        self.rtp_fan = self._fan(self.rtp_socket, on_failure)
        self.rtcp_fan = self._fan(self.rtcp_socket, on_failure)
        self.rtp_subscribers = TcpFan(AccessPoints({each.payload_type: each.encoding for each in spec.formats}))
        self.rtcp_subscribers = TcpFan()
        self.group: Group | None = None
        """What multicast readers share, while there are any."""
        self.reception = Reception()
        """Of the publisher's stream, in its own numbers; `succession` knows what readers see instead."""
        self.succession: Succession | None = None
        """How the stream goes on with the packets of another publisher; None for the mount's first one."""
        self.reports = Reports(resources.name, resources.counters, resources.randomness)
        self.subscribers: tuple[Subscriber, Subscriber] | None = None
        """The ways to a publisher that publishes interleaved, for RTP and RTCP."""
        self.feed: Pipe | None = None
        """The way to a publisher that is a program."""
        self.taps: list[Tap] = []
        """Who gets the publisher's packets beside the readers."""
        self.listeners: list[Tap] = []
        """Who gets what readers send."""
        self.replicas: list[Tap] = []
        """Those of the taps that other workers fan out."""
        self.hear_publisher: Callable[[float], None] = _ignore
        """Called with the time when the publisher's RTCP comes over UDP."""
        self.packets_in = 0
        self.bytes_in = 0
        self.not_rtp = 0
        self.wrong_payload_type = 0
        """The publisher's packets that were no RTP (or no RTCP), and that were of a type not announced."""
        self.media_at: float | None = None
        """When the publisher's last RTP packet came; None before the first."""
        self._lost_elsewhere = 0
        """Of the packets lost, those that another worker has counted before the mount came here."""
        self._timer: Timer | None = None

    def _fan(self, sock: socket.socket, on_failure: Callable[[Exception], None] | None) -> UdpFan:
        resources = self._resources
        if on_failure is not None:
            room = WritableWatch(sock.fileno(), resources.loop, on_failure)
            fan = room.fan = UdpFan(sock, resources.family, resources.arena, resources.counters, room.want)
            return fan

        def want_room(wanted: bool) -> None:
            resources.loop.change(sock.fileno(), READ | WRITE if wanted else READ)

        return UdpFan(sock, resources.family, resources.arena, resources.counters, want_room)

    def port_key(self, is_rtcp: bool) -> int:
        """Name one of the two ports among those of the mount."""
        return 2 * self.index + is_rtcp

    # -- the publisher's packets ----------------------------------------------------------------------------------

    def deliver(self, runs: list[Run], packets: int, size: int, stamps: tuple[bytes, bytes, bytes], now: float) -> None:
        """Send a burst of RTP to all readers.

        `stamps` are the sequence numbers, the SSRCs, and the last packet's header as they stand in the packets.
        """
        self.rtp_fan.send(runs, now)
        self.rtp_subscribers.send(runs, packets, now)
        self.packets_in += packets
        self.bytes_in += size
        self._counters.packets_in += packets
        self._counters.bytes_in += size
        self.media_at = now
        sequences, ssrcs, last = stamps
        self.reception.observe(sequences, ssrcs, last, self.clock_rate_of(last), now)
        for tap in self.taps:
            tap.take(self.index, runs, packets)

    def clock_rate_of(self, header: bytes) -> int:
        """Give the clock rate of a packet of an announced payload type."""
        return self._clock_rates[header[1] & 0x7F]

    def succeed(self, first_header: bytes, sequences: bytes, now: float) -> Succession | None:
        """Make ready for a burst of the publisher's: its numbers are to be changed as the result says, unless None."""
        succession = self.succession
        if succession is not None and succession.offsets is None:
            succession.begin(first_header, sequences, now)
            held, succession.held = succession.held, None
            if held is not None:
                self.deliver_rtcp(held, now)
        return succession

    def deliver_packets(self, packets: list[bytes], now: float) -> None:
        """Send packets that came one by one to all readers."""
        stamps = stamps_of(packets)
        succession = self.succeed(packets[0], stamps[0], now)
        if succession is not None:
            packets = [succession.renumber(each) for each in packets]
        lengths = [len(each) for each in packets]
        self.deliver(runs_of(packets, lengths), len(packets), sum(lengths), stamps, now)

    def deliver_rtcp(self, packet: bytes, now: float) -> None:
        """Send the publisher's compound packet to all readers; dropped and counted if it is not RTCP."""
        parts = rtcp.split(packet)
        if parts is None:
            self.refuse(Drop.NOT_RTP)
            return
        self.hear_publisher(now)
        succession = self.succession
        if succession is not None:
            if succession.offsets is None:
                succession.held = packet
                return
            packet = succession.rewrite(parts)
        self._counters.packets_in += 1
        self._counters.bytes_in += len(packet)
        self.reports.hear_publisher(packet, parts, now)
        self.spread_rtcp(packet, now)

    def spread_rtcp(self, packet: bytes, now: float) -> None:
        """Send a compound packet to all readers."""
        runs = [(packet, len(packet), 1)]
        self.rtcp_fan.send(runs, now)
        self.rtcp_subscribers.send(runs, 1, now)
        for tap in self.taps:
            tap.take_rtcp(self.index, packet)

    def refuse(self, fault: Drop) -> None:
        """Count a packet of the publisher's that can't be passed on."""
        self._counters.drop(fault)
        if fault is Drop.NOT_RTP:
            self.not_rtp += 1
        else:
            self.wrong_payload_type += 1

    # -- the readers' and our own RTCP ----------------------------------------------------------------------------

    def take_reader_rtcp(self, packet: bytes, lost_before: int, session: str, now: float) -> int:
        """Take a reader's compound packet; `lost_before` and the result are the losses that it has reported."""
        parts = rtcp.split(packet)
        if parts is None:
            self._counters.drop(Drop.NOT_RTP)
            return lost_before
        self._take_reader_rtcp(packet, parts, session, now)
        return self.reports.hear_reader(parts, lost_before)

    def _take_reader_rtcp(self, packet: bytes, parts: list[rtcp.Part], session: str, now: float) -> None:
        if self._of_replica:
            self.send_to_publisher(Kind.RTCP, packet, now, session)
            return
        self._hear_reader(Kind.RTCP, packet, session, now)
        self.pass_wishes_on(parts, now)

    def take_replicas(self, kind: Kind, packet: bytes, session: str, now: float) -> None:
        """Take what a reader has sent to a replica, where its losses were counted already."""
        if kind is Kind.RTP:
            self._hear_reader(Kind.RTP, packet, session, now)
        elif (parts := rtcp.split(packet)) is not None:
            self._take_reader_rtcp(packet, parts, session, now)

    def take_reader_rtp(self, packet: bytes, session: str, now: float) -> None:
        """Take RTP that a reader sent on a back channel: media for the publisher."""
        self._counters.packets_in += 1
        self._counters.bytes_in += len(packet)
        self._hear_reader(Kind.RTP, packet, session, now)

    def _hear_reader(self, kind: Kind, packet: bytes, session: str, now: float) -> None:
        for tap in self.listeners:
            tap.hear_reader(kind, self.index, packet, session)
        if self.back_channel:
            self.send_to_publisher(kind, packet, now, session)

    def pass_wishes_on(self, parts: list[rtcp.Part], now: float) -> None:
        """Send what readers ask for to the publisher, now and then."""
        for wish in self.reports.picture_requests(parts, now):
            if self.succession is not None:
                wish = self.succession.restore(wish)
            self.send_to_publisher(Kind.RTCP, self.reports.request(wish), now)

    def send_to_publisher(self, kind: Kind, packet: bytes, now: float, session: str = "") -> bool:
        """Send a packet the way back; False if there is none. A program is told which `session` it is from."""
        if self.feed is not None:
            self.feed.send(kind, self.index, ((packet, len(packet), 1),), 1, session)
            return True
        if self.subscribers is not None:
            (self.rtcp_subscribers if kind else self.rtp_subscribers).send_one(self.subscribers[kind], packet, now)
            return True
        source, sock = (self.rtcp_source, self.rtcp_socket) if kind else (self.rtp_source, self.rtp_socket)
        if source.expected is None:
            return False
        try:
            sock.sendto(packet, socket.MSG_DONTWAIT, self._resources.family.target(source.expected))
        except OSError:
            self._counters.drop(Drop.SEND_ERROR)
        return True

    def start_reports(self, now: float) -> None:
        """Send receiver reports to the publisher from now on."""
        self.stop_reports()
        self._report_at(now + self.reports.next_interval_s())

    def _report_at(self, when: float) -> None:
        self._timer = self._resources.loop.call_at(when, self._report)

    def stop_reports(self) -> None:
        """Send no more receiver reports."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _report(self, now: float) -> None:
        self._report_at(now + self.reports.next_interval_s())
        if self.reception.ssrc is not None:
            self.send_to_publisher(Kind.RTCP, self.reports.report(self.reception, now), now)

    def say_goodbye(self, now: float) -> None:
        """Tell UDP readers that the stream has ended: with their connection gone they would not hear of it, and
        GStreamer waits for half a minute though it ended too. Interleaved readers see their connection's end."""
        if self.ssrc is not None:
            packet = rtcp.goodbye(self.ssrc)
            self.rtcp_fan.send([(packet, len(packet), 1)], now)

    # -- what is known of it --------------------------------------------------------------------------------------

    @property
    def ssrc(self) -> int | None:
        """The stream's SSRC as readers see it; None before its first packet."""
        return self.reception.ssrc if self.succession is None else self.succession.end.ssrc

    def next_packet(self, now: float) -> tuple[int | None, int | None]:
        """Give the sequence number and RTP time of the next packet, as far as they can be known."""
        reception, succession = self.reception, self.succession
        if succession is not None and succession.offsets is None:
            return sequence.after(succession.end.sequence), succession.end.next_time(now)
        last, time = reception.last_sequence, reception.next_time(now)
        if last is None or time is None:
            return None, None
        last, time = self._as_seen(last, time)
        return sequence.after(last), time

    def _as_seen(self, number: int, rtp_time: int) -> tuple[int, int]:
        """Give numbers of the publisher's stream as readers see them."""
        offsets = None if self.succession is None else self.succession.offsets
        if offsets is None or offsets.source != self.reception.ssrc:
            return number, rtp_time
        return (number + offsets.sequence) & 0xFFFF, (rtp_time + offsets.rtp_time) & 0xFFFFFFFF

    def _end(self) -> StreamEnd | None:
        """Say where the stream stands; None if it has not begun."""
        reception = self.reception
        if reception.ssrc is None or self.ssrc is None:
            return None if self.succession is None else self.succession.end
        number, rtp_time = self._as_seen(reception.highest & 0xFFFF, reception.last_time)
        end = StreamEnd(self.ssrc, number, rtp_time, reception.last_time_at, reception.clock_rate)
        return self.reports.close(end)

    def forget_publisher(self, ntp: NtpShift | None = None) -> None:
        """Start again, for another publisher; with `ntp`, which the tracks of a mount share, its packets will follow
        those that readers have got."""
        end = self._end()
        self.succession = None if ntp is None or end is None else Succession(end, ntp)
        self.stop_reports()
        self.count_losses()
        self.rtp_source.declare(None)
        self.rtcp_source.declare(None)
        self.subscribers = None
        self.feed = None
        self.hear_publisher = _ignore
        self.reports.forget_publisher()
        self.reception = Reception()
        self.media_at = None

    @property
    def lost(self) -> int:
        """How many packets the publisher's sequence numbers say were lost while this worker carried it. A replica's
        owner counts them."""
        return 0 if self._of_replica else max(0, self.reception.lost - self._lost_elsewhere)

    def count_losses(self) -> None:
        """Add them to the worker's own count, before the stream is forgotten here."""
        self._counters.drop(Drop.SEQUENCE_GAP, self.lost)
        self._lost_elsewhere = 0

    # -- a move to another worker -----------------------------------------------------------------------------------

    def suspend(self) -> float | None:
        """Say nothing any more; gives when the next receiver report is due, None for never."""
        due = None if self._timer is None else self._timer.when
        self.stop_reports()
        return due

    def resume(self, report_at: float | None) -> None:
        """Go on."""
        if report_at is not None:
            self._report_at(report_at)

    def image(self, rtp: PortImage, rtcp: PortImage, report_at: float | None) -> TrackImage:
        """Say all that is known, for another worker."""
        return TrackImage(
            spec=self._spec,
            rtp_port=self.rtp_port,
            rtp=rtp,
            rtcp=rtcp,
            packets_in=self.packets_in,
            bytes_in=self.bytes_in,
            not_rtp=self.not_rtp,
            wrong_payload_type=self.wrong_payload_type,
            media_at=self.media_at,
            reception=self.reception.image(),
            reports=self.reports.image(),
            report_at=report_at,
            succession=None if self.succession is None else self.succession.image(),
        )

    def seen(self, unread: PortImage) -> TrackImage:
        """Say what is known of it for a replica, in the numbers that readers see; `unread` stands for its ports."""
        image = replace(self.image(unread, unread, None), succession=None)
        end = self._end()
        if self.succession is None or end is None:
            return image
        reception = replace(
            Reception().image(),
            ssrc=end.ssrc.to_bytes(4, "big"),
            base=end.sequence,
            extended=end.sequence,
            received=1,
            last_sequence=end.sequence,
            last_time=end.rtp_time,
            last_time_at=end.at,
            clock_rate=end.clock_rate,
        )
        return replace(image, reception=reception)

    def restore(self, image: TrackImage, ntp: NtpShift) -> None:
        """Go on where another worker has stopped, but for its readers and reports; `ntp` is shared by the tracks."""
        if image.succession is not None:
            self.succession = Succession.of(image.succession, ntp)
        self.rtp_source.restore(image.rtp.source)
        self.rtcp_source.restore(image.rtcp.source)
        self.reception.restore(image.reception)
        self.reports.restore(image.reports)
        self.packets_in, self.bytes_in = image.packets_in, image.bytes_in
        self.not_rtp, self.wrong_payload_type = image.not_rtp, image.wrong_payload_type
        self.media_at = image.media_at
        self._lost_elsewhere = self.reception.lost

    def state(self) -> TrackState:
        """Describe it as it is now."""
        reception = self.reception
        jitter = min(reception.jitter, 1e9)
        return TrackState(self.rtp_port, self.packets_in, self.bytes_in, reception.lost, jitter, self.ssrc)


def _ignore(now: float) -> None:
    """A publisher over TCP lives by its connection."""
