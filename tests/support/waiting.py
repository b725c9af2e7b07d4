"""Wait for facts: nothing in the tests waits for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

Fact = TypeVar("Fact")


class Deadline:
    """A moment on the monotonic clock by which something must have happened."""

    def __init__(self, timeout_s: float) -> None:
        self._at = time.monotonic() + timeout_s

    @property
    def left_s(self) -> float:
        """What is left, never below zero, in seconds."""
        return max(0.0, self._at - time.monotonic())

    @property
    def passed(self) -> bool:
        """Say whether the moment is over."""
        return time.monotonic() >= self._at


def eventually(fact: Callable[[], Fact | None], what: str, timeout_s: float = 10.0, interval_s: float = 0.02) -> Fact:
    """Return the first true value of `fact`.

    Raises:
        AssertionError: naming `what` did not come, and the last value or exception seen.
    """
    deadline = Deadline(timeout_s)
    while True:
        last: object
        try:
            value = fact()
            if value:
                return value
            last = value
        except (AssertionError, OSError, LookupError) as error:
            last = error
        if deadline.passed:
            raise AssertionError(f"not within {timeout_s:g} s: {what}; last seen: {last!r:.2000}")
        time.sleep(min(interval_s, deadline.left_s))
