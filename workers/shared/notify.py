"""What a supervisor such as systemd is told: ready, alive, stopping (sd_notify(3)). Front and workers both tell it."""

import contextlib
import os
import socket
import weakref
from collections.abc import MutableMapping


class Notifier:
    """Tells whoever started this process how it is; says nothing where nobody asked to be told."""

    def __init__(self, environment: MutableMapping[str, str], pid: int) -> None:
        """Take the supervisor's variables out of the environment: what this process starts must not speak for it."""
        self._address = environment.pop("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):
            self._address = "\0" + self._address[1:]
        # Opened once: a process that has no descriptor left is alive, and says so.
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        weakref.finalize(self, self._socket.close)
        period_us = environment.pop("WATCHDOG_USEC", "")
        watched = environment.pop("WATCHDOG_PID", str(pid))
        self.alive_every_s: float | None = None
        """How often to say `alive`: twice in the time that the watchdog allows, as sd_watchdog_enabled(3) advises."""
        if watched == str(pid) and period_us.isdecimal() and int(period_us) > 0:
            self.alive_every_s = int(period_us) / 2_000_000

    def ready(self, status: str) -> None:
        """Say that this program works; `status` is a line for people."""
        self._tell(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """Say what it does now, in a line for people."""
        self._tell(f"STATUS={status}")

    def alive(self) -> None:
        """Say that the loop that does the work turns."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that it begins to end."""
        self._tell("STOPPING=1\nSTATUS=stopping")

    def _tell(self, text: str) -> None:
        if self._address[:1] not in ("/", "\0"):  # nobody asked, or in a way (vsock) that a program on this box has not
            return
        with contextlib.suppress(OSError):  # a supervisor that can't hear acts on the silence by itself
            self._socket.sendto(text.encode(), self._address)


def notifier() -> Notifier:
    """Make this process's own."""
    return Notifier(os.environ, os.getpid())
