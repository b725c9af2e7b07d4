"""Who serves connections: lets them in, answers what they ask, and tells of their ends."""

import asyncio

from router.connections.connection import Connection
from router.logs import get_logger
from router.requests.pipeline import RequestPipeline
from router.state.events import ConnectionGone, ConnectionOpened
from router.state.state import State

log = get_logger(__name__)


class RequestServer:
    """Serves all connections, once `opened` is set: requests that the front before left unanswered are here before the
    last worker has told what there is."""

    def __init__(self, state: State, pipeline: RequestPipeline, opened: asyncio.Event) -> None:
        limits = state.settings.limits
        self.framing = limits.framing
        self.pipelined_requests = limits.pipelined_requests
        self._state = state
        self._pipeline = pipeline
        self._opened = opened

    def opened(self, connection: Connection) -> str | None:
        refusal = self._state.connections.add(connection)
        self._state.events.append(ConnectionOpened(connection))
        return refusal

    async def serve(self, connection: Connection, message: bytes) -> None:
        await self._opened.wait()
        await self._pipeline.serve(connection, message)

    def refuse(self, connection: Connection, status: int, reason: str) -> None:
        self._pipeline.refuse(connection, status, reason)

    def refuse_foreign(self, connection: Connection, protocol: str) -> None:
        self._pipeline.refuse_foreign(connection, protocol)

    def ended(self, connection: Connection, reason: str) -> None:
        known = self._state.connections.remove(connection)
        log.debug("connection ended", connection=connection.id, peer=connection.peer, reason=reason)
        self._state.lifecycle.connection_ended(connection, reason, asyncio.get_running_loop().time())
        if known:
            self._state.events.append(ConnectionGone(connection, reason))
