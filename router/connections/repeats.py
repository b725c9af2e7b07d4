"""Requests that the next worker finds in a dead one's connections, and that the front has had already. Pure.

A worker takes a request out of the kernel with its answer (`workers/connections/incoming.py`). When it dies, nobody
knows which of the answers that it was told to write it has written; the next worker finds the requests without one,
and passes them on again.
"""

import math
from collections import deque
from dataclasses import dataclass

from workers.contract.parts import MAX_UNANSWERED

WRITTEN_WITHIN_S = 10.0
"""How long a worker may take to write what it was told to: one that takes longer hangs, and is ended."""
FOUND_WITHIN_S = 5.0
"""How long the next worker may take to find what waits in a connection: it looks there first."""


@dataclass(slots=True)
class _Request:
    message: bytes
    response: bytes = b""
    answered_at: float = math.inf
    again: bytes | None = None
    """What it gets if it comes again; None where that would be another request."""


class Repeats:
    """The last requests of one connection, and what they were answered: as many as its worker may have in hand."""

    def __init__(self) -> None:
        self._requests: deque[_Request] = deque(maxlen=MAX_UNANSWERED)
        self._in_doubt_until = -math.inf

    def pass_on(self, message: bytes, now: float) -> None:
        """Take note of a new request."""
        self._forget_written(now)
        self._requests.append(_Request(message))

    def answer(self, message: bytes, response: bytes, now: float) -> None:
        """Take note of what the worker was told to write for a request; `message` is the object itself."""
        for each in self._requests:
            if each.message is message:
                each.response, each.answered_at = response, now
                return

    def worker_lost(self, now: float) -> None:
        """Expect that requests come again, from whichever worker it is handed to."""
        self._forget_written(now)
        for each in self._requests:
            each.again = each.response
        self._in_doubt_until = math.inf

    def handed_over(self, now: float) -> None:
        """Take note that the next worker has it, and is told now what was answered in between."""
        for each in self._requests:
            each.answered_at = max(each.answered_at, now)
        self._in_doubt_until = now + FOUND_WITHIN_S

    def find(self, message: bytes, now: float) -> bytes | None:
        """Give the answer of a request that came before; b"" where it gets one yet, None where it is new."""
        if now >= self._in_doubt_until:
            return None
        for position, each in enumerate(self._requests):
            if each.again is not None and each.message == message:
                for _ in range(position):  # the kernel has those before no more: their answers were written
                    self._requests.popleft()
                response, each.again = each.again, None
                if response:
                    each.answered_at = now
                return response
        return None

    def _forget_written(self, now: float) -> None:
        """Forget what has its answer for sure, and all before: requests are answered in order."""
        while any(each.answered_at < now - WRITTEN_WITHIN_S for each in self._requests):
            self._requests.popleft()
