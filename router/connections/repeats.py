"""Requests that the next worker finds in a dead one's connections, and that the front has had already. Pure.

A worker takes a request out of the kernel with its answer (`workers/connections/incoming.py`). When it dies, nobody
knows which of the answers that it was told to write it has written; the next worker finds the requests without one,
and passes them on again.
"""

from collections import deque
from dataclasses import dataclass


@dataclass(slots=True)
class _Request:
    message: bytes
    response: bytes = b""


class Repeats:
    """The last requests of one connection, and what they were answered."""

    def __init__(self) -> None:
        self._passed_on: list[_Request] = []
        self._in_doubt: deque[_Request] = deque()

    def pass_on(self, message: bytes, *, idle: bool) -> None:
        """Take note of a new request; `idle` where those before have their answers, which its client has got."""
        if idle:
            self._passed_on.clear()
        self._passed_on.append(_Request(message))

    def answer(self, message: bytes, response: bytes) -> None:
        """Take note of what the worker was told to write for a request; `message` is the object itself."""
        for each in self._passed_on:
            if each.message is message:
                each.response = response

    def worker_lost(self) -> None:
        """Expect that requests come again."""
        self._in_doubt = deque(_Request(each.message, each.response) for each in self._passed_on)

    def find(self, message: bytes) -> bytes | None:
        """Give the answer of a request that came before; b"" where it gets one yet, None where it is new."""
        while self._in_doubt:
            request = self._in_doubt.popleft()
            if request.message == message:
                return request.response
        return None
