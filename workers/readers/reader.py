"""One reader's session in a mount: how it gets each track, and whether it is heard."""

from collections.abc import Iterator

from workers.connections.connection import Connection
from workers.contract.image import ReaderImage
from workers.contract.parts import TrackTransport
from workers.contract.reports import ReaderState
from workers.readers.interleaved import TcpReaderTrack
from workers.readers.transport import Held
from workers.readers.udp import UdpReaderTrack
from workers.runtime.resources import Resources
from workers.streams.keepalive import Keepalive


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
        self._signs = Keepalive(session, resources)
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
