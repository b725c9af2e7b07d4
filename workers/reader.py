"""One reader's session in a mount: how it gets each track, and whether it is heard."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from workers.addresses import Family
from workers.channel import Kind
from workers.connection import Connection
from workers.contract.events import ReaderCorrected
from workers.contract.image import ReaderImage, ReaderTrackImage
from workers.contract.parts import InterleavedTransport, MulticastTransport, TrackTransport, UdpTransport
from workers.contract.reports import ReaderState
from workers.counters import Drop
from workers.fanout.catching_up import caught_in, cut_off
from workers.fanout.destinations import Destination
from workers.fanout.send_tcp import Subscriber
from workers.ingest import fault_of
from workers.lifesigns import LifeSigns
from workers.resources import Resources
from workers.slow_readers import SlowReaderLog
from workers.track import Track


class Held(Protocol):
    """One track of a reader, by whichever transport."""

    @property
    def transport(self) -> UdpTransport | InterleavedTransport | MulticastTransport:
        """What its front has said."""

    @property
    def packets_out(self) -> int:
        """Packets sent to it."""

    @property
    def dropped(self) -> int:
        """Packets meant for it and not sent."""

    def open_gate(self, now: float) -> None:
        """Let media flow."""

    def close_gate(self) -> None:
        """Let no more media flow."""

    def forget(self) -> None:
        """Give up everything."""

    def write(self, kind: Kind, packet: bytes, now: float) -> bool:
        """Send a packet to this reader alone; False if it can't be reached."""

    def image(self) -> ReaderTrackImage:
        """Say all that is known, for another worker."""

    def restore(self, image: ReaderTrackImage) -> None:
        """Go on where another worker has stopped."""

    def reopen_gate(self, image: ReaderTrackImage, now: float) -> None:
        """Let media flow as another worker did."""


class Reader:
    """A session that reads a mount."""

    def __init__(self, session: str, path: str, resources: Resources) -> None:
        self.session = session
        self.counters = resources.counters
        self.path = path
        self.connection = ""
        self.record = b""
        """What a new front needs to know of the session."""
        self.playing = False
        self.elsewhere = False
        """It plays at a replica, and is known here for what it sends."""
        self.tracks: dict[int, Held] = {}
        self._signs = LifeSigns(session, resources)
        self.hear = self._signs.hear
        self.tell = resources.tell
        self._carrier: Connection | None = None

    @property
    def carrier(self) -> Connection | None:
        """The connection that its interleaved tracks use, if they do."""
        return self._carrier

    def use(self, connection: Connection) -> None:
        """Get its interleaved tracks through this connection."""
        if self._carrier is not None and self._carrier is not connection:
            self._carrier.leave(self)
        self._carrier = connection
        connection.use(self)

    def connection_ended(self) -> None:
        """Take note that the connection is gone, and the interleaved tracks with it; what goes over UDP goes on."""
        self._carrier = None
        for each in self.tracks.values():
            if isinstance(each, TcpReaderTrack):
                each.detach()
        self.playing = self.playing and not all(isinstance(each, TcpReaderTrack) for each in self.tracks.values())

    def close_gate(self) -> None:
        """Let no more media flow; what is registered stays."""
        self.playing = False
        for each in self.tracks.values():
            each.close_gate()

    def forget(self) -> None:
        """Give up everything."""
        self.playing = False
        for each in self.tracks.values():
            each.forget()
        if self._carrier is not None:
            self._carrier.leave(self)
            self._carrier = None

    def describe(self) -> str:
        """Say who this is, for people."""
        return f"reader {self.session} of {self.path}"

    def image(self) -> ReaderImage:
        """Say all that is known, for another worker."""
        return ReaderImage(
            self.session,
            self.connection,
            "" if self._carrier is None else self._carrier.name,
            self.playing,
            self._signs.told_at,
            self.record,
            tuple(each.image() for each in self.tracks.values()),
            self.elsewhere,
        )

    def restore(self, image: ReaderImage, now: float) -> None:
        """Go on where another worker has stopped; its tracks are registered and attached already."""
        self.connection, self.record = image.connection, image.record
        self.playing, self._signs.told_at, self.elsewhere = image.playing, image.told_at, image.elsewhere
        for each in image.tracks:
            held = self.tracks[each.transport.track]
            held.restore(each)
            if image.playing:
                held.reopen_gate(each, now)

    def state(self, *, records: bool = False) -> ReaderState:
        """Describe it as it is now."""
        return ReaderState(
            self.session,
            self.connection,
            self.playing,
            max(0, sum(each.packets_out for each in self.tracks.values())),
            sum(each.dropped for each in self.tracks.values()),
            self.record if records else b"",
            tuple(self._corrected()) if records else (),
        )

    def _corrected(self) -> Iterator[TrackTransport]:
        for each in self.tracks.values():
            if isinstance(each, UdpReaderTrack) and (told := each.corrected) is not None:
                yield told


class ReaderTrack:
    """One track of one reader."""

    def __init__(self, reader: Reader, track: Track) -> None:
        self.reader = reader
        self.track = track
        self.reported_lost = 0

    def take_rtcp(self, packet: bytes, now: float) -> None:
        """Take what the reader sent on its RTCP way."""
        self.reader.hear(now)
        self.reported_lost = self.track.take_reader_rtcp(packet, self.reported_lost, self.reader.session, now)

    def take_rtp(self, packet: bytes, now: float) -> None:
        """Take what the reader sent on its RTP way: media, on a back channel of a reader that plays."""
        if not self.track.back_channel:
            return
        fault = fault_of(packet, self.track.announced)
        if fault is None and not self.reader.playing:
            fault = Drop.WRONG_SOURCE
        if fault is not None:
            self.reader.counters.drop(fault)
        else:
            self.track.take_reader_rtp(packet, self.reader.session, now)


class UdpReaderTrack(ReaderTrack):
    """A track that goes to a reader's UDP ports. Registered from SETUP on, sent to from PLAY on."""

    def __init__(self, reader: Reader, track: Track, transport: UdpTransport, family: Family) -> None:
        super().__init__(reader, track)
        self.transport = transport
        self.rtp = Destination(family.pack(transport.host, transport.rtp_port), family)
        self.rtcp = Destination(family.pack(transport.host, transport.rtcp_port), family)
        self.heard = {False: False, True: False}
        """Whether anything came from the declared RTP port (False) and RTCP port (True), or corrected it."""
        book = track.readers
        for is_rtcp, destination in ((False, self.rtp), (True, self.rtcp)):
            book.add(destination.address, self)
            book.await_sign(track.port_key(is_rtcp), destination.address, self)

    @property
    def packets_out(self) -> int:
        """Packets sent to it."""
        return self.track.rtp_fan.packets_to(self.rtp) + self.track.rtcp_fan.packets_to(self.rtcp)

    @property
    def dropped(self) -> int:
        """Packets meant for it and not sent."""
        return self.rtp.dropped + self.rtcp.dropped

    @property
    def corrected(self) -> TrackTransport | None:
        """Where it goes, if a NAT has changed the ports that were declared."""
        ports = [int.from_bytes(each.address[2:4], "big") for each in (self.rtp, self.rtcp)]
        if ports == [self.transport.rtp_port, self.transport.rtcp_port]:
            return None
        return TrackTransport(self.track.index, UdpTransport(self.transport.host, *ports))

    def open_gate(self, now: float) -> None:
        """Let media flow, after the publisher's last sender report."""
        report = self.track.reports.sender_report
        if report is not None and self.rtcp.table is None:
            self.track.rtcp_fan.send_one(self.rtcp, report)
        self.track.rtp_fan.add(self.rtp)
        self.track.rtcp_fan.add(self.rtcp)

    def image(self) -> ReaderTrackImage:
        """Say all that is known, for another worker."""
        return ReaderTrackImage(
            transport=TrackTransport(self.track.index, self.transport),
            packets_out=self.packets_out,
            dropped=self.dropped,
            reported_lost=self.reported_lost,
            rtp_address=self.rtp.address,
            rtcp_address=self.rtcp.address,
            rtp_heard=self.heard[False],
            rtcp_heard=self.heard[True],
            refuses_segments=self.track.rtp_fan.refuses_segments(self.rtp),
            catching_up=None,
        )

    def restore(self, image: ReaderTrackImage) -> None:
        """Go on where another worker has stopped."""
        book = self.track.readers
        for is_rtcp, destination, fan, address, heard in (
            (False, self.rtp, self.track.rtp_fan, image.rtp_address, image.rtp_heard),
            (True, self.rtcp, self.track.rtcp_fan, image.rtcp_address, image.rtcp_heard),
        ):
            if address is not None and address != destination.address:
                book.remove(destination.address, self)
                fan.move(destination, address)
                book.add(address, self)
            if heard:
                book.end_waiting(self.track.port_key(is_rtcp), destination.address, self)
            self.heard[is_rtcp] = heard
        # What went to its two ports is told as one.
        self.rtp.sent_before, self.rtp.dropped = image.packets_out + image.dropped, image.dropped
        self.reported_lost = image.reported_lost

    def reopen_gate(self, image: ReaderTrackImage, now: float) -> None:
        """Let media flow as another worker did."""
        self.track.rtp_fan.add_again(self.rtp, image.refuses_segments, now)
        self.track.rtcp_fan.add(self.rtcp)

    def close_gate(self) -> None:
        """Let no more media flow."""
        self.track.rtp_fan.remove(self.rtp)
        self.track.rtcp_fan.remove(self.rtcp)

    def forget(self) -> None:
        """Give up the addresses."""
        self.close_gate()
        for is_rtcp, destination in ((False, self.rtp), (True, self.rtcp)):
            self.track.readers.remove(destination.address, self)
            self.track.readers.end_waiting(self.track.port_key(is_rtcp), destination.address, self)

    def write(self, kind: Kind, packet: bytes, now: float) -> bool:
        """Send a packet to this reader alone."""
        if kind is Kind.RTP:
            self.track.rtp_fan.send_one(self.rtp, packet)
        else:
            self.track.rtcp_fan.send_one(self.rtcp, packet)
        return True

    def hear(self, is_rtcp: bool, address: bytes, now: float) -> None:
        """Take note that something came from one of its addresses to our RTP or RTCP port."""
        self.reader.hear(now)
        destination = self.rtcp if is_rtcp else self.rtp
        if not self.heard[is_rtcp] and address == destination.address:
            self.heard[is_rtcp] = True
            self.track.readers.end_waiting(self.track.port_key(is_rtcp), address, self)

    def correct(self, is_rtcp: bool, address: bytes, now: float) -> None:
        """Send to this address of the same host from now on: a NAT has changed the port that was declared."""
        destination, fan = (self.rtcp, self.track.rtcp_fan) if is_rtcp else (self.rtp, self.track.rtp_fan)
        book = self.track.readers
        book.end_waiting(self.track.port_key(is_rtcp), destination.address, self)
        book.remove(destination.address, self)
        fan.move(destination, address)
        book.add(address, self)
        self.heard[is_rtcp] = True
        self.reader.hear(now)
        if (corrected := self.corrected) is not None:
            self.reader.tell(ReaderCorrected(self.reader.session, corrected))
        for replica in self.track.replicas if self.reader.elsewhere else ():
            replica.correct(self.track.index, self.reader.session, is_rtcp, address)

    def correct_as_told(self, told: bytes, family: Family, now: float) -> None:
        """Send where the mount's owner says that this reader is; never to another host."""
        is_rtcp, address = bool(told[:1] != b"\0"), told[1:]
        destination = self.rtcp if is_rtcp else self.rtp
        if len(address) == family.length and family.host(address) == family.host(destination.address):
            self.correct(is_rtcp, address, now)


class TcpReaderTrack(ReaderTrack):
    """A track that goes into a reader's connection, once that is here."""

    def __init__(self, reader: Reader, track: Track, transport: InterleavedTransport, resources: Resources) -> None:
        super().__init__(reader, track)
        self.transport = transport
        self._resources = resources
        self._slowness: SlowReaderLog | None = None
        self.rtp: Subscriber | None = None
        self.rtcp: Subscriber | None = None
        self._sent_before = 0
        self._dropped_before = 0

    @property
    def packets_out(self) -> int:
        """Packets written or queued for it."""
        sent = self._sent_before
        if self.rtp is not None and self.rtcp is not None:
            sent += self.track.rtp_subscribers.packets_to(self.rtp) + self.track.rtcp_subscribers.packets_to(self.rtcp)
        return sent

    @property
    def dropped(self) -> int:
        """Packets meant for it and not written."""
        dropped = self._dropped_before
        if self.rtp is not None and self.rtcp is not None:
            dropped += self.rtp.dropped + self.rtcp.dropped
        return dropped

    def attach(self, connection: Connection, transport: InterleavedTransport) -> None:
        """Use these channels of a connection, unless it does so already."""
        if self.rtp is not None and self.rtp.outlet is connection.outlet:
            return
        self.detach()
        self._slowness = SlowReaderLog(
            self.reader.session, self.reader.path, self.track.index, connection, self._resources
        )
        self.rtp = Subscriber(connection.outlet, transport.rtp_channel, self._slowness)
        self.rtcp = Subscriber(connection.outlet, transport.rtcp_channel)

    def open_gate(self, now: float) -> None:
        """Let media flow, after the publisher's last sender report."""
        if self.rtp is None or self.rtcp is None:
            return
        report = self.track.reports.sender_report
        self.track.rtp_subscribers.add(self.rtp)
        if not self.rtcp.subscribed and report is not None:
            self.track.rtcp_subscribers.send_one(self.rtcp, report, now)
        self.track.rtcp_subscribers.add(self.rtcp)

    def close_gate(self) -> None:
        """Let no more media flow."""
        if self.rtp is not None and self.rtcp is not None:
            self.track.rtp_subscribers.remove(self.rtp)
            self.track.rtcp_subscribers.remove(self.rtcp)

    def write(self, kind: Kind, packet: bytes, now: float) -> bool:
        """Send a packet to this reader alone; False if its connection is not here."""
        member, fan = (
            (self.rtp, self.track.rtp_subscribers) if kind is Kind.RTP else (self.rtcp, self.track.rtcp_subscribers)
        )
        if member is None:
            return False
        fan.send_one(member, packet, now)
        return True

    def image(self) -> ReaderTrackImage:
        """Say all that is known, for another worker."""
        transport = TrackTransport(self.track.index, self.transport)
        image = plain_image(transport, self.packets_out, self.dropped, self.reported_lost)
        behind = None if self.rtp is None else self.rtp.catching_up
        return image if behind is None else replace(image, catching_up=behind.image())

    def restore(self, image: ReaderTrackImage) -> None:
        """Go on where another worker has stopped."""
        self._sent_before, self._dropped_before = image.packets_out, image.dropped
        self.reported_lost = image.reported_lost

    def reopen_gate(self, image: ReaderTrackImage, now: float) -> None:
        """Let media flow as another worker did."""
        if self.rtp is not None and self.rtcp is not None:
            behind = None
            if image.catching_up is not None:
                behind = caught_in(image.catching_up)
            elif self.rtp.outlet.cut:
                behind = cut_off(now)
            self.track.rtp_subscribers.add_again(self.rtp, behind, now)
            self.track.rtcp_subscribers.add(self.rtcp)

    def detach(self) -> None:
        """Give up the channels."""
        self.close_gate()
        self._sent_before, self._dropped_before = self.packets_out, self.dropped
        self.rtp = self.rtcp = None
        if self._slowness is not None:
            self._slowness.close()
            self._slowness = None

    def forget(self) -> None:
        """Give up everything."""
        self.detach()


def plain_image(transport: TrackTransport, packets_out: int, dropped: int, reported_lost: int) -> ReaderTrackImage:
    """Make the image of a track without addresses of its own."""
    return ReaderTrackImage(
        transport=transport,
        packets_out=packets_out,
        dropped=dropped,
        reported_lost=reported_lost,
        rtp_address=None,
        rtcp_address=None,
        rtp_heard=False,
        rtcp_heard=False,
        refuses_segments=False,
        catching_up=None,
    )
