"""One mount: its tracks, its publisher, its readers; and whether its publisher is heard."""

import contextlib
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from workers.channel import ChannelBurst, Kind
from workers.connections.connection import Connection
from workers.contract.codec import ContractError
from workers.contract.commands import Play, Record
from workers.contract.events import ChannelEnded, MediaHeard, MediaSilent, StreamsFollow
from workers.contract.image import STREAMS, MountImage, StreamsImage
from workers.contract.parts import (
    InterleavedTransport,
    MulticastTransport,
    Refusal,
    RtpInfo,
    TrackTransport,
    UdpTransport,
)
from workers.contract.reports import MountState
from workers.fanout.burst import packets_of
from workers.fanout.send_udp import UdpFan
from workers.mounts.image import image_of, restore_ports
from workers.publishers.program import Feed
from workers.publishers.publisher import Publisher
from workers.readers.interleaved import TcpReaderTrack
from workers.readers.multicast import MulticastReaderTrack, check_group, group_on
from workers.readers.reader import Reader
from workers.readers.udp import UdpReaderTrack
from workers.rtp.succession import NtpShift, Succession
from workers.runtime.counters import Drop
from workers.runtime.loop import READ, WRITE
from workers.runtime.pipe import Pipe
from workers.runtime.refusal import RefusedError
from workers.runtime.resources import Resources
from workers.streams.ingest import Port, RtcpPort, RtpPort
from workers.streams.sources import AddressBook
from workers.streams.tap import Tap
from workers.streams.track import Track


class Mount:
    """A path that this worker carries, in one generation."""

    def __init__(
        self,
        path: str,
        generation: int,
        resources: Resources,
        on_failure: Callable[["Mount", Exception], None],
        *,
        replica: bool = False,
    ) -> None:
        """A `replica` only sends, by duplicates of another worker's sockets."""
        self.path = path
        self.replica = replica
        self.generation = generation
        self.readers: dict[str, Reader] = {}
        self.tracks: list[Track] = []
        self.addresses: AddressBook[UdpReaderTrack] = AddressBook(resources.family)
        self._resources = resources
        self._publisher: Publisher | Feed | None = None
        self._last_publisher = ""
        self._last_record = b""
        """Of the session whose packets are or were the last: it may have ended, and the mount wait for another."""
        self._ended_feed: Feed | None = None
        """Its program is gone, and what is known of its stream is needed still: for goodbye."""
        self._taps: dict[str, Tap] = {}
        self._record = b""
        self._streams = b""
        """What the front was told of how the streams follow those of earlier publishers."""
        self._silent = True
        self._ports: list[Port] = []
        """While its sockets are read: RTP and RTCP of each track."""
        self._reports_at: list[float | None] = []
        self._on_failure = on_failure
        self._packets_told: dict[int, int] = {}
        """What each track had got when `delivered_since` was asked last."""

    # -- the publisher --------------------------------------------------------------------------------------------

    def record(self, command: Record, connection: Connection | None, now: float) -> None:
        """Start a publisher, in the place of the one before."""
        self._record = command.mount_record
        publisher = self._publisher
        if not isinstance(publisher, Publisher) or not publisher.is_same(
            command.session, command.transports, connection
        ):
            self._end_publisher()
            if command.session == self._last_publisher:
                self._begin_anew()  # RECORD again, by another way: its numbers go on by themselves
            self._last_publisher = command.session
            publisher = self._publisher = Publisher(command.session, self.path, self.tracks, self._resources)
            publisher.start(command.transports, connection, now)
        # else said again, or RECORD after PAUSE: what is known of the stream stays
        publisher.connection, publisher.record = command.connection, command.session_record
        self._last_record = command.session_record

    def feed(self, session: str, sock: socket.socket) -> None:
        """Let a program publish, in the place of the publisher before."""
        self._end_publisher()
        self._begin_anew()
        self._last_publisher, self._last_record = "", b""
        feed = self._publisher = self._make_feed(session, sock)
        feed.resume()

    def _make_feed(self, session: str, sock: socket.socket) -> Feed:
        def ended(reason: str) -> None:
            self._channel_ended(session, reason)

        write_back = self._take_owners if self.replica else self._write
        return Feed(session, self.tracks, sock, self._resources, write_back, ended)

    def stop_publisher(self, session: str) -> None:
        """Take nothing from a publisher any more, if it is this one: the next one's packets will follow."""
        if isinstance(self._publisher, Publisher) and self._publisher.session == session:
            self._end_publisher()
            self._tell_streams()

    def follow(self, streams: bytes) -> None:
        """Go on with the streams as the worker has told that had the mount; it is dead, so they may have gone on since.

        Raises RefusedError if that can't be read.
        """
        try:
            images = STREAMS.unpack(streams).tracks
        except ContractError as error:
            raise RefusedError(Refusal.FAILED, f"how the streams of {self.path} go on: {error}") from error
        ntp = NtpShift()
        for track, image in zip(self.tracks, images, strict=False):
            track.succession = None if image is None else Succession.of(image, ntp)
        self._streams = streams
        self._read_sockets()  # its readers may be heard before its next publisher comes

    def _tell_streams(self) -> None:
        """Let the front know how the streams follow each other, whenever that changes."""
        successions = [each.succession for each in self.tracks]
        streams = b""
        if any(successions):
            streams = STREAMS.pack(StreamsImage(tuple(None if each is None else each.image() for each in successions)))
        if streams != self._streams:
            self._streams = streams
            self._resources.tell(StreamsFollow(self.path, self.generation, streams))

    def _begin_anew(self) -> None:
        """Take the next publisher's numbers as they are."""
        for track in self.tracks:
            track.succession = None

    def _end_publisher(self) -> None:
        if self._publisher is not None:
            self._publisher.stop()
            self._publisher = None
            self._silent = True
        elif self._ended_feed is not None:
            self._ended_feed.stop()
        self._ended_feed = None
        self._read_sockets()

    def check(self, transports: tuple[TrackTransport, ...], *, publishing: bool = False) -> None:
        """Raise RefusedError for a track that there is not, an address that nothing can be sent to, or a publisher's
        transport that none can have."""
        for each in transports:
            self._check_track(each.track)
            if isinstance(each.transport, UdpTransport):
                try:
                    self._resources.family.pack(each.transport.host, 0)
                except ValueError as error:
                    raise RefusedError(Refusal.FAILED, str(error)) from error
            elif isinstance(each.transport, MulticastTransport):
                if publishing:
                    raise RefusedError(Refusal.FAILED, f"{self.path} can't be published by multicast")
                check_group(self.tracks[each.track], each.transport, self._resources.family)

    def _check_track(self, index: int) -> None:
        if index >= len(self.tracks):
            reason = f"{self.path} has {len(self.tracks)} tracks, none with index {index}"
            raise RefusedError(Refusal.FAILED, reason)

    def _read_sockets(self) -> None:
        if self._ports or self.replica:
            return
        self._make_ports()
        self._watch()

    def _make_ports(self) -> None:
        judges = (self._resources, self._is_publishers, self.fail)
        for track in self.tracks:
            self._ports.append(RtpPort(track, track.rtp_fan, track.rtp_socket, *judges))
            self._ports.append(RtcpPort(track, track.rtcp_fan, track.rtcp_socket, *judges))

    def _watch(self) -> None:
        for port, (sock, fan) in zip(self._ports, self._ways(), strict=True):
            events = READ | WRITE if fan.is_waiting else READ
            self._resources.loop.add(sock.fileno(), port, media=True, events=events)

    def _ways(self) -> list[tuple[socket.socket, UdpFan]]:
        """List each track's sockets with what is sent by them, RTP before RTCP."""
        ways = []
        for track in self.tracks:
            ways += [(track.rtp_socket, track.rtp_fan), (track.rtcp_socket, track.rtcp_fan)]
        return ways

    def stop_reading(self) -> None:
        """Read no media any more; what waits is still sent."""
        if isinstance(self._publisher, Feed):
            self._publisher.pipe.stop_reading()
        for sock, fan in self._ways():
            self._resources.loop.change(sock.fileno(), WRITE if fan.is_waiting else 0)

    def fail(self, error: Exception) -> None:
        """Let it be closed, as its state can't be trusted any more."""
        self._on_failure(self, error)

    def _is_publishers(self, address: bytes) -> bool:
        return any(each.rtp_source.knows(address) or each.rtcp_source.knows(address) for each in self.tracks)

    def sweep(self, now: float) -> None:
        """Tell the front when the publisher begins or ceases to be heard; let go of packets that wait too long."""
        heard_at = max((each.media_at for each in self.tracks if each.media_at is not None), default=None)
        silent = heard_at is None or now - heard_at >= self._resources.settings.stale_after_s
        if silent != self._silent and not self.replica:  # the owner tells it
            self._silent = silent
            event = MediaSilent if silent else MediaHeard
            self._resources.tell(event(self.path, self.generation))
        if isinstance(self._publisher, Publisher):
            self._publisher.sweep(now)
        if self._streams or any(each.succession is not None for each in self.tracks):
            self._tell_streams()
        for _, fan in self._ways():
            if fan.is_waiting:
                fan.send_waiting(now)

    # -- readers --------------------------------------------------------------------------------------------------

    def set_up(self, session: str, transport: TrackTransport, *, elsewhere: bool = False) -> int | None:
        """Register one track of a reader, which may play `elsewhere`; gives the publisher's SSRC on it."""
        self.check((transport,))
        reader = self._reader(session)
        reader.elsewhere = elsewhere
        self._register(reader, transport)
        return self.tracks[transport.track].ssrc

    def _reader(self, session: str) -> Reader:
        reader = self.readers.get(session)
        if reader is None:
            reader = self.readers[session] = Reader(session, self.path, self._resources)
        return reader

    def _register(self, reader: Reader, each: TrackTransport) -> None:
        held = reader.tracks.get(each.track)
        if held is not None:
            if held.transport == each.transport:
                return  # a punch may have corrected its port: that must last
            held.forget()
        track = self.tracks[each.track]
        match each.transport:
            case UdpTransport():
                reader.tracks[each.track] = UdpReaderTrack(reader, track, each.transport, self._resources.family)
            case InterleavedTransport():
                reader.tracks[each.track] = TcpReaderTrack(reader, track, each.transport, self._resources)
            case MulticastTransport():
                group = group_on(track, each.transport, self._resources.family)
                reader.tracks[each.track] = MulticastReaderTrack(reader, track, each.transport, group)
            case _:
                assert_never(each.transport)

    def arm(self, command: Play, connection: Connection | None, now: float) -> tuple[RtpInfo, ...]:
        """Prepare a reader to play, and say from which packets on it will: call `check` before and `open_gate` after,
        all in the same turn. Without a connection nothing may be interleaved."""
        reader = self._reader(command.session)
        for index in set(reader.tracks) - {each.track for each in command.transports}:
            reader.tracks.pop(index).forget()
        for each in command.transports:
            self._register(reader, each)
            if connection is not None:
                self._attach(reader, each, connection)
        reader.connection, reader.record, reader.elsewhere = command.connection, command.record, False
        infos = []
        for each in command.transports:
            infos.append(RtpInfo(each.track, *self.tracks[each.track].next_packet(now)))
        return tuple(infos)

    def _attach(self, reader: Reader, each: TrackTransport, connection: Connection) -> None:
        held = reader.tracks[each.track]
        if not isinstance(held, TcpReaderTrack) or not isinstance(each.transport, InterleavedTransport):
            return
        held.attach(connection, each.transport)
        reader.use(connection)

        def take(payloads: list[bytes], now: float) -> None:
            for packet in payloads:
                held.take_rtcp(packet, now)

        def take_rtp(payloads: list[bytes], now: float) -> None:
            for packet in payloads:
                held.take_rtp(packet, now)

        connection.route(each.transport.rtcp_channel, reader, take)
        if held.track.back_channel:
            connection.route(each.transport.rtp_channel, reader, take_rtp)

    def open_gate(self, session: str, now: float) -> None:
        """Let a reader's media flow."""
        reader = self.readers[session]
        reader.playing = True
        for each in reader.tracks.values():
            each.open_gate(now)

    def pause(self, session: str) -> None:
        """Stop a reader's media; raises RefusedError if there is no such reader."""
        reader = self.readers.get(session)
        if reader is None:
            raise RefusedError(Refusal.UNKNOWN_READER, f"session {session} does not read {self.path}")
        reader.close_gate()

    def remove(self, session: str) -> None:
        """Forget a reader; harmless if there is none."""
        reader = self.readers.pop(session, None)
        if reader is not None:
            reader.forget()

    # -- burst channels -------------------------------------------------------------------------------------------

    def tap(self, name: str, sock: socket.socket | None, tracks: tuple[int, ...], *, readers: bool) -> None:
        """Copy bursts to a tap; without a socket, to the one of this name that is there.

        Raises RefusedError if there is none, or no track of this index.
        """
        for index in tracks:
            self._check_track(index)
        tap = self._taps.get(name)
        if sock is not None:
            if tap is not None:
                tap.close()
            tap = self._taps[name] = self._make_tap(name, sock)
            tap.pipe.resume()
        if tap is None:
            raise RefusedError(Refusal.NO_DESCRIPTOR, f"{self.path} has no tap {name}")
        tap.copy(tracks, readers=readers)

    def _make_tap(self, name: str, sock: socket.socket, *, replica: bool = False) -> Tap:
        def ended(reason: str) -> None:
            self._channel_ended(name, reason)

        write_back = self._take_replicas if replica else self._write
        return Tap(sock, self.tracks, self._resources, write_back, ended, replica=replica)

    def replicate(self, name: str, sock: socket.socket) -> None:
        """Let another worker have all that readers get."""
        self.untap(name)
        tap = self._taps[name] = self._make_tap(name, sock, replica=True)
        tap.copy_all()
        tap.pipe.resume()

    def untap(self, name: str) -> None:
        """End a tap; harmless if there is none."""
        tap = self._taps.pop(name, None)
        if tap is not None:
            tap.close()

    def _channel_ended(self, name: str, reason: str) -> None:
        """The program, or worker, at the other end is gone. Who publishes now, if anybody, is the front's to say."""
        self.untap(name)
        if isinstance(self._publisher, Feed) and self._publisher.session == name:
            self._publisher.end()
            self._ended_feed, self._publisher = self._publisher, None
        self._resources.tell(ChannelEnded(self.path, self.generation, name, reason[:1024]))

    def _write(self, burst: ChannelBurst, now: float) -> None:
        """Send what a program has written to one session alone."""
        if burst.track >= len(self.tracks):
            self._resources.counters.drop(Drop.CONTROL_GARBAGE)
            return
        for packet in (each for run in burst.runs for each in packets_of(run)):
            if not self._write_to(burst.session, burst.kind, self.tracks[burst.track], packet, now):
                self._resources.counters.drop(Drop.NO_WAY)

    def _write_to(self, session: str, kind: Kind, track: Track, packet: bytes, now: float) -> bool:
        if self._publisher is not None and self._publisher.session == session:
            return track.send_to_publisher(kind, packet, now)
        reader = self.readers.get(session)
        held = reader.tracks.get(track.index) if reader is not None else None
        if held is not None:
            return held.write(kind, packet, now)
        for replica in track.replicas:
            replica.hear_reader(kind, track.index, packet, session)
        return bool(track.replicas)

    # -- between owner and replica ----------------------------------------------------------------------------------

    def _take_replicas(self, burst: ChannelBurst, now: float) -> None:
        """Take what readers have sent to a replica of this mount."""
        if burst.track >= len(self.tracks) or burst.kind is Kind.ADDRESS:
            self._resources.counters.drop(Drop.CONTROL_GARBAGE)
            return
        for packet in (each for run in burst.runs for each in packets_of(run)):
            self.tracks[burst.track].take_replicas(burst.kind, packet, burst.session, now)

    def _take_owners(self, burst: ChannelBurst, now: float) -> None:
        """Take what the owner sends for one reader of this replica; another replica may be the one that has it."""
        reader = self.readers.get(burst.session)
        held = reader.tracks.get(burst.track) if reader is not None else None
        for packet in (each for run in burst.runs for each in packets_of(run)):
            if burst.kind is not Kind.ADDRESS:
                if held is not None:
                    held.write(burst.kind, packet, now)
            elif isinstance(held, UdpReaderTrack):
                held.correct_as_told(packet, self._resources.family, now)

    # -- the whole ------------------------------------------------------------------------------------------------

    def close(self, now: float, *, used: bool = True, goodbye: bool = True) -> None:
        """Let go of everything: publisher, readers, sockets, ports. Connections stay.

        Ports that nobody was told of (not `used`) need no rest. Without `goodbye` the stream goes on elsewhere.
        """
        for track in self.tracks if goodbye else ():
            track.say_goodbye(now)
        if self._publisher is not None:
            self._publisher.stop()
        for name in list(self._taps):
            self.untap(name)
        for reader in list(self.readers.values()):
            reader.forget()
        self.readers.clear()
        self._close_sockets()
        for port in self.own_ports:
            self._resources.ports.give_back(port, now, rested=not used)
        self.tracks = []

    @property
    def own_ports(self) -> list[int]:
        """Its RTP ports, as far as they are its own: a replica's are the owner's."""
        return [] if self.replica else [track.rtp_port for track in self.tracks]

    @property
    def reader_count(self) -> int:
        """How many readers it has, but for those that play at its replicas."""
        return sum(not each.elsewhere for each in self.readers.values())

    def delivered_since(self) -> int:
        """Say about how many packets it has delivered since the last time."""
        delivered = 0
        for track in self.tracks:
            fresh = track.packets_in - self._packets_told.get(track.index, 0)
            self._packets_told[track.index] = track.packets_in
            delivered += fresh * (len(track.rtp_fan) + len(track.rtp_subscribers))
        return delivered

    def _close_sockets(self) -> None:
        for sock, _ in self._ways():
            self._resources.loop.remove(sock.fileno())
            with contextlib.suppress(OSError):
                sock.close()

    # -- a move to another worker -----------------------------------------------------------------------------------

    def carriers(self) -> set[Connection]:
        """Give the connections that carry media of its sessions: they move together with it."""
        carriers = {each.carrier for each in self.readers.values()}
        if isinstance(self._publisher, Publisher):
            carriers.add(self._publisher.carrier)
        return {each for each in carriers if each is not None}

    @property
    def media_sockets(self) -> list[socket.socket]:
        """Its tracks' sockets, RTP before RTCP."""
        return [sock for sock, _ in self._ways()]

    @property
    def sockets(self) -> list[socket.socket]:
        """Its sockets, in the order in which they travel: its tracks', its feed's, its taps'."""
        return [*self.media_sockets, *(each.sock for each in self._pipes())]

    def _pipes(self) -> list[Pipe]:
        feed = [self._publisher.pipe] if isinstance(self._publisher, Feed) else []
        return [*feed, *(each.pipe for each in self._taps.values())]

    def suspend(self) -> None:
        """Read nothing and say nothing, until `resume` or `detach`: another worker may carry on."""
        for sock, _ in self._ways():
            self._resources.loop.remove(sock.fileno())
        if isinstance(self._publisher, Feed):
            self._publisher.suspend()
        for tap in self._taps.values():
            tap.pipe.suspend()
        self._reports_at = [track.suspend() for track in self.tracks]

    def resume(self) -> None:
        """Go on."""
        if self._ports:
            self._watch()
        for _, fan in self._ways() if self.replica else ():
            fan.wait_again()
        for track, report_at in zip(self.tracks, self._reports_at, strict=True):
            track.resume(report_at)
        for tap in self._taps.values():
            tap.pipe.resume()
        if isinstance(self._publisher, Feed):
            self._publisher.resume()

    def detach(self) -> None:
        """Let go of duplicates only: another worker carries on."""
        for track in self.tracks:
            track.count_losses()
        for pipe in self._pipes():
            pipe.detach()
        self._close_sockets()

    def image(self) -> MountImage:
        """Say all that is known of a suspended mount, for another worker."""
        publisher = self._publisher if isinstance(self._publisher, Publisher) else None
        return image_of(
            self,
            publisher,
            self._ports,
            self._reports_at,
            record=self._record,
            silent=self._silent,
            last_publisher=(self._last_publisher, self._last_record),
            feed=self._publisher if isinstance(self._publisher, Feed) else None,
            taps=self._taps,
        )

    def adopt(self, image: MountImage, sockets: Sequence[socket.socket]) -> None:
        """Take the sockets of its feed and its taps, in the order in which they travel."""
        ends = iter(sockets)
        if image.feed is not None:
            self._publisher = self._make_feed(image.feed.session, next(ends))
        for each in image.taps:
            self._taps[each.name] = self._make_tap(each.name, next(ends), replica=each.replica)

    def restore(self, image: MountImage, connections: Mapping[str, Connection], now: float) -> None:
        """Go on where another worker has stopped, at the next `resume`; the tracks have their sockets already."""
        ntp = NtpShift()
        for track, stopped in zip(self.tracks, image.tracks, strict=True):
            track.restore(stopped, ntp)
        self._silent, self._record = image.silent, image.record
        self._last_publisher, self._last_record = image.last_publisher, image.last_record
        self._reports_at = [each.report_at for each in image.tracks]
        if (image.publisher is not None or image.last_publisher or image.feed is not None) and not self.replica:
            self._make_ports()
        if isinstance(self._publisher, Feed) and image.feed is not None:
            self._publisher.restore(image.feed)
        for tap in image.taps:
            self._taps[tap.name].restore(tap)
        if image.publisher is not None:
            publisher = Publisher(image.publisher.session, self.path, self.tracks, self._resources)
            publisher.restore(image.publisher, connections.get(image.publisher.carrier))
            self._publisher = publisher
        for told in image.readers:
            reader = self._reader(told.session)
            for each in told.tracks:
                self._register(reader, each.transport)
                if told.carrier in connections:
                    self._attach(reader, each.transport, connections[told.carrier])
            reader.restore(told, now)
        restore_ports(self, self._ports, image)

    def remember(self, record: bytes) -> None:
        """Keep what a new front has to know of a replica."""
        self._record = record

    def state(self, *, records: bool = False) -> MountState:
        """Describe it as it is now; with what a new front needs to know of it, if `records` are asked for."""
        publisher = self._publisher
        state = MountState(
            self.path,
            self.generation,
            publisher.session if publisher is not None else "",
            self._silent,
            tuple(each.state() for each in self.tracks),
            tuple(each.state(records=records) for each in self.readers.values()),
        )
        if records and self.replica:
            return replace(state, record=self._record)
        if not records or not self._last_publisher:
            return state
        return replace(
            state,
            record=self._record,
            publisher_record=self._last_record,
            publisher_connection=publisher.connection if isinstance(publisher, Publisher) else "",
            last_publisher=self._last_publisher,
            streams=self._streams,
        )
