"""What a front leaves with its workers, so that the next front knows it: one record a mount, session and connection.

Workers keep the bytes and never look inside. Like messages, records may be a version older or newer than the front
that reads them: a field that it doesn't know is ignored. Moments are monotonic seconds, which outlive a process but
not the machine's boot, as do workers. Pure.
"""

from dataclasses import dataclass
from typing import Annotated

from workers.contract.codec import Packer
from workers.contract.fields import AtMost, Between, Blob, Count, Host, Name, Path
from workers.contract.parts import MAX_TRACKS, TrackTransport

Moment = Annotated[float, Between(0, 1e12)]
Line = Annotated[str, AtMost(1024 * 1024)]
"""What came in one line of a request: `limits.line_bytes` is at most as much."""


@dataclass(frozen=True, slots=True)
class MountRecord:
    """A mount that is published; `description` is the publisher's, as SDP, and `range` the one of its RECORD."""

    description: Blob
    since: Moment
    recording_since: Moment
    range: Line | None = None
    version: Count = 1
    """Of its description, as readers are told."""
    counted: Annotated[tuple[tuple[Count, Count, Count], ...], AtMost(MAX_TRACKS)] = ()
    """Packets, bytes and losses of each track, as workers before the present one have counted them."""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session that records or plays, with the multicast groups of its mount where it is one of their readers."""

    host: Host
    url: Line
    user: Line
    timeout_s: Count
    since: Moment
    transports: Annotated[tuple[TrackTransport, ...], AtMost(MAX_TRACKS)]
    sent: Count
    """Packets that workers before the present one have sent to a reader."""
    groups: Annotated[tuple[Host, ...], AtMost(MAX_TRACKS)] = ()


@dataclass(frozen=True, slots=True)
class ReplicaRecord:
    """A replica: its name, and the path of its mount, whose generation is its own."""

    name: Name
    path: Path


MOUNT = Packer(MountRecord)
REPLICA = Packer(ReplicaRecord)
SESSION = Packer(SessionRecord)
"""Between records and their bytes; `unpack` raises ContractError."""
