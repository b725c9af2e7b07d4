"""Reports: all that a worker holds, as it is now. The reply to `Welcome` and `ReportState`."""

from dataclasses import dataclass
from typing import Annotated

from workers.contract.fields import AtMost, Between, Blob, Count, Name, Path, Port, Seconds, Text
from workers.contract.parts import MAX_TRACKS, MAX_UNANSWERED, Peer, TrackTransport


@dataclass(frozen=True, slots=True)
class TrackState:
    """One track as it is now; `jitter` in RTP clock units, `lost` by RTP sequence since the start (RFC 3550 A.3)."""

    rtp_port: Port
    packets_in: Count
    bytes_in: Count
    lost: Count
    jitter: Seconds
    ssrc: Annotated[int, Between(0, 2**32 - 1)] | None


@dataclass(frozen=True, slots=True)
class ReaderState:
    """One reader as it is now; `packets_out` of a multicast reader is what its groups got while it played."""

    session: Name
    connection: Name
    playing: bool
    packets_out: Count
    dropped: Count
    record: Blob = b""
    corrected: Annotated[tuple[TrackTransport, ...], AtMost(MAX_TRACKS)] = ()
    """As in `ReaderCorrected`; given to a new front only, as the record is."""


@dataclass(frozen=True, slots=True)
class MountReport:
    """One mount as it is now; `publisher` is its session's id, "" before RECORD, `publisher_connection` the one that
    came with it. Records are given to a new front only."""

    path: Path
    generation: Count
    publisher: Name
    silent: bool
    tracks: Annotated[tuple[TrackState, ...], AtMost(MAX_TRACKS)]
    readers: Annotated[tuple[ReaderState, ...], AtMost(100_000)]
    record: Blob = b""
    publisher_record: Blob = b""
    publisher_connection: Name = ""
    publisher_paused: bool = False
    last_publisher: Name = ""
    """The session that has published last; without a `publisher`, the `publisher_record` is its own."""
    streams: Blob = b""
    """As in `StreamsFollow`."""


@dataclass(frozen=True, slots=True)
class MountFigures:
    """What has changed of a mount's figures: all `tracks`, or none; and of `readers`, by session, the packets that went
    out to those for whom there were more. They count from the mount's begin at this worker, or at the one before if it
    was moved."""

    path: Path
    generation: Count
    tracks: Annotated[tuple[TrackState, ...], AtMost(MAX_TRACKS)]
    readers: Annotated[tuple[tuple[Name, Count], ...], AtMost(100_000)]


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """One connection as a new front has to know it.

    `unanswered` are the requests that no front has answered yet, the oldest first: they may have been carried out.
    `broken_status` is that of a `StreamBroken`, or 0. `ended` says why the connection ended, "" while it lives;
    `unserved` is as in `ConnectionClosed`.
    """

    name: Name
    peer: Peer
    record: Blob
    unanswered: Annotated[tuple[Blob, ...], AtMost(MAX_UNANSWERED)] = ()
    broken_status: Annotated[int, Between(0, 599)] = 0
    broken_reason: Text = ""
    ended: Text = ""
    unserved: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """What `KeepNote` brought, as it came."""

    name: Name
    content: Blob


@dataclass(frozen=True, slots=True)
class StateReport:
    """All that a worker holds. Comes in parts, of which all but the last say `more`.

    The report to a new front also tells of each connection, and of those that ended: `states`, whose descriptors came
    up through the descriptors' socket with `token`, in the same order, where it names one. So did duplicates of the
    listening sockets, with `listeners_token`.
    """

    mounts: Annotated[tuple[MountReport, ...], AtMost(100_000)]
    connections: Annotated[tuple[Name, ...], AtMost(100_000)]
    more: bool
    lent_ports: Annotated[tuple[Port, ...], AtMost(32768)] = ()
    states: Annotated[tuple[ConnectionState, ...], AtMost(100_000)] = ()
    token: Name = ""
    listeners: Annotated[tuple[Name, ...], AtMost(16)] = ()
    listeners_token: Name = ""
    notes: Annotated[tuple[Note, ...], AtMost(10_000)] = ()
    """For a new front: what the one before had yet to tell somebody."""
