"""The two ways in which a front ends: with its streams, or without a trace for them."""

import asyncio
import contextlib

from router.connections.listeners import Listeners
from router.connections.table import Connections
from router.fleet.fleet import Fleet
from router.handlers.handlers import Handlers
from router.handlers.hooks import Hooks
from router.state.lifecycle import Lifecycle

LET_GO_S = 1.0
"""How long requests may take that are being served when the front lets go of everything: most take milliseconds."""


class FrontShutdown:
    """Takes leave of all clients; `patience_s` is for handlers and hooks, and for connections to end by themselves."""

    def __init__(
        self,
        listeners: Listeners,
        connections: Connections,
        fleet: Fleet,
        lifecycle: Lifecycle,
        handlers: Handlers,
        hooks: Hooks,
        patience_s: float,
    ) -> None:
        self._listeners = listeners
        self._connections = connections
        self._fleet = fleet
        self._lifecycle = lifecycle
        self._handlers = handlers
        self._hooks = hooks
        self._patience_s = patience_s

    async def end_sessions(self) -> None:
        """Let nobody in, and end every session and connection in order."""
        self._listeners.release()
        self._fleet.listeners.share({})
        self._lifecycle.close_all("the server stops")
        for connection in self._connections:
            connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience_s):
                await self._settle()
                await self._connections.wait_empty()
                await self._settle()  # of the connections' ends
        for connection in self._connections:
            connection.abort("the server stops")

    async def leave_sessions(self) -> None:
        """Leave every session that a worker holds, and the listening sockets, to the next front."""
        self._listeners.release()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LET_GO_S):
                await asyncio.gather(*(each.served() for each in self._connections))
        for connection in self._connections:
            if connection.held_here:
                connection.abort("the front is started again")
            else:
                connection.let_be()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience_s):
                await self._settle()

    async def _settle(self) -> None:
        await self._handlers.settle()
        await self._hooks.settle()
