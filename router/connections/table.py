"""Every RTSP connection that there is."""

import asyncio
from collections import Counter
from collections.abc import Iterator

from router.connections.connection import Connection, ConnectionServer, Side


class Connections:
    """All RTSP connections, by id."""

    def __init__(self, most: int, most_per_host: int) -> None:
        """`most_per_host` of 0 is no limit."""
        self._most = most
        self._most_per_host = most_per_host
        self._server: ConnectionServer | None = None
        self._by_id: dict[str, Connection] = {}
        self._hosts: Counter[str] = Counter()
        self._emptied = asyncio.Event()

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._by_id.values()))

    def serve_with(self, server: ConnectionServer) -> None:
        """Say who serves those that come."""
        self._server = server

    def new(self, side: Side) -> Connection:
        """Make a connection; it counts once it is there."""
        assert self._server is not None  # nobody is let in before
        return Connection(side, self._server)

    def get(self, connection_id: str) -> Connection | None:
        return self._by_id.get(connection_id)

    def add(self, connection: Connection) -> str | None:
        """Count a new connection in; give the reason why it can't stay, or None."""
        full = len(self._by_id) >= self._most
        crowded = self._most_per_host and self._hosts[connection.host] >= self._most_per_host
        self._by_id[connection.id] = connection
        self._hosts[connection.host] += 1
        if full:
            return f"all {self._most} connections are taken"
        if crowded:
            return f"{connection.host} has {self._most_per_host} connections already"
        return None

    def remove(self, connection: Connection) -> bool:
        """Count a connection out; tell whether it was in."""
        if self._by_id.pop(connection.id, None) is None:
            return False
        self._hosts[connection.host] -= 1
        if not self._hosts[connection.host]:
            del self._hosts[connection.host]
        if not self._by_id:
            self._emptied.set()
        return True

    async def wait_empty(self) -> None:
        while self._by_id:
            self._emptied.clear()
            await self._emptied.wait()
