"""A mount whose ports this worker reads: its publisher, its readers, its taps."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from workers.channel import ChannelBurst, Kind
from workers.connections.connection import Connection
from workers.contract.events import ChannelEnded, MediaSilent
from workers.contract.image import FeedImage, MountImage, TapImage
from workers.contract.parts import Refusal
from workers.contract.reports import MountReport
from workers.fanout.burst import packets_of
from workers.mounts.carried import CarriedMount, OnFailure, Watched
from workers.mounts.publishing import Publishing
from workers.publishers.program import ChannelEvents
from workers.runtime.counters import Drop
from workers.runtime.pipe import Pipe
from workers.runtime.refusal import RefusedError
from workers.runtime.resources import Resources
from workers.streams.ingest import PortRules, ReadingPort, RtcpPort, RtpPort
from workers.streams.tap import BurstTap


class OwnedMount(CarriedMount):
    """A mount that is here, and perhaps at replicas too."""

    def __init__(
        self, state: MountImage, sockets: Sequence[socket.socket], resources: Resources, on_failure: OnFailure
    ) -> None:
        super().__init__(state, sockets, resources, on_failure)
        self._state = state
        self._resources = resources
        rules = PortRules(self.readers.addresses, self._is_publishers, self.readers.groups.take_rtcp, self.fail)
        self._ports: list[ReadingPort] = []
        for track in self.tracks:
            self._ports += [RtpPort(track, rules, resources), RtcpPort(track, rules, resources)]
        self.publishing = Publishing(state, self.tracks, self._ports, resources)
        channels = iter(sockets[len(self._ports) :])
        if isinstance(state.publisher, FeedImage):
            self.publishing.go_on_with_program(state.publisher, next(channels), self._events(state.publisher.session))
        self._taps = {each.name: self._tap(each, next(channels)) for each in state.taps}

    def _is_publishers(self, address: bytes) -> bool:
        return any(source.knows(address) for track in self.tracks for source in track.stream.sources)

    @property
    def ports(self) -> Sequence[ReadingPort]:
        return self._ports

    @property
    def own_ports(self) -> list[int]:
        return [each.rtp_port for each in self._state.tracks]

    @property
    def pipes(self) -> list[Pipe]:
        """Its burst channels: of the program that publishes, of the taps."""
        program = self.publishing.program
        return [*([] if program is None else [program.pipe]), *(each.pipe for each in self._taps.values())]

    def _watched(self) -> Iterator[Watched]:
        yield from super()._watched()
        if self.publishing.program is not None:
            yield from self.publishing.program.timers

    def carriers(self) -> set[Connection]:
        """Give the connections that carry media of its sessions: they move together with it."""
        return super().carriers() | self.publishing.carriers

    # -- burst channels -------------------------------------------------------------------------------------------

    def feed(self, session: str, sock: socket.socket, now: float) -> None:
        self.publishing.feed(session, sock, self._events(session), now)

    def _events(self, name: str, *, of_replica: bool = False) -> ChannelEvents:
        """Take what comes through a channel of this name."""
        take = self._take_replicas if of_replica else self._write
        return ChannelEvents(take, lambda reason: self._on_channel_ended(name, reason))

    def _tap(self, state: TapImage, sock: socket.socket) -> BurstTap:
        events = self._events(state.name, of_replica=state.replica)
        pipe = Pipe(sock, state.pipe, self._resources, events.on_session_burst, events.on_end)
        return BurstTap(state, pipe, self.tracks)

    def tap(self, name: str, sock: socket.socket, now: float) -> None:
        """Begin a tap, in the place of one of this name, which copies nothing yet."""
        self._begin_tap(TapImage(name), sock, now)

    def replicate(self, name: str, sock: socket.socket, now: float) -> None:
        """Let another worker have all that readers get. It knows already what the next packets' times mean."""
        self._begin_tap(TapImage(name, tracks=tuple(range(len(self.tracks))), replica=True), sock, now)

    def _begin_tap(self, state: TapImage, sock: socket.socket, now: float) -> None:
        self.untap(state.name, now)
        tap = self._taps[state.name] = self._tap(state, sock)
        tap.pipe.resume(now)

    def copy(self, name: str, tracks: Sequence[int], *, readers: bool, now: float) -> None:
        """Copy these tracks to a tap that is there; raises RefusedError if there is none of this name."""
        tap = self._taps.get(name)
        if tap is None:
            raise RefusedError(Refusal.NO_DESCRIPTOR, f"{self.path} has no tap {name}")
        tap.copy(tracks, readers=readers, now=now)

    def untap(self, name: str, now: float) -> None:
        """End a tap; harmless if there is none."""
        tap = self._taps.pop(name, None)
        if tap is not None:
            tap.close(now)

    def _on_channel_ended(self, name: str, reason: str) -> None:
        """The program, or worker, at the other end is gone."""
        self.untap(name, self._resources.loop.clock())
        self.publishing.end_program(name)
        self._resources.tell(ChannelEnded(self.path, self.generation, name, reason[:1024]))

    def _write(self, burst: ChannelBurst, now: float) -> None:
        """Send what a program has written to one session alone."""
        if burst.track >= len(self.tracks):
            self._resources.counters.drop(Drop.CONTROL_GARBAGE)
            return
        for packet in (each for run in burst.runs for each in packets_of(run)):
            if not self._write_to(burst.session, burst.kind, burst.track, packet, now):
                self._resources.counters.drop(Drop.NO_WAY)

    def _write_to(self, session: str, kind: Kind, index: int, packet: bytes, now: float) -> bool:
        track = self.tracks[index]
        if session == self.publishing.session:
            return track.stream.send_to_publisher(kind, packet, now)
        transport = self.readers.find(session, index)
        if transport is not None:
            return transport.write(kind, packet, now)
        for replica in track.replicas:
            replica.send_for(kind, packet, session)
        return bool(track.replicas)

    def _take_replicas(self, burst: ChannelBurst, now: float) -> None:
        """Take what readers have sent to a replica of this mount."""
        if burst.track >= len(self.tracks) or burst.kind is Kind.ADDRESS:
            self._resources.counters.drop(Drop.CONTROL_GARBAGE)
            return
        for packet in (each for run in burst.runs for each in packets_of(run)):
            self.tracks[burst.track].feedback.take_replicas(burst.kind, packet, burst.session, now)

    # -- its life -------------------------------------------------------------------------------------------------

    def stop_reading(self) -> None:
        """Read no media any more; what waits is still sent."""
        super().stop_reading()
        if self.publishing.program is not None:
            self.publishing.program.pipe.stop_reading()

    def sweep(self, now: float) -> None:
        self.count_losses()
        self.publishing.sweep(now)
        super().sweep(now)

    def count_losses(self) -> None:
        """Add to the worker's counts what its publishers' packets lost since the last time."""
        for track in self.tracks:
            track.stream.count_losses()

    def suspend(self) -> None:
        """Read nothing and say nothing, until `resume` or `detach`: another worker may carry on."""
        super().suspend()
        self.count_losses()

    def _let_go(self, now: float) -> None:
        self.count_losses()
        self.publishing.close()
        for name in list(self._taps):
            self.untap(name, now)

    # -- a move to another worker ---------------------------------------------------------------------------------

    def pack(self) -> MountImage:
        self._pack_ports()
        self._state.readers = self.readers.pack()
        self._state.taps = tuple(each.state for each in self._taps.values())
        return self._state

    def go_on(self, connections: Mapping[str, Connection], now: float) -> None:
        self.publishing.go_on(connections)
        self.readers.go_on(self._state.readers, connections, now)
        self._go_on_ports()

    # -- what is known of it --------------------------------------------------------------------------------------

    def describe(self, *, records: bool = False) -> MountReport:
        """Describe it as it is now; with what a new front needs to know of it, if `records` are asked for."""
        state = self._state
        told = MountReport(
            self.path,
            self.generation,
            self.publishing.session,
            state.silent,
            tuple(each.stream.describe() for each in self.tracks),
            tuple(each.describe(records=records) for each in self.readers),
        )
        if not records or not state.last_publisher:
            return told
        publisher = self.publishing.session_state
        return replace(
            told,
            record=state.record,
            publisher_record=state.last_record,
            publisher_connection="" if publisher is None else publisher.connection,
            publisher_paused=publisher is not None and publisher.paused,
            last_publisher=state.last_publisher,
            streams=state.streams,
        )

    def tell_failure(self) -> None:
        """Let the front hear of it as of a publisher that died."""
        self._resources.tell(MediaSilent(self.path, self.generation))
