"""Commands: the front to a worker. See `messages` for how they hang together."""

from dataclasses import dataclass
from typing import Annotated

from workers.contract.fields import AtMost, Between, Blob, Count, Host, Image, Index, Name, Path, Port, Seconds
from workers.contract.parts import MAX_TRACKS, HandOff, MountName, TrackSpec, TrackTransport


@dataclass(frozen=True, slots=True)
class Welcome:
    """Take a worker on, and tell it all that it needs to know: the only settings that a worker has.

    Answered with `StateReport`. `bind_host` is "" for all addresses, IPv4 and IPv6. `rtp_port_count` ports from
    `rtp_port_start` on are this worker's slice.
    """

    rtp_port_start: Port
    rtp_port_count: Annotated[int, Between(0, 65536)]
    bind_host: Host
    heartbeat_interval_s: Seconds
    orphan_timeout_s: Seconds
    stale_after_s: Seconds
    write_timeout_s: Seconds
    write_queue_bytes: Count
    life_sign_interval_s: Seconds
    batch_window_s: Seconds
    port_rest_s: Seconds
    max_line_bytes: Count
    max_head_bytes: Count
    max_body_bytes: Count
    lent_ports: Annotated[tuple[Port, ...], AtMost(65536)] = ()
    """RTP ports of this slice that mounts on other workers have: they were moved, or placed again there. What a worker
    has been told before counts on, until `LendPorts` says otherwise: a new front may not know of all of them yet."""
    close_slow_readers: bool = False
    drain_timeout_s: Seconds = 0.0
    """How long a worker that was told to end waits for its mounts to be moved away."""


@dataclass(frozen=True, slots=True)
class OpenMount:
    """Bind one RTP/RTCP port pair for each track. Answered with `MountOpened`, or `Refused` with nothing kept.

    `ports` are the RTP ports of a mount that had them on another worker, of whichever slice: these and no others.
    `streams` is what that worker has told last by `StreamsFollow`. A mount that waits for a publisher brings what a new
    front has to know of it: its record, and its last publisher's session with the record of that.
    """

    path: Path
    generation: Count
    tracks: Annotated[tuple[TrackSpec, ...], AtMost(MAX_TRACKS)]
    ports: Annotated[tuple[Port, ...], AtMost(MAX_TRACKS)] = ()
    streams: Blob = b""
    record: Blob = b""
    last_publisher: Name = ""
    last_record: Blob = b""


@dataclass(frozen=True, slots=True)
class CloseMount:
    """Let go of a mount, its ports, its publisher and its readers. Their connections stay: they are the front's
    to end. Answered with `Done`, also where there is no such mount."""

    path: Path
    generation: Count


@dataclass(frozen=True, slots=True)
class Record:
    """Start a publisher: from here on its packets are media. Answered with `Done`.

    The worker takes the connection over if `handoff` is given, reads the media sockets, then writes `response`. Where
    that is empty the client hears nothing of it, and `connection` may be "", or one that is elsewhere: a publisher over
    UDP needs none. One that is `paused` has said that it sends nothing; what comes nevertheless is taken.
    """

    path: Path
    generation: Count
    session: Name
    connection: Name
    handoff: HandOff | None
    transports: Annotated[tuple[TrackTransport, ...], AtMost(MAX_TRACKS)]
    response: Blob
    mount_record: Blob = b""
    session_record: Blob = b""
    paused: bool = False


@dataclass(frozen=True, slots=True)
class StopPublisher:
    """Take nothing more from a publisher that has vanished; the mount and its readers stay for the next one.

    Another session's `Record` of the same mount then goes on with the stream: in one SSRC, with sequence numbers,
    times and reports that follow those of before. Answered with `Done`, also where another publishes already.
    """

    path: Path
    generation: Count
    session: Name


@dataclass(frozen=True, slots=True)
class AttachFeed:
    """Take a mount's media from a program's burst channel, in the place of the publisher before. Answered with `Done`.

    `token` names the socket that was sent ahead through the descriptors' socket; `session` names the program's stream,
    as a publisher's session is named. What is meant for the publisher goes back through the same socket.
    """

    path: Path
    generation: Count
    session: Name
    token: Name


@dataclass(frozen=True, slots=True)
class AttachTap:
    """Copy bursts into a burst channel as they go to readers: the publisher's of these `tracks`, and with `readers`
    what readers send. Answered with `Done`.

    The other end may write back to any session of the mount. `token` names the socket that was sent ahead; with ""
    the tap of this name that is there changes what it copies.
    """

    path: Path
    generation: Count
    name: Name
    token: Name
    tracks: Annotated[tuple[Index, ...], AtMost(MAX_TRACKS)]
    readers: bool


@dataclass(frozen=True, slots=True)
class DetachTap:
    """End a tap. Answered with `Done`, also where there is no such tap."""

    path: Path
    generation: Count
    name: Name


@dataclass(frozen=True, slots=True)
class OfferReplica:
    """Let another worker fan a mount out too: what readers get goes there whole, from now on. Answered with
    `ReplicaOffered`, once the descriptors have been sent up under the token `name`: each track's two sockets, and the
    far end of the burst channel. The offer ends with that channel, or with `DetachTap` of this name.
    """

    path: Path
    generation: Count
    name: Name


@dataclass(frozen=True, slots=True)
class OpenReplica:
    """Fan a mount out that another worker owns: what that one offered under `name` was sent ahead with this token.
    Answered with `Done`. From then on it is a mount like others, closed by `CloseMount`.

    `path` is the replica's own, of which no worker has another. Its sockets are the owner's, and only written to.
    """

    path: Path
    generation: Count
    name: Name
    image: Image
    record: Blob = b""


@dataclass(frozen=True, slots=True)
class SetUpReader:
    """Register a reader's UDP address before its client hears of the ports: what comes from there is never the
    publisher's, and a punch from the same host may correct its port. Interleaved and multicast transports are
    registered too. Answered with `ReaderSetUp`.

    One that plays `elsewhere`, at a replica of the mount, is registered at its owner for what it sends.
    """

    path: Path
    generation: Count
    session: Name
    transport: TrackTransport
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Play:
    """Start a reader. Answered with `Playing`.

    In one turn of its loop the worker takes the connection over (if `handoff` is given), works out where each track
    stands, writes `response_head` (complete lines), the `RTP-Info` header made of `rtp_info_urls` (one for each
    transport, in its order) and the empty line, then lets media flow: so no packet can come before the response, and
    none is missed after the sequence number that it names. With an empty `response_head` nothing is written, and
    `connection` may be "" where nothing is interleaved: so a reader goes on after its worker's death. One that is
    `paused` gets no media.
    """

    path: Path
    generation: Count
    session: Name
    connection: Name
    handoff: HandOff | None
    transports: Annotated[tuple[TrackTransport, ...], AtMost(MAX_TRACKS)]
    response_head: Blob
    rtp_info_urls: Annotated[tuple[Path, ...], AtMost(MAX_TRACKS)]
    record: Blob = b""
    paused: bool = False


@dataclass(frozen=True, slots=True)
class PauseReader:
    """Stop a reader's media; its registration stays. Answered with `Done`."""

    path: Path
    generation: Count
    session: Name


@dataclass(frozen=True, slots=True)
class RemoveReader:
    """Forget a reader. Answered with `Done`, also where there is no such reader."""

    path: Path
    generation: Count
    session: Name


@dataclass(frozen=True, slots=True)
class Respond:
    """Write RTSP bytes on a connection that the worker holds; one-way. With `close`, end it once they are written."""

    connection: Name
    response: Blob
    close: bool


@dataclass(frozen=True, slots=True)
class ReleaseConnection:
    """Let go of a connection that moves elsewhere (the front has its own duplicate). Answered with `Released`."""

    connection: Name


@dataclass(frozen=True, slots=True)
class ForgetConnections:
    """Forget what is remembered of connections that have ended: the front has done all that follows from it. One-way;
    a connection that still lives is not meant."""

    connections: Annotated[tuple[Name, ...], AtMost(100_000)]


@dataclass(frozen=True, slots=True)
class KeepNote:
    """Keep what the front has yet to tell somebody, for the front that comes next: its report has it. One-way; the
    worker never looks inside."""

    name: Name
    note: Blob


@dataclass(frozen=True, slots=True)
class ForgetNotes:
    """Forget notes: all have been told. One-way."""

    names: Annotated[tuple[Name, ...], AtMost(100_000)]


@dataclass(frozen=True, slots=True)
class KeepListeners:
    """Hold duplicates of the front's listening sockets, in place of those held before, for the front that comes next:
    clients that connect while there is none wait in their backlog. One-way.

    `names` says what each socket that came with `token` is for; without any, let go of what is held.
    """

    names: Annotated[tuple[Name, ...], AtMost(16)]
    token: Name


@dataclass(frozen=True, slots=True)
class LendPorts:
    """These RTP ports of the worker's slice, and no others, are in use on other workers: give none of them out.
    One-way; said whenever it changes."""

    ports: Annotated[tuple[Port, ...], AtMost(32768)]


@dataclass(frozen=True, slots=True)
class ReportState:
    """Ask for a `StateReport`: for `trunkline status`, and wherever desired and actual state may differ.

    With a `path` it is of that mount alone.
    """

    path: Path = ""


@dataclass(frozen=True, slots=True)
class ExportMounts:
    """Let mounts and connections be carried on elsewhere: stop to read and to write, and send duplicates of all their
    descriptors up, under the token `move`. Answered with `Exported`, or with `Entangled` and nothing done where more
    would have to move with them. What is exported waits, suspended, for `ResumeExported` or `ForgetMove`.
    """

    move: Name
    mounts: Annotated[tuple[MountName, ...], AtMost(100_000)]
    connections: Annotated[tuple[Name, ...], AtMost(100_000)]


@dataclass(frozen=True, slots=True)
class ImportMounts:
    """Make ready to carry on what another worker has exported; its descriptors were sent under the token `move`.
    Answered with `Done`. Nothing is read or written before `StartImported`."""

    move: Name
    image: Image


@dataclass(frozen=True, slots=True)
class StartImported:
    """Carry on from here: the move is done. Answered with `Done`, or `Refused` where the source has resumed."""

    move: Name


@dataclass(frozen=True, slots=True)
class ResumeExported:
    """Go on with what was exported: the move is off. Answered with `Done`, or `Refused` as `MOVED` where the target
    has started."""

    move: Name


@dataclass(frozen=True, slots=True)
class ForgetMove:
    """Let go of duplicates: of those that were exported, as the target carries on, or of those that were to be
    imported. Nothing is closed for the peers. Answered with `Done`."""

    move: Name
