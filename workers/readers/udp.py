"""A reader's track that goes to UDP ports of its own."""

from workers.channel import Kind
from workers.contract.events import ReaderCorrected
from workers.contract.image import ReaderTrackImage
from workers.contract.parts import TrackTransport, UdpTransport
from workers.fanout.destinations import Destination
from workers.readers.transport import ReaderContext, ReaderTransport
from workers.streams.ingest import UdpSender
from workers.streams.sources import AddressBook
from workers.streams.track import MountTrack


class UdpReaderTrack(ReaderTransport):
    """A track that goes to a reader's UDP ports."""

    def __init__(
        self,
        state: ReaderTrackImage,
        transport: UdpTransport,
        track: MountTrack,
        reader: ReaderContext,
        book: AddressBook[UdpSender],
    ) -> None:
        super().__init__(state, track, reader)
        self._declared = transport
        self._book = book
        self._family = reader.resources.family
        self._ways: list[Destination] = []
        for kind, port, delivery in (
            (Kind.RTP, transport.rtp_port, state.rtp),
            (Kind.RTCP, transport.rtcp_port, state.rtcp),
        ):
            if not delivery.address:
                delivery.address = self._family.pack(transport.host, port)
            self._ways.append(Destination(reader.state.session, delivery, self._family))
            book.add(delivery.address, self)
            if not delivery.heard:
                book.await_sign(track.port_key(kind), delivery.address, self)

    @property
    def packets_out(self) -> int:
        """Packets sent to it."""
        outputs = self.track.stream.outputs
        return sum(outputs[kind].udp.packets_to(self._ways[kind]) for kind in (Kind.RTP, Kind.RTCP))

    @property
    def dropped(self) -> int:
        """Packets meant for it and not sent."""
        return self.state.rtp.dropped + self.state.rtcp.dropped

    @property
    def corrected(self) -> TrackTransport | None:
        """Where it goes, if a NAT has changed the ports that were declared."""
        ports = [int.from_bytes(each.state.address[2:4], "big") for each in self._ways]
        if ports == [self._declared.rtp_port, self._declared.rtcp_port]:
            return None
        return TrackTransport(self.track.index, UdpTransport(self._declared.host, *ports))

    def open_gate(self, now: float) -> None:
        """Let media flow, after the publisher's last sender report."""
        stream, rtcp = self.track.stream, self._ways[Kind.RTCP]
        report = stream.reports.sender_report
        if report is not None and rtcp.table is None:
            stream.outputs[Kind.RTCP].udp.send_one(rtcp, report)
        self.go_on(now)

    def go_on(self, now: float) -> None:
        """Let media flow."""
        for outputs, way in zip(self.track.stream.outputs, self._ways, strict=True):
            outputs.add_udp(way, now)

    def close_gate(self) -> None:
        """Let no more media flow."""
        for outputs, way in zip(self.track.stream.outputs, self._ways, strict=True):
            outputs.remove_udp(way)

    def forget(self) -> None:
        """Give up the addresses."""
        self.close_gate()
        for kind in (Kind.RTP, Kind.RTCP):
            self._leave(kind)

    def _leave(self, kind: Kind) -> None:
        address = self._ways[kind].state.address
        self._book.remove(address, self)
        self._book.end_waiting(self.track.port_key(kind), address, self)

    def write(self, kind: Kind, packet: bytes, now: float) -> bool:
        """Send a packet to this reader alone."""
        self.track.stream.outputs[kind].udp.send_one(self._ways[kind], packet)
        return True

    def on_packet(self, kind: Kind, address: bytes, now: float) -> None:
        """Something came from one of its addresses to our RTP or RTCP port."""
        self._reader.on_sign(now)
        delivery = self._ways[kind].state
        if not delivery.heard and address == delivery.address:
            delivery.heard = True
            self._book.end_waiting(self.track.port_key(kind), address, self)

    def correct(self, kind: Kind, address: bytes, now: float) -> None:
        """Send to this address of the same host from now on: a NAT has changed the port that was declared."""
        self._leave(kind)
        way, reader = self._ways[kind], self._reader
        self.track.stream.outputs[kind].udp.move(way, address)
        self._book.add(address, self)
        way.state.heard = True
        reader.on_sign(now)
        if (corrected := self.corrected) is not None:
            reader.resources.tell(ReaderCorrected(reader.state.session, corrected))
        for replica in self.track.replicas if reader.state.elsewhere else ():
            replica.send_for(Kind.ADDRESS, bytes([kind]) + address, reader.state.session)

    def correct_as_told(self, told: bytes, now: float) -> None:
        """Send where the mount's owner says that this reader is; never to another host."""
        kind, address = Kind.RTCP if told[:1] != b"\0" else Kind.RTP, told[1:]
        family = self._family
        same_host = family.host(address) == family.host(self._ways[kind].state.address)
        if len(address) == family.length and same_host:
            self.correct(kind, address, now)
