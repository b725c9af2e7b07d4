"""A reader's track that goes into an RTSP connection."""

from dataclasses import replace
from typing import TYPE_CHECKING

from workers.channel import Kind
from workers.connections.connection import Connection
from workers.contract.image import ReaderTrackImage
from workers.contract.parts import InterleavedTransport, TrackTransport
from workers.fanout.catching_up import caught_in, cut_off
from workers.fanout.send_tcp import Subscriber
from workers.readers.slow_readers import SlowReaderLog
from workers.readers.transport import ReaderTrack, plain_image
from workers.runtime.resources import Resources
from workers.streams.track import Track

if TYPE_CHECKING:
    from workers.readers.reader import Reader


class TcpReaderTrack(ReaderTrack):
    """A track that goes into a reader's connection, once that is here."""

    def __init__(self, reader: "Reader", track: Track, transport: InterleavedTransport, resources: Resources) -> None:
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
