"""A reader's track that goes to UDP ports of its own."""

from workers.channel import Kind
from workers.contract.events import ReaderCorrected
from workers.contract.image import DeliveryImage, ReaderTrackImage
from workers.contract.parts import TrackTransport, UdpTransport
from workers.fanout.destinations import Destination
from workers.readers.transport import ReaderContext, ReaderTransport
from workers.readers.ways import WayPair
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
        for kind, port in ((Kind.RTP, transport.rtp_port), (Kind.RTCP, transport.rtcp_port)):
            delivery = self._delivery(kind)
            if not delivery.address:
                delivery.address = self._family.pack(transport.host, port)
            book.add(delivery.address, self)
            if not delivery.heard:
                book.await_sign(track.port_key(kind), delivery.address, self)
        self._destinations = [Destination(reader.state.session, each, self._family) for each in (state.rtp, state.rtcp)]
        fans = [each.udp for each in track.stream.outputs]
        self._ways = WayPair(track.stream, fans, self._destinations, (state.rtp, state.rtcp))

    def _delivery(self, kind: Kind) -> DeliveryImage:
        return self.state.rtcp if kind is Kind.RTCP else self.state.rtp

    @property
    def corrected(self) -> TrackTransport | None:
        """Where it goes, if a NAT has changed the ports that were declared."""
        ports = [int.from_bytes(each.address[2:4], "big") for each in (self.state.rtp, self.state.rtcp)]
        if ports == [self._declared.rtp_port, self._declared.rtcp_port]:
            return None
        return TrackTransport(self.track.index, UdpTransport(self._declared.host, *ports))

    def forget(self) -> None:
        """Give up the addresses."""
        self.close_gate()
        for kind in (Kind.RTP, Kind.RTCP):
            self._leave(kind)

    def _leave(self, kind: Kind) -> None:
        address = self._delivery(kind).address
        self._book.remove(address, self)
        self._book.end_waiting(self.track.port_key(kind), address, self)

    def on_packet(self, kind: Kind, address: bytes, now: float) -> None:
        """Something came from one of its addresses to our RTP or RTCP port."""
        self._reader.on_sign(now)
        delivery = self._delivery(kind)
        if not delivery.heard and address == delivery.address:
            delivery.heard = True
            self._book.end_waiting(self.track.port_key(kind), address, self)

    def correct(self, kind: Kind, address: bytes, now: float) -> None:
        """Send to this address of the same host from now on: a NAT has changed the port that was declared."""
        self._leave(kind)
        reader = self._reader
        self.track.stream.outputs[kind].udp.move(self._destinations[kind], address)
        self._book.add(address, self)
        self._delivery(kind).heard = True
        reader.on_sign(now)
        if (corrected := self.corrected) is not None:
            reader.resources.tell(ReaderCorrected(reader.state.session, corrected))
        for replica in self.track.replicas if reader.state.elsewhere else ():
            replica.send_for(Kind.ADDRESS, bytes([kind]) + address, reader.state.session)

    def correct_as_told(self, told: bytes, now: float) -> None:
        """Send where the mount's owner says that this reader is; never to another host."""
        kind, address = Kind.RTCP if told[:1] != b"\0" else Kind.RTP, told[1:]
        family = self._family
        same_host = family.host(address) == family.host(self._delivery(kind).address)
        if len(address) == family.length and same_host:
            self.correct(kind, address, now)
