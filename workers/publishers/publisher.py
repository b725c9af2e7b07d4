"""The session that publishes a mount: where its packets come from."""

from workers.connections.connection import Connection, Way
from workers.contract.image import PublisherImage
from workers.contract.parts import InterleavedTransport, TrackTransport, UdpTransport
from workers.fanout.send_tcp import Subscriber
from workers.publishers.loss_report import PublisherLossReport
from workers.rtp.succession import NtpShift
from workers.runtime.resources import Resources
from workers.streams.ingest import fault_of
from workers.streams.keepalive import Keepalive
from workers.streams.track import Track


class Publisher:
    """A publisher, from RECORD to its replacement or the mount's end."""

    def __init__(self, session: str, path: str, tracks: list[Track], resources: Resources) -> None:
        self.session = session
        self.connection = ""
        """The name of the connection that it was started on."""
        self.record = b""
        """What a new front needs to know of the session."""
        self._path = path
        self._tracks = tracks
        self._resources = resources
        self._carrier: Connection | None = None
        self._transports: tuple[TrackTransport, ...] = ()
        self._signs = Keepalive(session, resources)
        self._trouble = PublisherLossReport(session, tracks, resources.tell)

    @property
    def path(self) -> str:
        """The mount that it publishes."""
        return self._path

    @property
    def carrier(self) -> Connection | None:
        """The connection that brings its packets, if one does."""
        return self._carrier

    def start(self, transports: tuple[TrackTransport, ...], connection: Connection | None, now: float) -> None:
        """Take its packets as media from here on. Without a connection none may be interleaved."""
        pack = self._resources.family.pack
        for each in transports:
            track, transport = self._tracks[each.track], each.transport
            if isinstance(transport, UdpTransport):
                track.rtp_source.declare(pack(transport.host, transport.rtp_port))
                track.rtcp_source.declare(pack(transport.host, transport.rtcp_port))
                track.start_reports(now)
        self._attach(transports, connection)

    def _attach(self, transports: tuple[TrackTransport, ...], connection: Connection | None) -> None:
        self._transports = transports
        for each in transports:
            track, transport = self._tracks[each.track], each.transport
            if isinstance(transport, UdpTransport):
                track.hear_publisher = self._signs.hear
            elif isinstance(transport, InterleavedTransport) and connection is not None:
                self._carrier = connection
                connection.gather()
                connection.use(self)
                connection.route(transport.rtp_channel, self, self._rtp_way(track))
                connection.route(transport.rtcp_channel, self, self._rtcp_way(track))
                channels = (transport.rtp_channel, transport.rtcp_channel)
                track.subscribers = (
                    Subscriber(connection.outlet, channels[0]),
                    Subscriber(connection.outlet, channels[1]),
                )

    def is_same(self, session: str, transports: tuple[TrackTransport, ...], connection: Connection | None) -> bool:
        """Tell whether this would start the same publisher again."""
        carried = (self._carrier is not None and self._carrier is connection) or all(
            isinstance(e.transport, UdpTransport) for e in transports
        )
        return carried and (session, transports) == (self.session, self._transports)

    def describe(self) -> str:
        """Say who this is, for people."""
        return f"publisher {self.session} of {self._path}"

    def sweep(self, now: float) -> None:
        """Tell the front what went wrong with its packets."""
        self._trouble.sweep(now)

    def image(self) -> PublisherImage:
        """Say all that is known, for another worker."""
        carrier = "" if self._carrier is None else self._carrier.name
        return PublisherImage(
            self.session, self.connection, carrier, self._signs.told_at, self.record, self._transports
        )

    def restore(self, image: PublisherImage, carrier: Connection | None) -> None:
        """Go on where another worker has stopped."""
        self.connection, self.record, self._signs.told_at = image.connection, image.record, image.told_at
        self._attach(image.transports, carrier)

    def stop(self) -> None:
        """Take nothing from it any more; readers will see the next one's packets as those of the same stream."""
        ntp = NtpShift()
        for track in self._tracks:
            track.forget_publisher(ntp)
        if self._carrier is not None:
            self._carrier.leave(self)
            self._carrier = None

    def connection_ended(self) -> None:
        """Take note that its interleaved packets have ended; what comes over UDP goes on."""
        self._carrier = None
        for track in self._tracks:
            track.subscribers = None

    def _rtp_way(self, track: Track) -> Way:
        announced = track.announced

        def take(payloads: list[bytes], now: float) -> None:
            media = []
            for packet in payloads:
                fault = fault_of(packet, announced)
                if fault is None:
                    media.append(packet)
                else:
                    track.refuse(fault)
            if media:
                track.deliver_packets(media, now)

        return take

    def _rtcp_way(self, track: Track) -> Way:
        def take(payloads: list[bytes], now: float) -> None:
            for packet in payloads:
                track.deliver_rtcp(packet, now)

        return take
