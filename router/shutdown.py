"""The two ways in which a front ends: with its streams, or without a trace for them."""

import asyncio
import contextlib

from router.connections.listeners import Listeners
from router.fleet.fleet import Fleet
from router.handlers.handlers import Handlers
from router.state.state import State

LET_GO_S = 1.0
"""How long requests may take that are being served when the front lets go of everything: most take milliseconds."""


class FrontShutdown:
    """Takes leave of all clients. Handlers, and connections that end by themselves, get half of the time to stop."""

    def __init__(self, state: State, listeners: Listeners, fleet: Fleet, handlers: Handlers) -> None:
        self._listeners = listeners
        self._connections = state.connections
        self._fleet = fleet
        self._lifecycle = state.lifecycle
        self._handlers = handlers
        self._patience_s = state.settings.stop_timeout_s / 2

    async def end_sessions(self) -> None:
        """Let nobody in, and end every session and connection in order."""
        self._listeners.release()
        self._fleet.listeners.share({})
        self._lifecycle.close_all("the server stops")
        for connection in self._connections:
            connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience_s):
                await self._handlers.settle()
                await self._connections.wait_empty()
                await self._handlers.settle()  # of the connections' ends
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
                await self._handlers.settle()
