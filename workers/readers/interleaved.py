"""A reader's track that goes into an RTSP connection."""

from workers.connections.connection import Connection
from workers.connections.users import ConnectionUser
from workers.contract.image import ReaderTrackImage
from workers.contract.parts import InterleavedTransport
from workers.fanout.catching_up import cut_off
from workers.fanout.outlet import Outlet
from workers.fanout.send_tcp import Subscriber
from workers.readers.slow_readers import SlowReaderLog
from workers.readers.transport import ReaderContext, ReaderTransport
from workers.readers.ways import WayPair
from workers.streams.track import MountTrack


class TcpReaderTrack(ReaderTransport):
    """A track that goes into a reader's connection, once that is here."""

    def __init__(
        self, state: ReaderTrackImage, transport: InterleavedTransport, track: MountTrack, reader: ReaderContext
    ) -> None:
        super().__init__(state, track, reader)
        self._channels = transport
        self._slowness: SlowReaderLog | None = None
        self._outlet: Outlet | None = None

    def attach(self, connection: Connection, user: ConnectionUser) -> None:
        """Use its channels of a connection."""
        connection.users.route(self._channels.rtcp_channel, user, self._take_each_rtcp)
        if self.track.feedback.back_channel:
            connection.users.route(self._channels.rtp_channel, user, self._take_each_rtp)
        outlet = connection.outlet
        if self._outlet is outlet:
            return
        self.detach()
        self._outlet = outlet
        reader = self._reader
        self._slowness = SlowReaderLog(
            reader.state.session, reader.path, self.track.index, connection, reader.resources
        )
        state, stream = self.state, self.track.stream
        members = (
            Subscriber(outlet, self._channels.rtp_channel, state.rtp, self._slowness),
            Subscriber(outlet, self._channels.rtcp_channel, state.rtcp),
        )
        self._ways = WayPair(stream, [each.tcp for each in stream.outputs], members, (state.rtp, state.rtcp))

    def _take_each_rtcp(self, packets: list[bytes], now: float) -> None:
        for each in packets:
            self.take_rtcp(each, now)

    def _take_each_rtp(self, packets: list[bytes], now: float) -> None:
        for each in packets:
            self.take_rtp(each, now)

    def go_on(self, now: float) -> None:
        """Let media flow as another worker did; where packets were left behind on the way, from an access point on."""
        if self._outlet is not None and self._outlet.cut and self.state.rtp.catching_up is None:
            self.state.rtp.catching_up = cut_off(now)
        super().go_on(now)

    def detach(self) -> None:
        self.close_gate()
        self._ways = self._outlet = None
        if self._slowness is not None:
            self._slowness.close()
            self._slowness = None

    def forget(self) -> None:
        self.detach()
