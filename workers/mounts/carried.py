"""What every mount is that a worker carries, its own or a replica: tracks, ports and readers."""

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from workers.connections.connection import Connection
from workers.contract.image import MountImage, ReplicaImage
from workers.contract.reports import MountReport
from workers.readers.table import ReaderTable
from workers.runtime.pipe import Pipe
from workers.runtime.resources import Resources
from workers.streams.port import Port
from workers.streams.track import make_tracks

OnFailure = Callable[["CarriedMount", Exception], None]
"""Told of a mount whose state can't be trusted any more: it is to be closed."""


class Watched(Protocol):
    """What waits for a descriptor, or for time."""

    def suspend(self) -> None:
        """Do nothing until `resume`: another worker may carry on."""

    def resume(self, now: float) -> None:
        """Go on, or begin."""

    def detach(self) -> None:
        """Let go of duplicates only: another worker carries on."""


class CarriedMount(ABC):
    """A path that this worker carries, in one generation. It is made around a state, and does nothing before it is
    resumed."""

    def __init__(
        self,
        state: MountImage | ReplicaImage,
        sockets: Sequence[socket.socket],
        resources: Resources,
        on_failure: OnFailure,
    ) -> None:
        """Take the sockets of its tracks, RTP before RTCP, and behind them those of its channels."""
        self.path = state.path
        self.generation = state.generation
        self.tracks = make_tracks(state.tracks, sockets, resources, replica=isinstance(state, ReplicaImage))
        self.readers = ReaderTable(state.path, self.tracks, resources)
        self._on_failure = on_failure
        self._delivered_for = [each.packets_in for each in state.tracks]
        """What each track had got when `delivered_since` was asked last."""

    def fail(self, error: Exception) -> None:
        """Let it be closed, as its state can't be trusted any more."""
        self._on_failure(self, error)

    # -- its parts ------------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def ports(self) -> Sequence[Port]:
        """Its sockets in the loop, RTP before RTCP of each track."""

    @property
    @abstractmethod
    def pipes(self) -> list[Pipe]:
        """Its burst channels, in the order in which their sockets travel."""

    @property
    def own_ports(self) -> list[int]:
        """The RTP ports that are in use for it and no other worker's."""
        return []

    def _watched(self) -> Iterator[Watched]:
        yield from self.ports
        yield from self.pipes
        for each in self.tracks:
            yield each.stream.report_timer

    @property
    def media_sockets(self) -> list[socket.socket]:
        """Its tracks' sockets, RTP before RTCP."""
        return [each.outputs.sock for each in self.ports]

    @property
    def sockets(self) -> list[socket.socket]:
        """Its sockets, in the order in which they travel."""
        return [*self.media_sockets, *(each.sock for each in self.pipes)]

    def carriers(self) -> set[Connection]:
        """Give the connections that carry media of its sessions: they move together with it."""
        return self.readers.carriers()

    @property
    def is_waiting(self) -> bool:
        """Whether packets wait for room in a send buffer."""
        return any(each.outputs.udp.is_waiting for each in self.ports)

    # -- its life -------------------------------------------------------------------------------------------------

    def stop_reading(self) -> None:
        """Read no media any more; what waits is still sent."""
        for port in self.ports:
            port.stop_reading()

    def sweep(self, now: float) -> None:
        """Let go of packets that wait too long."""
        for each in self.ports:
            if each.outputs.udp.is_waiting:
                each.outputs.udp.send_waiting(now)

    def close(self, now: float, *, goodbye: bool = True) -> None:
        """Let go of everything: publisher, readers, sockets. Connections stay. Without `goodbye` the stream goes on
        elsewhere."""
        for each in self.tracks if goodbye else ():
            each.stream.say_goodbye(now)
        self._let_go(now)
        self.readers.remove_all()
        for port in self.ports:
            port.detach()

    @abstractmethod
    def _let_go(self, now: float) -> None:
        """Let go of what publishes and what taps it."""

    # -- a move to another worker ---------------------------------------------------------------------------------

    def suspend(self) -> None:
        """Read nothing and say nothing, until `resume` or `detach`: another worker may carry on."""
        for each in self._watched():
            each.suspend()

    def resume(self, now: float) -> None:
        """Go on, or begin."""
        for each in self._watched():
            each.resume(now)

    def detach(self) -> None:
        """Let go of duplicates only: another worker carries on."""
        for each in self._watched():
            each.detach()

    @abstractmethod
    def pack(self) -> MountImage | ReplicaImage:
        """Give all that is known of a suspended mount."""

    def _pack_ports(self) -> None:
        for port in self.ports:
            port.outputs.pack(port.state)

    @abstractmethod
    def go_on(self, connections: Mapping[str, Connection], now: float) -> None:
        """Go on where another worker has stopped, at the next `resume`."""

    def _go_on_ports(self) -> None:
        for port in self.ports:
            port.outputs.go_on(port.state)

    # -- what is known of it --------------------------------------------------------------------------------------

    def delivered_since(self) -> int:
        """Say about how many packets it has delivered since the last time."""
        delivered = 0
        for place, track in enumerate(self.tracks):
            packets_in = track.stream.state.packets_in
            delivered += (packets_in - self._delivered_for[place]) * len(track.stream.outputs[0])
            self._delivered_for[place] = packets_in
        return delivered

    @abstractmethod
    def describe(self, *, records: bool = False) -> MountReport:
        """Describe it as it is now; with what a new front needs to know of it, if `records` are asked for."""

    @abstractmethod
    def tell_failure(self) -> None:
        """Let the front know that it was closed, as its state could not be trusted any more."""
