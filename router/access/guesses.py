"""How fast passwords can be guessed: a bound for each host and each user, whatever the number of connections."""

from collections import OrderedDict
from dataclasses import dataclass

from router.hosts import site_of

BURST = 10
"""Wrong passwords in a row that make nobody wait: a person who types, or a site after a change of password."""
MAX_KEYS = 10_000
"""Hosts and users remembered; those that were quiet for longest give way."""
_KEY_LENGTH = 128
"""Characters of a user's name that count: it comes from strangers."""

_Key = tuple[str, str]


@dataclass(slots=True)
class Attempt:
    """One log-in on its way; `charged` where it counts as a failure until it is known to be none."""

    host: str
    user: str
    keys: tuple[_Key, ...]
    charged: bool


class Guesses:
    """Counts failed log-ins. After `BURST` of a host, or of a user, the next is judged `interval_s` after the last.

    Who has logged in at a host before is counted apart, so that a guesser from elsewhere, or next door, locks out
    nobody. Times are monotonic seconds.
    """

    def __init__(self, interval_s: float) -> None:
        """An `interval_s` of 0 bounds nothing."""
        self._interval_s = interval_s
        self._paid_at: OrderedDict[_Key, float] = OrderedDict()
        """When all failures of a host or user will be paid for, at one for each interval."""
        self._known: OrderedDict[_Key, float] = OrderedDict()
        """Who has logged in from where. The values mean nothing."""

    def wait_s(self, host: str, user: str, now: float) -> float:
        """Say how long a log-in has to wait before it may `begin`."""
        slack = (BURST - 1) * self._interval_s
        return max(0.0, *(self._paid_at.get(key, now) - slack - now for key in self._keys(host, user)))

    def begin(self, host: str, user: str, now: float) -> Attempt:
        """Let one be judged. Where there were failures lately it counts as one already: others may be on their way."""
        attempt = Attempt(host, user, self._keys(host, user), charged=False)
        if any(self._paid_at.get(key, now) > now for key in attempt.keys):
            self._charge(attempt, now)
        return attempt

    def failed(self, attempt: Attempt, now: float) -> None:
        if not attempt.charged:
            self._charge(attempt, now)

    def dropped(self, attempt: Attempt) -> None:
        """Count nothing: it was no guess, or nobody could judge it."""
        if attempt.charged:
            for key in attempt.keys:
                if key in self._paid_at:
                    self._paid_at[key] -= self._interval_s
            attempt.charged = False

    def succeeded(self, attempt: Attempt) -> None:
        """Remember who logs in from where."""
        self.dropped(attempt)
        _remember(self._known, (attempt.host, attempt.user[:_KEY_LENGTH]), 0.0)

    def _keys(self, host: str, user: str) -> tuple[_Key, ...]:
        user = user[:_KEY_LENGTH]
        if (host, user) in self._known:
            return ((host, f"={user}"),)
        return (site_of(host), ""), ("", f"={user}")

    def _charge(self, attempt: Attempt, now: float) -> None:
        for key in attempt.keys:
            _remember(self._paid_at, key, max(self._paid_at.get(key, now), now) + self._interval_s)
        attempt.charged = True


def _remember(table: OrderedDict[_Key, float], key: _Key, value: float) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > MAX_KEYS:
        table.popitem(last=False)
