"""This worker's slice of the UDP ports, in even/odd pairs (RFC 3550 section 11). Pure: it binds nothing itself."""

from collections import deque


class PortPairs:
    """Which pairs of the slice are free, used or resting.

    A pair rests after use: packets that are still on their way to its last owner must not reach the next one. A pair
    that turns out to be busy (another program's) rests too, and is tried again later.
    """

    def __init__(self, start: int, count: int, rest_s: float) -> None:
        self._rest_s = rest_s
        first = start + start % 2
        self._known = frozenset(range(first, start + count - 1, 2))
        self._free = deque(sorted(self._known))  # the pair that has been free for longest comes first
        self._resting: deque[tuple[float, int]] = deque()
        self._used: set[int] = set()

    def take(self, now: float) -> int | None:
        """Take a pair and give its even port; None if none is free."""
        self._wake(now)
        if not self._free:
            return None
        port = self._free.popleft()
        self._used.add(port)
        return port

    def give_back(self, port: int, now: float, *, rested: bool = False) -> None:
        """Return a pair to rest, or with `rested` to be taken at once: it was never used.

        A port of another slice, or one that was returned before, is none of this slice's business.
        """
        if port not in self._used:
            return
        self._used.remove(port)
        if rested:
            self._free.appendleft(port)
        else:
            self._resting.append((now + self._rest_s, port))

    def claim(self, port: int) -> None:
        """Mark a pair as used that somebody holds already: a mount that is older than this slice's bounds."""
        if port in self._known and port in self._free:
            self._free.remove(port)
            self._used.add(port)

    def count_free(self, now: float) -> int:
        """Count the ports (two to a pair) that could be taken now."""
        self._wake(now)
        return 2 * len(self._free)

    @property
    def count_used(self) -> int:
        """Count the ports (two to a pair) that are in use."""
        return 2 * len(self._used)

    def _wake(self, now: float) -> None:
        while self._resting and self._resting[0][0] <= now:
            self._free.append(self._resting.popleft()[1])
