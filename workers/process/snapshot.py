"""All that this worker knows, told to a front that knows nothing: how a front that died is followed by another.

First the duplicates of the connections and of the listening sockets go up, in chunks, as the front takes them. Then,
in one turn of the loop, the report: from there on the front hears events, and none is told twice or not at all.
"""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from workers.contract.parts import Peer
from workers.contract.reports import ConnectionState, Note, StateReport
from workers.process.active_worker import ActiveWorker

CONNECTIONS_IN_PART = 100
"""So few that their unanswered requests make no more than 30 MB of one report."""

NOTES_IN_PART = 1000
"""Each has a URL and a reason, mostly of a few hundred bytes."""


class Snapshot:
    """One report to one front."""

    def __init__(self, active: ActiveWorker, on_done: Callable[[list[StateReport]], None]) -> None:
        """`on_done` is given the parts of the report."""
        self._active = active
        self._on_done = on_done
        self._name = os.urandom(4).hex()
        names = active.connections.names
        steps = range(0, len(names), CONNECTIONS_IN_PART)
        self._to_send = deque(names[start : start + CONNECTIONS_IN_PART] for start in steps)
        self._sent: list[tuple[str, tuple[str, ...]]] = []
        self._listeners_token: str | None = None
        self._duplicates: list[int] = []
        self._cancelled = False

    def go_on(self) -> None:
        """Send the next descriptors, or report."""
        self._let_go()
        if self._cancelled:
            return
        if self._to_send:
            # Those that have ended meanwhile are in the report all the same.
            named = map(self._active.connections.find, self._to_send.popleft())
            held = [each for each in named if each is not None]
            token = self._send(str(len(self._sent)), [each.fileno() for each in held])
            self._sent.append((token, tuple(each.name for each in held)))
        elif self._listeners_token is None:
            self._listeners_token = self._send("listeners", self._active.listeners.descriptors)
        else:
            self._on_done(list(self._parts(self._listeners_token)))

    def _send(self, name: str, descriptors: Sequence[int]) -> str:
        """Send duplicates, then go on; gives their token, "" for none, or where descriptors have run out."""
        # Duplicates of our own: what is sent late may have been closed, and its number be another's by then.
        with contextlib.suppress(OSError):
            for each in descriptors:
                self._duplicates.append(os.dup(each))
        if not descriptors or len(self._duplicates) < len(descriptors):
            self._let_go()
        token = f"{self._name}-{name}" if self._duplicates else ""
        self._active.descriptors.send(token, self._duplicates, lambda: self._active.resources.loop.defer(self.go_on))
        return token

    def _let_go(self) -> None:
        for each in self._duplicates:
            os.close(each)
        self._duplicates = []

    def cancel(self) -> None:
        """Go no further: the front is gone."""
        self._cancelled = True
        self._let_go()

    def _parts(self, listeners_token: str) -> Iterator[StateReport]:
        for token, names in self._sent:
            yield StateReport((), (), more=True, states=tuple(map(self._state, names)), token=token)
        ended = self._active.connections.ended
        for start in range(0, len(ended), CONNECTIONS_IN_PART):
            yield StateReport((), (), more=True, states=tuple(ended[start : start + CONNECTIONS_IN_PART]))
        notes = [Note(name, content) for name, content in self._active.notes.items()]
        for start in range(0, len(notes), NOTES_IN_PART):
            yield StateReport((), (), more=True, notes=tuple(notes[start : start + NOTES_IN_PART]))
        *parts, last = self._active.mounts.state_parts(records=True)
        for part in parts:
            yield StateReport(part, (), more=True)
        yield StateReport(
            last,
            self._active.connections.names,
            more=False,
            lent_ports=self._active.mounts.lent_ports,
            listeners=self._active.listeners.names if listeners_token else (),
            listeners_token=listeners_token,
        )

    def _state(self, name: str) -> ConnectionState:
        connection = self._active.connections.find(name)
        if connection is not None:
            return connection.report()
        # It has ended since its descriptor was sent, and is told among the others that did.
        return ConnectionState(name, Peer(), b"")
