"""A reader's track that goes into an RTSP connection."""

from workers.channel import Kind
from workers.connections.connection import Connection
from workers.connections.users import ConnectionUser
from workers.contract.image import ReaderTrackImage
from workers.contract.parts import InterleavedTransport
from workers.fanout.catching_up import cut_off
from workers.fanout.send_tcp import Subscriber
from workers.readers.slow_readers import SlowReaderLog
from workers.readers.transport import ReaderContext, ReaderTransport
from workers.streams.track import MountTrack


class TcpReaderTrack(ReaderTransport):
    """A track that goes into a reader's connection, once that is here."""

    def __init__(
        self, state: ReaderTrackImage, transport: InterleavedTransport, track: MountTrack, reader: ReaderContext
    ) -> None:
        super().__init__(state, track, reader)
        self._channels = transport
        self._slowness: SlowReaderLog | None = None
        self._ways: tuple[Subscriber, Subscriber] | None = None

    @property
    def packets_out(self) -> int:
        """Packets written or queued for it."""
        if self._ways is None:
            return self.state.rtp.sent + self.state.rtcp.sent - self.dropped
        outputs = self.track.stream.outputs
        return sum(outputs[kind].tcp.packets_to(self._ways[kind]) for kind in (Kind.RTP, Kind.RTCP))

    @property
    def dropped(self) -> int:
        """Packets meant for it and not written."""
        return self.state.rtp.dropped + self.state.rtcp.dropped

    def attach(self, connection: Connection, user: ConnectionUser) -> None:
        """Use its channels of a connection."""
        connection.users.route(self._channels.rtcp_channel, user, self._take_each_rtcp)
        if self.track.feedback.back_channel:
            connection.users.route(self._channels.rtp_channel, user, self._take_each_rtp)
        outlet = connection.outlet
        if self._ways is not None and self._ways[Kind.RTP].outlet is outlet:
            return
        self.detach()
        reader = self._reader
        self._slowness = SlowReaderLog(
            reader.state.session, reader.path, self.track.index, connection, reader.resources
        )
        self._ways = (
            Subscriber(outlet, self._channels.rtp_channel, self.state.rtp, self._slowness),
            Subscriber(outlet, self._channels.rtcp_channel, self.state.rtcp),
        )

    def _take_each_rtcp(self, packets: list[bytes], now: float) -> None:
        for each in packets:
            self.take_rtcp(each, now)

    def _take_each_rtp(self, packets: list[bytes], now: float) -> None:
        for each in packets:
            self.take_rtp(each, now)

    def open_gate(self, now: float) -> None:
        """Let media flow, after the publisher's last sender report."""
        if self._ways is None:
            return
        stream, rtcp = self.track.stream, self._ways[Kind.RTCP]
        report = stream.reports.sender_report
        if not rtcp.subscribed and report is not None:
            stream.outputs[Kind.RTCP].tcp.send_one(rtcp, report, now)
        self._join(self._ways, now)

    def _join(self, ways: tuple[Subscriber, Subscriber], now: float) -> None:
        for outputs, way in zip(self.track.stream.outputs, ways, strict=True):
            outputs.add_tcp(way, now)

    def go_on(self, now: float) -> None:
        """Let media flow as another worker did; where packets were left behind on the way, from an access point on."""
        if self._ways is not None:
            if self.state.rtp.catching_up is None and self._ways[Kind.RTP].outlet.cut:
                self.state.rtp.catching_up = cut_off(now)
            self._join(self._ways, now)

    def close_gate(self) -> None:
        """Let no more media flow."""
        if self._ways is not None:
            for outputs, way in zip(self.track.stream.outputs, self._ways, strict=True):
                outputs.remove_tcp(way)

    def write(self, kind: Kind, packet: bytes, now: float) -> bool:
        """Send a packet to this reader alone; False if its connection is not here."""
        if self._ways is None:
            return False
        self.track.stream.outputs[kind].tcp.send_one(self._ways[kind], packet, now)
        return True

    def detach(self) -> None:
        """Give up the channels."""
        self.close_gate()
        self._ways = None
        if self._slowness is not None:
            self._slowness.close()
            self._slowness = None

    def forget(self) -> None:
        """Give up everything."""
        self.detach()
