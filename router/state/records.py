"""What a front leaves with its workers, so that the next front knows it: one record a mount, a replica and a session,
and one for each end that nobody was told of yet.

Workers keep the bytes and never look inside. Like messages, records may be a version older or newer than the front
that reads them: a field that it doesn't know is ignored. Moments are monotonic seconds, which outlive a process but
not the machine's boot, as do workers. Pure.
"""

from dataclasses import dataclass
from typing import Annotated

from router.rtsp.sdp import description_as_announced
from router.rtsp.session_state import SessionState
from router.state.figures import Total
from router.state.mounts import Mount
from router.state.sessions import Role, Session
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


@dataclass(frozen=True, slots=True)
class EndRecord:
    """The end of a session, with what was known of it; or of the mount that it was the last to publish."""

    session: Name
    role: Name
    record: Blob
    path: Path
    generation: Count
    reason: Line
    readers: Count
    mount_ended: bool


MOUNT = Packer(MountRecord)
REPLICA = Packer(ReplicaRecord)
SESSION = Packer(SessionRecord)
END = Packer(EndRecord)
"""Between records and their bytes; `unpack` raises ContractError."""


def mount_record(mount: Mount) -> bytes:
    """Pack what the next front has to know of a mount that is published."""
    return MOUNT.pack(
        MountRecord(
            description=description_as_announced(mount.description),
            since=mount.since,
            recording_since=mount.life.since,
            range=mount.range,
            version=mount.description_version,
            counted=mount.figures.counted_before,
        )
    )


def session_record(session: Session) -> bytes:
    """Pack what the next front has to know of a session that is about to be active."""
    return SESSION.pack(
        SessionRecord(
            host=session.host,
            url=session.url,
            user=session.user,
            timeout_s=session.timeout_s,
            since=session.since,
            transports=session.in_order(),
            groups=session.mount.groups if session.transport_name == "multicast" else (),
            sent=session.sent.before,
        )
    )


def session_of(record: SessionRecord, mount: Mount, name: str, role: Role, now: float) -> Session:
    """Make the session that a front before this one had. It plays or records, and has no connection yet."""
    return Session(
        id=name,
        role=role,
        host=record.host,
        mount=mount,
        url=record.url,
        user=record.user,
        connection=None,
        timeout_s=record.timeout_s,
        since=min(record.since, now),
        heard=now,
        state=SessionState.RECORDING if role is Role.PUBLISHER else SessionState.PLAYING,
        transports={each.track: each for each in record.transports},
        sent=Total(record.sent),
    )
