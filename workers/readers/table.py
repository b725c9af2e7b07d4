"""All readers of one mount, by their sessions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

from workers.channel import Kind
from workers.connections.connection import Connection
from workers.contract.commands import Play
from workers.contract.image import ReaderImage, ReaderTrackImage
from workers.contract.parts import (
    InterleavedTransport,
    MulticastTransport,
    Refusal,
    RtpInfo,
    TrackTransport,
    UdpTransport,
)
from workers.readers.interleaved import TcpReaderTrack
from workers.readers.multicast import MulticastGroups, MulticastReaderTrack
from workers.readers.session import ReaderSession
from workers.readers.transport import ReaderContext, ReaderTransport
from workers.readers.udp import UdpReaderTrack
from workers.runtime.refusal import RefusedError
from workers.runtime.resources import Resources
from workers.streams.ingest import UdpSender
from workers.streams.sources import AddressBook
from workers.streams.track import MountTrack


class ReaderTable:
    """The readers of a mount, with the addresses that they send from."""

    def __init__(self, path: str, tracks: Sequence[MountTrack], resources: Resources) -> None:
        self._path = path
        self._tracks = tracks
        self._resources = resources
        self._by_session: dict[str, ReaderSession] = {}
        self.addresses: AddressBook[UdpSender] = AddressBook(resources.family)
        self.groups = MulticastGroups(resources.family)

    def __len__(self) -> int:
        return len(self._by_session)

    def __iter__(self) -> Iterator[ReaderSession]:
        return iter(self._by_session.values())

    @property
    def served(self) -> int:
        """How many there are, but for those that play at replicas of the mount."""
        return sum(not each.state.elsewhere for each in self)

    # -- commands -------------------------------------------------------------------------------------------------

    def check(self, transports: Sequence[TrackTransport], *, publishing: bool = False) -> None:
        """Raise RefusedError for a track that there is not, an address that nothing can be sent to, or a publisher's
        transport that none can have."""
        for each in transports:
            self.check_track(each.track)
            if isinstance(each.transport, UdpTransport):
                try:
                    self._resources.family.pack(each.transport.host, 0)
                except ValueError as error:
                    raise RefusedError(Refusal.FAILED, str(error)) from error
            elif isinstance(each.transport, MulticastTransport):
                if publishing:
                    raise RefusedError(Refusal.FAILED, f"{self._path} can't be published by multicast")
                self.groups.check(self._tracks[each.track], each.transport)

    def check_track(self, index: int) -> None:
        """Raise RefusedError for a track that there is not."""
        if index >= len(self._tracks):
            reason = f"{self._path} has {len(self._tracks)} tracks, none with index {index}"
            raise RefusedError(Refusal.FAILED, reason)

    def set_up(self, session: str, transport: TrackTransport, *, elsewhere: bool = False) -> int | None:
        """Register one track of a reader, which may play `elsewhere`; gives the publisher's SSRC on it."""
        self.check((transport,))
        reader = self._reader(session)
        reader.state.elsewhere = elsewhere
        self._register(reader, transport)
        return self._tracks[transport.track].stream.numbers.ssrc

    def _reader(self, session: str) -> ReaderSession:
        reader = self._by_session.get(session)
        if reader is None:
            reader = self._by_session[session] = ReaderSession(ReaderImage(session), self._path, self._resources)
        return reader

    def _register(self, reader: ReaderSession, wanted: TrackTransport) -> None:
        index = wanted.track
        if index in reader.tracks:
            if reader.tracks[index].state.transport == wanted:
                return  # a punch may have corrected its port: that must last
            reader.drop(index)
        reader.tracks[index] = self._make(ReaderTrackImage(wanted), reader.context)

    def _make(self, state: ReaderTrackImage, reader: ReaderContext) -> ReaderTransport:
        track, transport = self._tracks[state.transport.track], state.transport.transport
        match transport:
            case UdpTransport():
                return UdpReaderTrack(state, transport, track, reader, self.addresses)
            case InterleavedTransport():
                return TcpReaderTrack(state, transport, track, reader)
            case MulticastTransport():
                return MulticastReaderTrack(state, transport, track, reader, self.groups.on(track, transport))
            case _:
                assert_never(transport)

    def arm(self, command: Play, connection: Connection | None, now: float) -> tuple[RtpInfo, ...]:
        """Prepare a reader to play, and say from which packets on it will: call `check` before and `open_gate` after,
        all in the same turn. Without a connection nothing may be interleaved."""
        reader = self._reader(command.session)
        for index in set(reader.tracks) - {each.track for each in command.transports}:
            reader.drop(index)
        for each in command.transports:
            self._register(reader, each)
            if connection is not None:
                reader.attach(each.track, connection)
        state = reader.state
        state.connection, state.record, state.elsewhere = command.connection, command.record, False
        numbers = [self._tracks[each.track].stream.numbers for each in command.transports]
        return tuple(
            RtpInfo(each.track, *of_track.next_packet(now))
            for each, of_track in zip(command.transports, numbers, strict=True)
        )

    def open_gate(self, session: str, now: float) -> None:
        self._by_session[session].open_gate(now)

    def pause(self, session: str) -> None:
        """Stop a reader's media; raises RefusedError if there is no such reader."""
        reader = self._by_session.get(session)
        if reader is None:
            raise RefusedError(Refusal.UNKNOWN_READER, f"session {session} does not read {self._path}")
        reader.close_gate()

    def remove(self, session: str) -> None:
        """Forget a reader; harmless if there is none."""
        reader = self._by_session.pop(session, None)
        if reader is not None:
            reader.forget()

    def remove_all(self) -> None:
        for session in list(self._by_session):
            self.remove(session)

    # -- one reader's track ---------------------------------------------------------------------------------------

    def find(self, session: str, track: int) -> ReaderTransport | None:
        """Give a session's track, if it reads it here."""
        reader = self._by_session.get(session)
        return None if reader is None else reader.tracks.get(track)

    def write(self, session: str, track: int, kind: Kind, packet: bytes, now: float) -> bool:
        """Send a packet to one reader alone; False if it can't be reached."""
        transport = self.find(session, track)
        return transport is not None and transport.write(kind, packet, now)

    # -- a move to another worker ---------------------------------------------------------------------------------

    def carriers(self) -> set[Connection]:
        return {each.carrier for each in self if each.carrier is not None}

    def pack(self) -> tuple[ReaderImage, ...]:
        return tuple(each.pack() for each in self)

    def go_on(self, readers: Sequence[ReaderImage], connections: Mapping[str, Connection], now: float) -> None:
        """Serve those that another worker has served."""
        for state in readers:
            reader = self._by_session[state.session] = ReaderSession(state, self._path, self._resources)
            carrier = connections.get(state.carrier)
            for each in state.tracks:
                index = each.transport.track
                reader.tracks[index] = self._make(each, reader.context)
                if carrier is not None:
                    reader.attach(index, carrier)
                if state.playing:
                    reader.tracks[index].go_on(now)
