"""What ends a worker from outside: signals, and the end of the program that has started it."""

import contextlib
import os
import signal
import socket
from collections.abc import Callable

from workers.runtime.loop import Loop


class ParentWatch:
    """Watches a process until it ends."""

    def __init__(self, pid: int, loop: Loop, on_end: Callable[[], None]) -> None:
        self._loop = loop
        self._on_end = on_end
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            loop.defer(on_end)
        else:
            loop.add(self._pidfd, self, media=False)

    def ready(self, events: int, now: float) -> None:
        self._loop.remove(self._pidfd)
        os.close(self._pidfd)
        self._on_end()

    def failed(self, error: Exception) -> None:
        """Reading a pidfd's state does not fail."""


class SignalWatch:
    """Turns SIGTERM and SIGINT into a descriptor of the loop: a handler does nothing but that."""

    def __init__(self, loop: Loop, on_signal: Callable[[], None]) -> None:
        self._loop = loop
        self._on_signal = on_signal
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self._far.setblocking(False)
        signal.set_wakeup_fd(self._far.fileno(), warn_on_full_buffer=False)
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda number, frame: None)
        loop.add(self._near.fileno(), self, media=False)

    def ready(self, events: int, now: float) -> None:
        with contextlib.suppress(BlockingIOError):
            self._near.recv(64)
        self._on_signal()

    def failed(self, error: Exception) -> None:
        """End all the same."""
        self._on_signal()

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self._loop.remove(self._near.fileno())
        self._near.close()
        self._far.close()
