"""Bounded field types: what may stand in a message, and how much of it.

A bound is the most that a well-behaved peer ever sends, with room; a message past one is malformed.
"""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True)
class Between:
    """Bound a number: `least <= value <= most`."""

    least: float
    most: float


@dataclass(frozen=True, slots=True)
class AtMost:
    """Bound a length: of a string in characters, of bytes in bytes, of a tuple in items."""

    length: int


Count = Annotated[int, Between(0, 2**63 - 1)]
Index = Annotated[int, Between(0, 4095)]
Port = Annotated[int, Between(0, 65535)]
Channel = Annotated[int, Between(0, 255)]
Seconds = Annotated[float, Between(0, 1e9)]
Name = Annotated[str, AtMost(128)]
"""A session id, a connection id, an incarnation, a cause."""
Path = Annotated[str, AtMost(2048)]
"""A mount's path, as in `/stream1`."""
Host = Annotated[str, AtMost(64)]
"""A numeric address. IPv4 is written as IPv4, also where it arrived on an IPv6 socket."""
Text = Annotated[str, AtMost(1024)]
"""A reason, for people."""
Image = Annotated[bytes, AtMost(64 * 1024 * 1024)]
"""Packed mounts and connections that move: 100,000 readers, with what waits for slow ones."""
Blob = Annotated[bytes, AtMost(4 * 1024 * 1024)]
"""RTSP bytes: one message, or what was read and not parsed yet."""
