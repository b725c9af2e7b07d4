"""The reading side of a track's two UDP ports: whose packet is it, and is it what it should be?

A batch is judged as a whole first: all from the publisher, all RTP, all announced. Only a batch that fails this is
looked at packet by packet.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from workers.channel import Kind
from workers.fanout.burst import PacketBurst
from workers.fanout.receive import SLOT_BYTES, SLOTS
from workers.rtp import rtcp
from workers.rtp.packet import FIXED_HEADER_BYTES, VERSION_2, is_punch, payload_bytes
from workers.runtime.counters import Drop
from workers.runtime.resources import Resources
from workers.streams.port import Port
from workers.streams.sources import AddressBook
from workers.streams.track import MountTrack

MOST_BATCHES = 8
"""Batches that one socket may have in one turn: then the others come first. What is left is reported again."""


class UdpSender(Protocol):
    """A reader that is known by its addresses."""

    @property
    def track(self) -> MountTrack:
        """What it reads."""

    def on_packet(self, kind: Kind, address: bytes, now: float) -> None:
        """Something came from one of its addresses to our RTP or RTCP port."""

    def correct(self, kind: Kind, address: bytes, now: float) -> None:
        """Send to this address of the same host from now on: a NAT has changed the port that was declared."""

    def take_rtcp(self, packet: bytes, now: float) -> None:
        """Take what it sent on its RTCP way."""

    def take_rtp(self, packet: bytes, now: float) -> None:
        """Take what it sent on its RTP way."""


@dataclass(frozen=True, slots=True)
class PortRules:
    """Who may send to the ports of one mount, and what follows from an error there."""

    readers: AddressBook[UdpSender]
    is_publishers: Callable[[bytes], bool]
    take_multicast: Callable[[int, bytes, bytes, float], bool]
    """Takes RTCP for a track, that came from an address: False if no multicast reader is there."""
    on_failure: Callable[[Exception], None]


class ReadingPort(Port):
    """One of the two ports."""

    kind: Kind

    def __init__(self, track: MountTrack, rules: PortRules, resources: Resources) -> None:
        stream = track.stream
        state = stream.state.rtcp if self.kind is Kind.RTCP else stream.state.rtp
        super().__init__(state, stream.outputs[self.kind], resources.loop, rules.on_failure)
        self._track = track
        self._stream = stream
        self._source = stream.sources[self.kind]
        self._rules = rules
        self._receiver = resources.receiver
        self._counters = resources.counters

    def _read(self, now: float) -> None:
        receiver = self._receiver
        for _ in range(MOST_BATCHES):
            count = receiver.receive(self._fd)
            if not count:
                return
            if receiver.dropped_by_kernel != self.state.kernel_drops:
                self._count_kernel_drops(receiver.dropped_by_kernel)
            self._take(count, now)
            if count < SLOTS:
                return

    @abstractmethod
    def _take(self, count: int, now: float) -> None:
        """Take the batch that the receiver holds."""

    def _count_kernel_drops(self, dropped: int) -> None:
        if dropped:  # 0: this packet was queued before the first drop
            self._counters.drop(Drop.KERNEL_RCVBUF, (dropped - self.state.kernel_drops) % (1 << 32))
            self.state.kernel_drops = dropped

    def _take_stranger(self, packet: bytes, address: bytes, now: float) -> None:
        """Take a packet that is not the publisher's: a sign of life, or of a reader's true port, or nobody's."""
        readers = self._rules.readers
        reader = readers.find(address)
        if reader is not None:
            reader.on_packet(self.kind, address, now)
            self._take_readers(reader, packet, now)
            return
        if self._may_correct(packet) and not self._rules.is_publishers(address):
            lost = readers.only_unheard(self._track.port_key(self.kind), address)
            if lost is not None:
                lost.correct(self.kind, address, now)
                self._take_readers(lost, packet, now)
                return
            if self._take_multicast(packet, address, now):
                return
        self._counters.drop(Drop.WRONG_SOURCE)

    def _may_correct(self, packet: bytes) -> bool:
        """A punch, or RTCP of somebody who sends no media."""
        if is_punch(packet):
            return True
        parts = rtcp.split(packet)
        return parts is not None and all(part.kind != rtcp.SENDER_REPORT for part in parts)

    def _take_multicast(self, packet: bytes, address: bytes, now: float) -> bool:
        """Take a packet of a multicast reader, of which only the host is known; False if it is none."""
        return False

    @abstractmethod
    def _take_readers(self, reader: UdpSender, packet: bytes, now: float) -> None:
        """Take a reader's packet."""


class RtpPort(ReadingPort):
    """The RTP socket of a track."""

    kind = Kind.RTP

    def __init__(self, track: MountTrack, rules: PortRules, resources: Resources) -> None:
        super().__init__(track, rules, resources)
        self._burst = PacketBurst((), 0, 0)
        """Filled again and again: to make one anew costs half a microsecond."""

    def _take_readers(self, reader: UdpSender, packet: bytes, now: float) -> None:
        if reader.track is self._track and not is_punch(packet):
            reader.take_rtp(packet, now)

    def _take(self, count: int, now: float) -> None:
        receiver, stream, source = self._receiver, self._stream, self._source
        lengths = receiver.lengths
        if (
            receiver.names.startswith(source.block[: count * receiver.family.length])
            and min(lengths) >= FIXED_HEADER_BYTES
            and max(lengths) <= SLOT_BYTES
            and not receiver.first_bytes(count).translate(None, VERSION_2)
            and not receiver.second_bytes(count).translate(None, stream.announced)
        ):
            # As they came: a succession changes the packets in their slots.
            sequences, ssrcs, last_header = receiver.sequences(count), receiver.ssrcs(count), receiver.header(count - 1)
            if stream.numbers.succession is None or self._renumber(count, sequences, ssrcs, now):
                source.confirm()
                burst = self._burst
                burst.runs, burst.packets, burst.size = receiver.runs(), count, sum(lengths)
                burst.sequences, burst.ssrcs, burst.last_header = sequences, ssrcs, last_header
                stream.deliver(burst, now)
                return
        self._take_each(count, now)

    def _renumber(self, count: int, sequences: bytes, ssrcs: bytes, now: float) -> bool:
        """Give a batch the numbers that readers are to see; False, and nothing is done, if it is not of one stream."""
        receiver = self._receiver
        succession = self._stream.succeed(receiver.header(0), sequences, now)
        assert succession is not None
        numbers = succession.shift(sequences, receiver.times(count), ssrcs)
        if numbers is not None:
            receiver.renumber(count, *numbers)
        return numbers is not None

    def _take_each(self, count: int, now: float) -> None:
        """Judge packet by packet, and deliver those that are media in the order in which they came."""
        receiver = self._receiver
        media = []
        for slot in range(count):
            address = receiver.address(slot)
            if receiver.lengths[slot] > SLOT_BYTES:
                self._counters.drop(Drop.TRUNCATED)
                continue
            packet = receiver.packet(slot)
            if self._is_media(packet, address, now):
                media.append(packet)
        if media:
            self._stream.deliver_packets(media, now)

    def _is_media(self, packet: bytes, address: bytes, now: float) -> bool:
        source = self._source
        fault = fault_of(packet, self._stream.announced)
        if source.knows(address):
            if fault is not None:
                self._stream.refuse(fault)
                return False
            source.on_packet(address)
            return True
        if (
            fault is None
            and payload_bytes(packet)
            and source.may_latch(address)
            and self._rules.readers.find(address) is None
        ):
            source.latch(address)
            return True
        self._take_stranger(packet, address, now)
        return False


class RtcpPort(ReadingPort):
    """The RTCP socket of a track: a packet every few seconds from everybody, so each is looked at."""

    kind = Kind.RTCP

    def _take(self, count: int, now: float) -> None:
        receiver, source = self._receiver, self._source
        for slot in range(count):
            address = receiver.address(slot)
            if receiver.lengths[slot] > SLOT_BYTES:
                self._counters.drop(Drop.TRUNCATED)
                continue
            packet = receiver.packet(slot)
            if source.knows(address):
                source.on_packet(address)
                self._stream.deliver_rtcp(packet, now)
            elif self._is_publishers_report(packet, address):
                source.latch(address)
                self._stream.deliver_rtcp(packet, now)
            else:
                self._take_stranger(packet, address, now)

    def _is_publishers_report(self, packet: bytes, address: bytes) -> bool:
        """A sender report on the stream that is known to be the publisher's, from its host, proves whose it is."""
        if not self._source.may_latch(address) or self._rules.readers.find(address) is not None:
            return False
        ssrc = self._stream.numbers.reception.ssrc
        parts = rtcp.split(packet) or []
        return ssrc is not None and any(part.kind == rtcp.SENDER_REPORT and rtcp.sender(part) == ssrc for part in parts)

    def _take_multicast(self, packet: bytes, address: bytes, now: float) -> bool:
        return not is_punch(packet) and self._rules.take_multicast(self._track.index, packet, address, now)

    def _take_readers(self, reader: UdpSender, packet: bytes, now: float) -> None:
        if not is_punch(packet):
            reader.take_rtcp(packet, now)


def fault_of(packet: bytes, announced: bytes) -> Drop | None:
    """Say what is wrong with an RTP packet; None if nothing is."""
    if len(packet) < FIXED_HEADER_BYTES or packet[0] & 0xC0 != 0x80:
        return Drop.NOT_RTP
    return None if packet[1] in announced else Drop.PAYLOAD_TYPE
