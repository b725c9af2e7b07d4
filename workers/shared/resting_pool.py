"""A pool whose members rest after use: what is still on its way to the last owner must not reach the next one. Pure."""

from collections import deque


class RestingPool:
    """Which members of a range are free, resting, or in somebody's hands. `now` is monotonic.

    The range may be far larger than what is ever used: only members that were used once are kept.
    """

    def __init__(self, members: range, rest_s: float, *, used_first: bool) -> None:
        """With `used_first` members that have rested come before those never used; else behind them."""
        self._members = members
        self._rest_s = rest_s
        self._used_first = used_first
        self._fresh = members.start
        self._taken_early: set[int] = set()
        """Members from `_fresh` on that were claimed: they are free again only where `_rested` has them."""
        self._rested: deque[int] = deque()  # the one that has been free for longest comes first
        self._resting: deque[tuple[float, int]] = deque()

    def __contains__(self, member: int) -> bool:
        return member in self._members

    def count_free(self, now: float) -> int:
        """Count the members that could be taken now."""
        self._wake(now)
        fresh = max(0, self._members.stop - self._fresh + self._members.step - 1) // self._members.step
        return len(self._rested) + fresh - len(self._taken_early)

    def take(self, now: float) -> int | None:
        """Take a member; None if none is free."""
        self._wake(now)
        while self._fresh in self._taken_early:
            self._taken_early.remove(self._fresh)
            self._fresh += self._members.step
        if self._rested and (self._used_first or self._fresh not in self._members):
            return self._rested.popleft()
        if self._fresh not in self._members:
            return None
        self._fresh += self._members.step
        return self._fresh - self._members.step

    def claim(self, member: int) -> None:
        """Take this member, whether it rests or not; it is in nobody's hands."""
        if member in self._rested:
            self._rested.remove(member)
        elif member >= self._fresh and member not in self._taken_early:
            self._taken_early.add(member)
        else:
            self._resting = deque(each for each in self._resting if each[1] != member)

    def give_back(self, member: int, now: float, *, rested: bool = False) -> None:
        """Return a member to rest, or with `rested` to be taken at once."""
        if rested:
            self._rested.appendleft(member)
        else:
            self._resting.append((now + self._rest_s, member))

    def _wake(self, now: float) -> None:
        while self._resting and self._resting[0][0] <= now:
            self._rested.append(self._resting.popleft()[1])
