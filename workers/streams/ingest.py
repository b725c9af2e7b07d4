"""The reading side of a track's two UDP ports: whose packet is it, and is it what it should be?

A batch is judged as a whole first: all from the publisher, all RTP, all announced. Only a batch that fails this is
looked at packet by packet.
"""

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from workers.fanout.receive import SLOT_BYTES, SLOTS
from workers.fanout.send_udp import UdpFan
from workers.rtp import rtcp
from workers.rtp.packet import FIXED_HEADER_BYTES, VERSION_2, is_punch, payload_bytes
from workers.runtime.counters import Drop
from workers.runtime.loop import READ, WRITE
from workers.runtime.resources import Resources
from workers.streams.track import Track

if TYPE_CHECKING:
    from workers.readers.udp import UdpReaderTrack

MOST_BATCHES = 8
"""Batches that one socket may have in one turn: then the others come first. What is left is reported again."""


class Port(ABC):
    """One UDP socket in the loop."""

    is_rtcp = False

    def __init__(
        self,
        track: Track,
        fan: UdpFan,
        sock: socket.socket,
        resources: Resources,
        is_publishers: Callable[[bytes], bool],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self._track = track
        self._fan = fan
        self._fd = sock.fileno()
        self._receiver = resources.receiver
        self._counters = resources.counters
        self._is_publishers = is_publishers
        self._on_failure = on_failure
        self.kernel_drops = 0
        """The kernel's own count of the packets that it dropped here, as last seen; it lasts as long as the socket."""

    def ready(self, events: int, now: float) -> None:
        """Read what has come, a bounded part of it, and send on what waited for room."""
        if events & WRITE:
            self._fan.send_waiting(now)
        if not events & READ:
            return
        receiver = self._receiver
        for _ in range(MOST_BATCHES):
            count = receiver.receive(self._fd)
            if not count:
                return
            if receiver.dropped_by_kernel != self.kernel_drops:
                self._count_kernel_drops(receiver.dropped_by_kernel)
            self._take(count, now)
            if count < SLOTS:
                return

    def failed(self, error: Exception) -> None:
        """Close the mount."""
        self._on_failure(error)

    @abstractmethod
    def _take(self, count: int, now: float) -> None:
        """Take the batch that the receiver holds."""

    def _count_kernel_drops(self, dropped: int) -> None:
        if dropped:  # 0: this packet was queued before the first drop
            self._counters.drop(Drop.KERNEL_RCVBUF, (dropped - self.kernel_drops) % (1 << 32))
            self.kernel_drops = dropped

    def _take_stranger(self, packet: bytes, address: bytes, now: float) -> None:
        """Take a packet that is not the publisher's: a sign of life, or of a reader's true port, or nobody's."""
        reader = self._track.readers.find(address)
        if reader is not None:
            reader.hear(self.is_rtcp, address, now)
            self._take_readers(reader, packet, now)
            return
        if self._may_correct(packet) and not self._is_publishers(address):
            lost = self._track.readers.only_unheard(self._track.port_key(self.is_rtcp), address)
            if lost is not None:
                lost.correct(self.is_rtcp, address, now)
                self._take_readers(lost, packet, now)
                return
            if self._take_listeners(packet, address, now):
                return
        self._counters.drop(Drop.WRONG_SOURCE)

    def _may_correct(self, packet: bytes) -> bool:
        """A punch, or RTCP of somebody who sends no media."""
        if is_punch(packet):
            return True
        parts = rtcp.split(packet)
        return parts is not None and all(part.kind != rtcp.SENDER_REPORT for part in parts)

    def _take_listeners(self, packet: bytes, address: bytes, now: float) -> bool:
        """Take a packet of a multicast reader, of which only the host is known; False if it is none."""
        return False

    @abstractmethod
    def _take_readers(self, reader: "UdpReaderTrack", packet: bytes, now: float) -> None:
        """Take a reader's packet."""


class RtpPort(Port):
    """The RTP socket of a track."""

    def _take_readers(self, reader: "UdpReaderTrack", packet: bytes, now: float) -> None:
        if reader.track is self._track and not is_punch(packet):
            reader.take_rtp(packet, now)

    def _take(self, count: int, now: float) -> None:
        receiver, track = self._receiver, self._track
        lengths = receiver.lengths
        if (
            receiver.names.startswith(track.rtp_source.block[: count * receiver.family.length])
            and min(lengths) >= FIXED_HEADER_BYTES
            and max(lengths) <= SLOT_BYTES
            and not receiver.first_bytes(count).translate(None, VERSION_2)
            and not receiver.second_bytes(count).translate(None, track.announced)
        ):
            stamps = (receiver.sequences(count), receiver.ssrcs(count), receiver.header(count - 1))
            if track.succession is None or self._renumber(count, stamps, now):
                track.rtp_source.confirm()
                track.deliver(receiver.runs(), count, sum(lengths), stamps, now)
                return
        self._take_each(count, now)

    def _renumber(self, count: int, stamps: tuple[bytes, bytes, bytes], now: float) -> bool:
        """Give a batch the numbers that readers are to see; False, and nothing is done, if it is not of one stream."""
        receiver = self._receiver
        succession = self._track.succeed(receiver.header(0), stamps[0], now)
        assert succession is not None
        numbers = succession.shift(stamps[0], receiver.times(count), stamps[1])
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
            self._track.deliver_packets(media, now)

    def _is_media(self, packet: bytes, address: bytes, now: float) -> bool:
        track = self._track
        source = track.rtp_source
        fault = fault_of(packet, track.announced)
        if source.knows(address):
            if fault is not None:
                track.refuse(fault)
                return False
            source.hear(address)
            return True
        if (
            fault is None
            and payload_bytes(packet)
            and source.may_latch(address)
            and track.readers.find(address) is None
        ):
            source.latch(address)
            return True
        self._take_stranger(packet, address, now)
        return False


class RtcpPort(Port):
    """The RTCP socket of a track: a packet every few seconds from everybody, so each is looked at."""

    is_rtcp = True

    def _take(self, count: int, now: float) -> None:
        receiver, source = self._receiver, self._track.rtcp_source
        for slot in range(count):
            address = receiver.address(slot)
            if receiver.lengths[slot] > SLOT_BYTES:
                self._counters.drop(Drop.TRUNCATED)
                continue
            packet = receiver.packet(slot)
            if source.knows(address):
                source.hear(address)
                self._track.deliver_rtcp(packet, now)
            elif self._is_publishers_report(packet, address):
                source.latch(address)
                self._track.deliver_rtcp(packet, now)
            else:
                self._take_stranger(packet, address, now)

    def _is_publishers_report(self, packet: bytes, address: bytes) -> bool:
        """A sender report on the stream that is known to be the publisher's, from its host, proves whose it is."""
        if not self._track.rtcp_source.may_latch(address) or self._track.readers.find(address) is not None:
            return False
        ssrc = self._track.reception.ssrc
        parts = rtcp.split(packet) or []
        return ssrc is not None and any(part.kind == rtcp.SENDER_REPORT and rtcp.sender(part) == ssrc for part in parts)

    def _take_listeners(self, packet: bytes, address: bytes, now: float) -> bool:
        group = self._track.group
        return group is not None and not is_punch(packet) and group.take_rtcp(packet, address, now)

    def _take_readers(self, reader: "UdpReaderTrack", packet: bytes, now: float) -> None:
        if not is_punch(packet):
            reader.take_rtcp(packet, now)


def fault_of(packet: bytes, announced: bytes) -> Drop | None:
    """Say what is wrong with an RTP packet; None if nothing is."""
    if len(packet) < FIXED_HEADER_BYTES or packet[0] & 0xC0 != 0x80:
        return Drop.NOT_RTP
    return None if packet[1] in announced else Drop.PAYLOAD_TYPE
