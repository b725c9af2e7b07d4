"""This worker's slice of the UDP ports, in even/odd pairs (RFC 3550 section 11). Pure: it binds nothing itself."""

from collections import deque
from collections.abc import Iterable


class PortPairs:
    """Which pairs of the slice are free, used (here, or lent to another worker) or resting.

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
        self._lent: frozenset[int] = frozenset()

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

        A port of another slice, or one that was returned before, is none of this slice's business. One that is lent
        stays so.
        """
        if port not in self._used:
            return
        self._used.remove(port)
        if port not in self._lent:
            self._put_back(port, now, rested=rested)

    def _put_back(self, port: int, now: float, *, rested: bool) -> None:
        if rested:
            self._free.appendleft(port)
        else:
            self._resting.append((now + self._rest_s, port))

    def claim(self, port: int) -> None:
        """Mark a pair as used that a mount has already: one that is older than this slice's bounds, or comes here from
        another worker."""
        if port in self._known and port not in self._used:
            self._withdraw(port)
            self._used.add(port)

    def _withdraw(self, port: int) -> None:
        """Give a pair to nobody, whether it rests or not."""
        if port in self._free:
            self._free.remove(port)
        else:
            self._resting = deque(each for each in self._resting if each[1] != port)

    def lend(self, ports: Iterable[int], now: float) -> None:
        """Take these pairs, and no others, as used by other workers; what no longer is comes back to rest."""
        before, self._lent = self._lent, self._known.intersection(ports)
        for port in self._lent - before - self._used:
            self._withdraw(port)
        for port in sorted(before - self._lent - self._used):
            self._put_back(port, now, rested=False)

    @property
    def lent(self) -> tuple[int, ...]:
        """The pairs that other workers use."""
        return tuple(sorted(self._lent))

    def count_free(self, now: float) -> int:
        """Count the ports (two to a pair) that could be taken now."""
        self._wake(now)
        return 2 * len(self._free)

    @property
    def count_used(self) -> int:
        """Count the ports (two to a pair) that are in use, here or on other workers."""
        return 2 * len(self._used | self._lent)

    def _wake(self, now: float) -> None:
        while self._resting and self._resting[0][0] <= now:
            self._free.append(self._resting.popleft()[1])
