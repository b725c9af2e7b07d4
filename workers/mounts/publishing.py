"""Who publishes a mount: one after the other, whose streams follow each other."""

import socket
from collections.abc import Mapping, Sequence

from workers.connections.connection import Connection
from workers.contract.codec import ContractError
from workers.contract.commands import Record
from workers.contract.events import MediaHeard, MediaSilent, StreamsFollow
from workers.contract.image import STREAMS, FeedImage, MountImage, PublisherImage, StreamsImage
from workers.contract.parts import Refusal
from workers.publishers.program import ChannelEvents, ProgramPublisher, new_feed
from workers.publishers.session import PublisherSession
from workers.rtp.succession import share_shift
from workers.runtime.refusal import RefusedError
from workers.runtime.resources import Resources
from workers.streams.ingest import ReadingPort
from workers.streams.stream import Stream
from workers.streams.track import MountTrack


class Publishing:
    """The publisher of a mount, and whether it is heard."""

    def __init__(
        self, state: MountImage, tracks: Sequence[MountTrack], ports: Sequence[ReadingPort], resources: Resources
    ) -> None:
        self._state = state
        self._tracks = tracks
        self._ports = ports
        self._resources = resources
        self._session: PublisherSession | None = None
        self._program: ProgramPublisher | None = None
        self._ended_program: ProgramPublisher | None = None
        """Its program is gone, and what is known of its stream is needed still: for goodbye."""
        share_shift(each.state.succession for each in self._streams if each.state.succession is not None)

    @property
    def _streams(self) -> list[Stream]:
        return [each.stream for each in self._tracks]

    @property
    def session(self) -> str:
        """The session that publishes, or the program's stream; "" where nobody does."""
        return "" if self._state.publisher is None else self._state.publisher.session

    @property
    def session_state(self) -> PublisherImage | None:
        """What is known of the publisher, where it is a session."""
        return None if self._session is None else self._session.state

    @property
    def carriers(self) -> set[Connection]:
        return set() if self._session is None else self._session.carriers

    @property
    def program(self) -> ProgramPublisher | None:
        """The publisher, where it is a program."""
        return self._program

    # -- one after the other --------------------------------------------------------------------------------------

    def record(self, command: Record, connection: Connection | None, now: float) -> None:
        """Start a publisher, in the place of the one before."""
        state, publisher = self._state, self._session
        state.record = command.mount_record
        if publisher is None or not publisher.is_same(command.session, command.transports, connection):
            self._end()
            if command.session == state.last_publisher:
                self._begin_anew()  # RECORD again, by another way: its numbers go on by themselves
            state.last_publisher = command.session
            state.publisher = PublisherImage(command.session, transports=command.transports)
            publisher = self._session = PublisherSession(state.publisher, state.path, self._tracks, self._resources)
            publisher.start(connection, now)
        # else said again, or RECORD after PAUSE: what is known of the stream stays
        told = publisher.state
        told.connection, told.record, told.paused = command.connection, command.session_record, command.paused
        state.last_record = command.session_record

    def feed(self, session: str, sock: socket.socket, events: ChannelEvents, now: float) -> None:
        """Let a program publish, in the place of the publisher before."""
        self._end()
        self._begin_anew()
        state = self._state
        state.last_publisher, state.last_record = "", b""
        state.publisher = new_feed(session, self._tracks)
        self._program = ProgramPublisher(state.publisher, sock, self._tracks, self._resources, events)
        self._program.pipe.resume(now)

    def stop(self, session: str) -> None:
        """Take nothing from a publisher any more, if it is this one: the next one's packets will follow."""
        if self._session is not None and self._session.state.session == session:
            self._end()
            self._tell_streams()

    def end_program(self, session: str) -> None:
        """The program of a session is gone: who publishes now, if anybody, is the front's to say."""
        if self._program is not None and self._program.state.session == session:
            self._program.end()
            self._ended_program, self._program = self._program, None
            self._state.publisher = None

    def close(self) -> None:
        """Let go of the publisher."""
        for each in (self._session, self._program):
            if each is not None:
                each.stop()

    def _end(self) -> None:
        if self._state.publisher is not None:
            self.close()
            self._session = self._program = self._state.publisher = None
            self._state.silent = True
        elif self._ended_program is not None:
            self._ended_program.stop()
        self._ended_program = None
        self._read_ports()

    def _read_ports(self) -> None:
        self._state.reading = True
        for each in self._ports:
            each.start_reading()

    def _begin_anew(self) -> None:
        """Take the next publisher's numbers as they are."""
        for stream in self._streams:
            stream.numbers.follow(None)

    # -- streams that follow each other ---------------------------------------------------------------------------

    def follow(self, streams: bytes) -> None:
        """Go on with the streams as the worker has told that had the mount; it is dead, so they may have gone on since.

        Raises RefusedError if that can't be read.
        """
        try:
            successions = STREAMS.unpack(streams).tracks
        except ContractError as error:
            raise RefusedError(Refusal.FAILED, f"how the streams of {self._state.path} go on: {error}") from error
        share_shift(each for each in successions if each is not None)
        for stream, succession in zip(self._streams, successions, strict=False):
            stream.numbers.follow(succession)
        self._state.streams = streams
        self._read_ports()  # its readers may be heard before its next publisher comes

    def _tell_streams(self) -> None:
        """Let the front know how the streams follow each other, whenever that changes."""
        state = self._state
        successions = tuple(each.succession for each in state.tracks)
        streams = STREAMS.pack(StreamsImage(successions)) if any(successions) else b""
        if streams != state.streams:
            state.streams = streams
            self._resources.tell(StreamsFollow(state.path, state.generation, streams))

    def sweep(self, now: float) -> None:
        """Tell the front when the publisher begins or ceases to be heard, what is wrong with its packets, and how the
        streams follow each other."""
        state = self._state
        heard_at = max((each.media_at for each in state.tracks if each.media_at is not None), default=None)
        silent = heard_at is None or now - heard_at >= self._resources.settings.stale_after_s
        if silent != state.silent:
            state.silent = silent
            event = MediaSilent if silent else MediaHeard
            self._resources.tell(event(state.path, state.generation))
        if self._session is not None:
            self._session.sweep(now)
        if state.streams or any(each.succession is not None for each in state.tracks):
            self._tell_streams()

    # -- a move to another worker ---------------------------------------------------------------------------------

    def go_on_with_program(self, state: FeedImage, sock: socket.socket, events: ChannelEvents) -> None:
        """Take a program's media as another worker did, from `resume` on."""
        self._program = ProgramPublisher(state, sock, self._tracks, self._resources, events)

    def go_on(self, connections: Mapping[str, Connection]) -> None:
        """Take a session's packets as another worker did, from `resume` on."""
        state = self._state
        if state.reading:
            self._read_ports()
        if isinstance(state.publisher, PublisherImage):
            self._session = PublisherSession(state.publisher, state.path, self._tracks, self._resources)
            self._session.attach(connections.get(state.publisher.carrier))
