"""The writing side of a connection without a socket: what is written is there to be looked at."""

from workers.fanout.outlet import Outlet
from workers.runtime.counters import Counters


class Pipe:
    """A socket with room for so many bytes; no room is BlockingIOError."""

    def __init__(self, room: int = 1 << 30) -> None:
        self.room = room
        self.written = b""
        self.error: OSError | None = None

    def send(self, data: bytes | memoryview, /) -> int:
        if self.error is not None:
            raise self.error
        if self.room == 0:
            raise BlockingIOError
        taken = bytes(data[: self.room])
        self.room -= len(taken)
        self.written += taken
        return len(taken)


def outlet(pipe: Pipe, limit: int = 1000, unsent: bytes = b"") -> tuple[Outlet, Counters, list[bool]]:
    """Make an outlet; gives its counters and what it says of its waiting too."""
    counters, changes = Counters(), list[bool]()
    return Outlet(pipe, limit, counters, changes.append, unsent), counters, changes
