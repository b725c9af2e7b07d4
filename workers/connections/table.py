"""All connections that this worker holds, and the ones among them that must not wait for ever."""

import socket
from collections import OrderedDict
from collections.abc import Iterable

from workers.connections.connection import Connection
from workers.contract.image import ConnectionImage, UnwrittenImage
from workers.contract.parts import HandOff, Refusal
from workers.contract.reports import ConnectionState
from workers.runtime.refusal import RefusedError
from workers.runtime.resources import Resources
from workers.sockets.descriptors import Descriptors

MOST_ENDED = 10_000
"""Ended connections that are remembered for a front: as many as there may be by default, all lost while it is away."""


class Connections:
    """The worker's connections by their names."""

    def __init__(self, resources: Resources, descriptors: Descriptors) -> None:
        self._resources = resources
        self._descriptors = descriptors
        self._by_name: dict[str, Connection] = {}
        self._waiting: set[Connection] = set()
        self._fresh: list[Connection] = []
        self._ended: OrderedDict[str, ConnectionState] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._by_name)

    @property
    def waiting(self) -> int:
        """How many have something left to write."""
        return len(self._waiting)

    def find(self, name: str) -> Connection | None:
        return self._by_name.get(name)

    def adopt(self, name: str, handoff: HandOff | None, now: float) -> Connection:
        """Give the connection of this name, taking it over if it comes with this command.

        Raises RefusedError if it is not here and did not come either. A connection that is here already was taken over
        by the same command, said before: the descriptor that came again is let go.
        """
        held = self._by_name.get(name)
        if held is not None:
            if handoff is not None:
                self._descriptors.discard(handoff.token, now)
            return held
        if handoff is None:
            raise RefusedError(Refusal.UNKNOWN_CONNECTION, f"connection {name} is not here")
        descriptor = self._descriptors.claim(handoff.token, now)
        if descriptor is None:
            raise RefusedError(Refusal.NO_DESCRIPTOR, f"no descriptor came with token {handoff.token}")
        unsent = UnwrittenImage(tail=handoff.unsent, progress_at=now)
        state = ConnectionImage(name, handoff.peer, handoff.record, unread=handoff.unread, unwritten=unsent)
        connection = self.make(state, descriptor)
        self._ended.pop(name, None)  # it was here before, and is back
        self._by_name[name] = connection
        self._fresh.append(connection)
        self.on_waiting(connection, connection.outlet.waiting)
        connection.outlet.flush(now)
        return connection

    def start_fresh(self) -> None:
        """Let those be read that came with the last command: the front has its reply, and knows where they are. Before
        its next command, which may be an answer to what waits in one of them."""
        fresh, self._fresh = self._fresh, []
        for connection in fresh:
            connection.start()

    def put_in(self, connection: Connection, now: float) -> None:
        """Carry on with a connection that was suspended, here or at another worker."""
        self._ended.pop(connection.name, None)
        self._by_name[connection.name] = connection
        connection.resume(now)

    def make(self, state: ConnectionImage, descriptor: int) -> Connection:
        """Make a connection of its state, which `put_in` adds. Takes the descriptor."""
        sock = socket.socket(fileno=descriptor)
        try:
            return Connection(sock, state, self._resources, self)
        except BaseException:
            sock.close()
            raise

    def on_waiting(self, connection: Connection, waiting: bool) -> None:
        if waiting:
            self._waiting.add(connection)
        else:
            self._waiting.discard(connection)

    def on_gone(self, connection: Connection) -> None:
        self._waiting.discard(connection)
        if self._by_name.get(connection.name) is connection:
            del self._by_name[connection.name]

    def on_ended(self, ended: ConnectionState) -> None:
        """Keep what the front has to hear of a connection that has ended, until it has done so."""
        self._ended[ended.name] = ended
        if len(self._ended) > MOST_ENDED:
            self._ended.popitem(last=False)

    def forget_ended(self, names: Iterable[str]) -> None:
        """Forget connections that have ended: a front has heard of them."""
        for name in names:
            self._ended.pop(name, None)

    @property
    def ended(self) -> list[ConnectionState]:
        return list(self._ended.values())

    def sweep(self, now: float) -> None:
        """Close those whose peers have stopped reading."""
        limit = self._resources.settings.write_timeout_s
        for connection in list(self._waiting):
            outlet = connection.outlet
            stalled = now - outlet.progress_at
            if stalled >= limit:
                connection.close(
                    f"write timeout: {connection.users} read nothing for {stalled:.1f} s, "
                    f"{outlet.queued_bytes} bytes wait, {outlet.dropped} packets were dropped",
                    unserved=True,
                )
            elif connection.is_late(now):
                connection.close(f"closed with {outlet.queued_bytes} bytes that the peer did not read in time")

    def stop_reading(self) -> None:
        for connection in self._by_name.values():
            connection.stop_reading()

    def close_all(self, reason: str, *, leave_unused: bool) -> None:
        """End them all now, or with `leave_unused` only those that carry media: of the others the front has a
        duplicate."""
        for connection in list(self._by_name.values()):
            if leave_unused and not connection.users:
                connection.leave()
            else:
                connection.close(reason)
