"""The session that publishes a mount: where its packets come from."""

from collections.abc import Iterable, Sequence

from workers.connections.connection import Connection
from workers.connections.users import ConnectionUser
from workers.contract.image import NtpShift, PublisherImage
from workers.contract.parts import InterleavedTransport, TrackTransport, UdpTransport
from workers.publishers.interleaved import InterleavedLink
from workers.publishers.loss_report import PublisherLossReport
from workers.publishers.udp import UdpLink, expect_packets
from workers.runtime.resources import Resources
from workers.streams.keepalive import Keepalive
from workers.streams.link import NO_PUBLISHER
from workers.streams.track import MountTrack


class PublisherSession:
    """A publisher, from RECORD to its replacement or the mount's end."""

    def __init__(self, state: PublisherImage, path: str, tracks: Sequence[MountTrack], resources: Resources) -> None:
        self.state = state
        self._streams = [each.stream for each in tracks]
        self._resources = resources
        self._user = ConnectionUser(path, f"publisher {state.session} of {path}", self._on_connection_ended)
        self._keepalive = Keepalive(state, resources)
        self._loss_report = PublisherLossReport(state.session, self._streams, resources.tell)
        self._carrier: Connection | None = None

    @property
    def carriers(self) -> set[Connection]:
        """The connection that brings its packets, if one does."""
        return set() if self._carrier is None else {self._carrier}

    def start(self, connection: Connection | None, now: float) -> None:
        """Take its packets as media from here on. Without a connection none may be interleaved."""
        for each in self.state.transports:
            if isinstance(each.transport, UdpTransport):
                expect_packets(self._streams[each.track], each.transport, self._resources.family, now)
        self.attach(connection)

    def attach(self, connection: Connection | None) -> None:
        """Link its tracks to the streams that they feed."""
        for each in self.state.transports:
            stream, transport = self._streams[each.track], each.transport
            if isinstance(transport, UdpTransport):
                stream.link = UdpLink(stream, self._keepalive.on_sign)
            elif isinstance(transport, InterleavedTransport) and connection is not None:
                self._carrier, self.state.carrier = connection, connection.name
                connection.gather()
                connection.users.add(self._user)
                stream.link = InterleavedLink(stream, transport, connection, self._user)

    def is_same(self, session: str, transports: Sequence[TrackTransport], connection: Connection | None) -> bool:
        """Tell whether this would start the same publisher again."""
        carried = (self._carrier is not None and self._carrier is connection) or _all_udp(transports)
        return carried and (session, transports) == (self.state.session, self.state.transports)

    def _on_connection_ended(self) -> None:
        """Its interleaved packets have ended; what comes over UDP goes on."""
        self._carrier, self.state.carrier = None, ""
        for stream in self._streams:
            if isinstance(stream.link, InterleavedLink):
                stream.link = NO_PUBLISHER

    def sweep(self, now: float) -> None:
        """Tell the front what went wrong with its packets."""
        self._loss_report.sweep(now)

    def stop(self) -> None:
        """Take nothing from it any more; readers will see the next one's packets as those of the same stream."""
        ntp = NtpShift()
        for stream in self._streams:
            stream.forget_publisher(ntp)
        if self._carrier is not None:
            self._carrier.users.remove(self._user)
            self._carrier = None


def _all_udp(transports: Iterable[TrackTransport]) -> bool:
    return all(isinstance(each.transport, UdpTransport) for each in transports)
