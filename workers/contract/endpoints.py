"""Where the processes of one router meet: the names inside its runtime directory."""

from dataclasses import dataclass
from pathlib import Path

MAX_SOCKET_PATH_BYTES = 107
"""`sun_path` of a Unix socket address, less its closing zero byte."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The sockets of one router, all inside its private runtime directory."""

    runtime_dir: Path

    @property
    def control_path(self) -> Path:
        """The ZeroMQ socket's file: commands, replies, events, heartbeats."""
        return self.runtime_dir / "control"

    @property
    def control(self) -> str:
        """The ZeroMQ address of `control_path`."""
        return f"ipc://{self.control_path}"

    @property
    def descriptors_path(self) -> Path:
        """The Unix SEQPACKET socket's file: file descriptors, and the instant sign that the other side died."""
        return self.runtime_dir / "descriptors"

    @property
    def lock_path(self) -> Path:
        """The file that a front holds a lock on for as long as it lives."""
        return self.runtime_dir / "front.lock"

    def problem(self) -> str | None:
        """Say what makes this runtime directory unusable by its length, or None."""
        excess = len(bytes(self.descriptors_path)) - MAX_SOCKET_PATH_BYTES
        if excess > 0:
            return f"runtime directory {self.runtime_dir} is {excess} bytes too long for a Unix socket"
        return None
