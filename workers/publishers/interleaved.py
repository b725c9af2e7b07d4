"""A publisher's track inside its RTSP connection."""

from workers.channel import Kind
from workers.connections.connection import Connection
from workers.connections.users import ConnectionUser
from workers.contract.image import DeliveryImage
from workers.contract.parts import InterleavedTransport
from workers.fanout.send_tcp import Subscriber
from workers.streams.ingest import fault_of
from workers.streams.stream import Stream


class InterleavedLink:
    """The way back goes through the connection; by which the publisher lives, and not by its RTCP."""

    def __init__(
        self, stream: Stream, transport: InterleavedTransport, connection: Connection, user: ConnectionUser
    ) -> None:
        self._stream = stream
        self._ways = (
            Subscriber(connection.outlet, transport.rtp_channel, DeliveryImage()),
            Subscriber(connection.outlet, transport.rtcp_channel, DeliveryImage()),
        )
        connection.users.route(transport.rtp_channel, user, self._take_rtp)
        connection.users.route(transport.rtcp_channel, user, self._take_rtcp)

    def send(self, kind: Kind, packet: bytes, now: float, session: str) -> bool:
        self._stream.outputs[kind].tcp.send_one(self._ways[kind], packet, now)
        return True

    def on_rtcp(self, now: float) -> None:
        """The connection says more."""

    def _take_rtp(self, payloads: list[bytes], now: float) -> None:
        stream = self._stream
        media = []
        for packet in payloads:
            fault = fault_of(packet, stream.announced)
            if fault is None:
                media.append(packet)
            else:
                stream.refuse(fault)
        if media:
            stream.deliver_packets(media, now)

    def _take_rtcp(self, payloads: list[bytes], now: float) -> None:
        for packet in payloads:
            self._stream.deliver_rtcp(packet, now)
