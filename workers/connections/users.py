"""The sessions whose media goes through a connection, and which of them has which channel."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from workers.runtime.counters import Counters, Drop

Way = Callable[[list[bytes], float], None]
"""Takes the payloads of one channel, in order."""


@dataclass(frozen=True, slots=True, eq=False)
class ConnectionUser:
    """A session that uses a connection for its media."""

    path: str
    """Its mount."""
    text: str
    """Who it is, for people."""
    on_end: Callable[[], None]
    """Called when the connection is no longer here."""


class Users:
    """All users of one connection. `on_use` is told when the first one comes, and when the last one leaves."""

    def __init__(self, counters: Counters, on_use: Callable[[bool], None]) -> None:
        self._counters = counters
        self._on_use = on_use
        self._users: list[ConnectionUser] = []
        self._ways: dict[int, tuple[ConnectionUser, Way]] = {}

    def __iter__(self) -> Iterator[ConnectionUser]:
        return iter(self._users)

    def __bool__(self) -> bool:
        return bool(self._users)

    def __str__(self) -> str:
        return ", ".join(each.text for each in self._users) or "the peer"

    def add(self, user: ConnectionUser) -> None:
        """Let a session know when the connection ends."""
        if user not in self._users:
            self._users.append(user)
            if len(self._users) == 1:
                self._on_use(True)

    def route(self, channel: int, user: ConnectionUser, way: Way) -> None:
        """Give what comes on a channel to a session."""
        self._ways[channel] = (user, way)

    def remove(self, user: ConnectionUser) -> None:
        """Forget a session and its channels."""
        for channel in [each for each, (owner, _) in self._ways.items() if owner is user]:
            del self._ways[channel]
        if user in self._users:
            self._users.remove(user)
            if not self._users:
                self._on_use(False)

    def deliver(self, payloads: dict[int, list[bytes]], now: float) -> None:
        for channel, each in payloads.items():
            entry = self._ways.get(channel)
            if entry is None:
                self._counters.drop(Drop.UNKNOWN_CHANNEL, len(each))
            else:
                entry[1](each, now)

    def take_all(self) -> list[ConnectionUser]:
        users, self._users = self._users, []
        self._ways.clear()
        return users
