"""How clients come to be let in: the ports are taken, workers are waited for, then connections are accepted."""

import asyncio
import contextlib
import resource
from collections.abc import Sequence

from router.connections.listeners import Listeners, Passed, PortTaken, belongs_to
from router.fleet.fleet import Fleet
from router.state.state import State
from router.streams.streams import Streams

LISTEN_AGAIN_S = 0.02
"""How often a port that is taken is tried again: clients wait meanwhile."""
WORKERS_COME_S = 2.0
"""How long the workers of a dead front may take to find this one: they try ten times a second, but a front that gives
up on them on a busy machine, and is started again, takes longer than any wait."""
LISTENERS_BACK_S = 5.0
"""How long workers that were found may take to bring the listening sockets: as long as for any command."""
WORKERS_MISSING_S = 1.0
"""How long clients wait for the rest of the workers once one is there: those that live come at once, one that has died
too is back in a fraction of a second, and for one that hangs nobody is to wait."""


class Startup:
    """The ports of one server. `opened` is set once clients are let in, `ready` once all workers were there too."""

    def __init__(
        self,
        state: State,
        listeners: Listeners,
        fleet: Fleet,
        streams: Streams,
        *,
        workers_stay: bool,
    ) -> None:
        """`workers_stay` when this process ends: they may hold the listening sockets for the next one."""
        self._settings = state.settings
        self._connections = state.connections
        self._listeners = listeners
        self._fleet = fleet
        self._streams = streams
        self._workers_stay = workers_stay
        self.opened = asyncio.Event()
        self.ready = asyncio.Event()

    def take_ports(self, passed: Sequence[Passed]) -> bool:
        """Take the ports, or the sockets `passed` for them; False where a dead front's workers may have them.

        Raises:
            StartError: a port is somebody else's.
        """
        try:
            self._listeners.bind(self._settings, passed)
        except PortTaken:
            if not self._workers_stay or passed:
                raise
            return False
        return True

    async def wait_for_ports(self) -> None:
        """Take the ports once the workers of a dead front have brought them.

        Raises:
            StartError: a port stays taken.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            await asyncio.sleep(LISTEN_AGAIN_S)
            kept = [
                Passed("", each.listener.dup())
                for each in self._fleet.listeners.kept
                if belongs_to(each.listener, self._settings)
            ]
            try:
                self._listeners.bind(self._settings, kept)
                return
            except PortTaken:
                expected_s = LISTENERS_BACK_S if self._fleet.link.has_workers else WORKERS_COME_S
                if loop.time() - begun > expected_s:
                    raise

    async def open(self) -> None:
        """Let clients in once all workers are there: the first mounts would all go to the first worker otherwise.

        Raises:
            StreamError: a stream of the program's can't be opened; nobody is let in.
        """
        if self._workers_stay:  # else nobody is left to wait for when this process dies
            self._fleet.listeners.share(self._listeners.sockets)
        await self._fleet.first_ready.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WORKERS_MISSING_S):
                await self._fleet.all_ready.wait()
        await self._streams.open_all()
        await self._listeners.accept(self._connections)
        self.opened.set()
        await self._fleet.all_ready.wait()
        self.ready.set()


def raise_descriptor_limit() -> None:
    """Allow as many descriptors as the system lets us have: each connection takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
