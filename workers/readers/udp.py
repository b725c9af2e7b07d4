"""A reader's track that goes to UDP ports of its own."""

from typing import TYPE_CHECKING

from workers.channel import Kind
from workers.contract.events import ReaderCorrected
from workers.contract.image import ReaderTrackImage
from workers.contract.parts import TrackTransport, UdpTransport
from workers.fanout.destinations import Destination
from workers.readers.transport import ReaderTrack
from workers.sockets.addresses import Family
from workers.streams.track import Track

if TYPE_CHECKING:
    from workers.readers.reader import Reader


class UdpReaderTrack(ReaderTrack):
    """A track that goes to a reader's UDP ports. Registered from SETUP on, sent to from PLAY on."""

    def __init__(self, reader: "Reader", track: Track, transport: UdpTransport, family: Family) -> None:
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
