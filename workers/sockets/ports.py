"""This worker's slice of the UDP ports, in even/odd pairs (RFC 3550 section 11). Pure: it binds nothing itself."""

from collections.abc import Iterable

from workers.shared.resting_pool import RestingPool


class PortPairs:
    """Which pairs of the slice are free, used (here, or lent to another worker) or resting.

    A pair that turns out to be busy (another program's) rests too, and is tried again later.
    """

    def __init__(self, start: int, count: int, rest_s: float) -> None:
        self._pool = RestingPool(range(start + start % 2, start + count - 1, 2), rest_s, used_first=False)
        self._used: set[int] = set()
        self._lent: frozenset[int] = frozenset()

    def take(self, now: float) -> int | None:
        """Take a pair and give its even port; None if none is free."""
        port = self._pool.take(now)
        if port is not None:
            self._used.add(port)
        return port

    def give_back(self, port: int, now: float, *, rested: bool = False) -> None:
        """Return a pair to rest, or with `rested` to be taken at once: it was never used.

        A port of another slice, and one that was returned before, are left alone. A pair that is lent stays so.
        """
        if port in self._used:
            self._used.remove(port)
            if port not in self._lent:
                self._pool.give_back(port, now, rested=rested)

    def claim(self, port: int) -> None:
        """Mark a pair as used that a mount has already: one that is older than this slice's bounds, or comes here from
        another worker."""
        if port in self._pool and port not in self._used:
            if port not in self._lent:
                self._pool.claim(port)
            self._used.add(port)

    def lend(self, ports: Iterable[int], now: float) -> None:
        """Take these pairs, and no others, as used by other workers; what no longer is comes back to rest."""
        before, self._lent = self._lent, frozenset(each for each in ports if each in self._pool)
        for port in self._lent - before - self._used:
            self._pool.claim(port)
        for port in sorted(before - self._lent - self._used):
            self._pool.give_back(port, now)

    @property
    def lent(self) -> tuple[int, ...]:
        """The pairs that other workers use."""
        return tuple(sorted(self._lent))

    def count_free(self, now: float) -> int:
        """Count the ports (two to a pair) that could be taken now."""
        return 2 * self._pool.count_free(now)

    @property
    def count_used(self) -> int:
        """Count the ports (two to a pair) that are in use, here or on other workers."""
        return 2 * len(self._used | self._lent)
