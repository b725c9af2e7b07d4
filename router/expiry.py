"""What ends by time: looked at again and again."""

import asyncio

from router.connections.connection import Connection
from router.fleet.fleet import Fleet
from router.logs import get_logger
from router.state.state import State

log = get_logger(__name__)

TICK_S = 0.25
"""How often life times are looked at: a quarter of the shortest that makes sense."""


class Expiry:
    """Ends what has lived for too long: workers, sessions, mounts and connections."""

    def __init__(self, state: State, fleet: Fleet) -> None:
        self._settings = state.settings
        self._fleet = fleet
        self._lifecycle = state.lifecycle
        self._connections = state.connections
        self._sessions = state.sessions
        self._stood_still = False

    async def run(self) -> None:
        """Look after everything that ends by time."""
        loop = asyncio.get_running_loop()
        ticked = loop.time()
        while True:
            await asyncio.sleep(TICK_S)
            now = loop.time()
            late_s, ticked = now - ticked - TICK_S, now
            try:
                self._tick(now, late_s)
            except Exception:  # the watch itself must go on
                log.error("watch failed", exc_info=True)

    def _tick(self, now: float, late_s: float) -> None:
        self._fleet.tick(now, late_s)
        # Where this process stood still, the signs of life of all others wait unread, and are read by the next tick.
        self._stood_still = late_s > TICK_S and not self._stood_still
        if self._stood_still:
            return
        self._lifecycle.expire(now)
        for connection in self._connections:
            self._look_at(connection, now)

    def _look_at(self, connection: Connection, now: float) -> None:
        write_limit = self._settings.write_timeout_s
        if connection.stalled_since is not None and now - connection.stalled_since > write_limit:
            connection.abort(f"it read nothing for {write_limit:g} s")
            return
        idle = now - connection.last_request > self._settings.handshake_timeout_s
        if idle and not (connection.busy or connection.closing) and not self._sessions.of(connection):
            log.info("idle connection closed", connection=connection.id, peer=connection.peer)
            connection.close()
