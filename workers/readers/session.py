"""One reader's session in a mount: how it gets each track, and whether it is heard."""

from collections.abc import Iterator

from workers.connections.connection import Connection
from workers.connections.users import ConnectionUser
from workers.contract.image import ReaderImage
from workers.contract.parts import TrackTransport
from workers.contract.reports import ReaderState
from workers.readers.interleaved import TcpReaderTrack
from workers.readers.transport import ReaderContext, ReaderTransport
from workers.readers.udp import UdpReaderTrack
from workers.runtime.resources import Resources
from workers.streams.keepalive import Keepalive


class ReaderSession:
    """A session that reads a mount."""

    def __init__(self, state: ReaderImage, path: str, resources: Resources) -> None:
        self.state = state
        self.context = ReaderContext(state, path, resources, Keepalive(state, resources).on_sign)
        self.tracks: dict[int, ReaderTransport] = {}
        self._user = ConnectionUser(path, f"reader {state.session} of {path}", self._on_connection_ended)
        self._carrier: Connection | None = None

    @property
    def carrier(self) -> Connection | None:
        """The connection that its interleaved tracks use, if they do."""
        return self._carrier

    def attach(self, index: int, connection: Connection) -> None:
        """Get a track through this connection, if it is an interleaved one."""
        transport = self.tracks[index]
        if not isinstance(transport, TcpReaderTrack):
            return
        if self._carrier is not connection:
            self._leave()
            self._carrier, self.state.carrier = connection, connection.name
        connection.users.add(self._user)
        transport.attach(connection, self._user)

    def _leave(self) -> None:
        if self._carrier is not None:
            self._carrier.users.remove(self._user)
        self._carrier, self.state.carrier = None, ""

    def _on_connection_ended(self) -> None:
        """The interleaved tracks end with their connection; what goes over UDP goes on."""
        self._carrier, self.state.carrier = None, ""
        interleaved = [each for each in self.tracks.values() if isinstance(each, TcpReaderTrack)]
        for each in interleaved:
            each.detach()
        self.state.playing = self.state.playing and len(interleaved) < len(self.tracks)

    def open_gate(self, now: float) -> None:
        self.state.playing = True
        for each in self.tracks.values():
            each.open_gate(now)

    def close_gate(self) -> None:
        """Let no more media flow; what is registered stays."""
        self.state.playing = False
        for each in self.tracks.values():
            each.close_gate()

    def forget(self) -> None:
        self.state.playing = False
        for index in list(self.tracks):
            self.drop(index)
        self._leave()

    def drop(self, index: int) -> None:
        """Give up a track; what it has got still counts."""
        transport = self.tracks.pop(index)
        transport.forget()
        self.state.sent_before += transport.packets_out
        self.state.dropped_before += transport.dropped

    def pack(self) -> ReaderImage:
        self.state.tracks = tuple(each.state for each in self.tracks.values())
        return self.state

    def describe(self, *, records: bool = False) -> ReaderState:
        state = self.state
        sent = state.sent_before + sum(each.packets_out for each in self.tracks.values())
        state.packets_told = max(state.packets_told, sent)
        return ReaderState(
            state.session,
            state.connection,
            state.playing,
            state.packets_told,
            max(0, state.dropped_before + sum(each.dropped for each in self.tracks.values())),
            state.record if records else b"",
            tuple(self._corrected()) if records else (),
        )

    def _corrected(self) -> Iterator[TrackTransport]:
        for each in self.tracks.values():
            if isinstance(each, UdpReaderTrack) and (told := each.corrected) is not None:
                yield told
