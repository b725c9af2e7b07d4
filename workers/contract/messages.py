"""Every message between the front and a worker.

Commands go from the front to a worker; each is answered by exactly one reply with the same request id, except the
one-way ones. Events go from a worker to the front and have no reply. A command may be repeated: all are
idempotent under (path, generation), and a command for an older generation is refused as `STALE`.

The life of a mount:   OpenMount -> MountOpened ... Record -> Done ... CloseMount -> Done
The life of a reader:  SetUpReader -> ReaderSetUp ... Play -> Playing ... RemoveReader -> Done
The life of a replica: OfferReplica -> ReplicaOffered, OpenReplica -> Done, then readers as of a mount, CloseMount
The life of a move:    ExportMounts -> Exported, ImportMounts -> Done, StartImported -> Done, ForgetMove -> Done
The life of a worker:  Hello -> Welcome -> StateReport, then Heartbeat for ever

A worker keeps what a front must remember: an opaque *record* with each mount, session and connection that becomes
active. The `StateReport` that answers a new front's `Welcome` returns them, with duplicates of the connections.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from workers.contract.fields import (
    AtMost,
    Between,
    Blob,
    Channel,
    Count,
    Host,
    Image,
    Index,
    Name,
    Path,
    Port,
    Seconds,
    Text,
)

PROTOCOL_VERSION = 1
"""Raised when a message changes; a version N peer understands N and N-1, and ignores fields that it doesn't know."""

MAX_TRACKS = 32
"""Tracks in one mount: the SDP of a camera has two or three, of a studio encoder a dozen."""
MAX_UNANSWERED = 64
"""Requests of one connection that wait for the front's answer; a client that sends more is not read until then."""


class Refusal(StrEnum):
    """Why a worker did not do what it was told."""

    NO_PORTS = "no-ports"
    UNKNOWN_MOUNT = "unknown-mount"
    UNKNOWN_READER = "unknown-reader"
    UNKNOWN_CONNECTION = "unknown-connection"
    NO_DESCRIPTOR = "no-descriptor"
    STALE = "stale"
    MOVED = "moved"
    DRAINING = "draining"
    FAILED = "failed"


# -- what commands and reports are made of ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Format:
    """One payload type of a track, from its `m=` and `a=rtpmap` lines; `encoding` is "" without an rtpmap."""

    payload_type: Annotated[int, Between(0, 127)]
    clock_rate: Annotated[int, Between(1, 2**31)]
    encoding: Name = ""


@dataclass(frozen=True, slots=True)
class TrackSpec:
    """One track of a mount: what it may carry. On a `back_channel` (ONVIF Streaming section 5.3) what readers send is
    media, and goes to the publisher."""

    formats: Annotated[tuple[Format, ...], AtMost(64)]
    back_channel: bool = False


@dataclass(frozen=True, slots=True)
class UdpTransport:
    """Where a session's UDP packets come from and go to: always its connection's own address."""

    host: Host
    rtp_port: Port
    rtcp_port: Port


@dataclass(frozen=True, slots=True)
class InterleavedTransport:
    """The channel pair of a track that travels inside the session's connection."""

    rtp_channel: Channel
    rtcp_channel: Channel


@dataclass(frozen=True, slots=True)
class MulticastTransport:
    """A group that all multicast readers of a track share; readers only.

    `host` is the session's own address: only RTCP from there is a sign of its life. `interface` is where the group's
    packets leave, an address of this machine or a name; "" leaves the choice to the kernel.
    """

    host: Host
    group: Host
    rtp_port: Port
    rtcp_port: Port
    ttl: Annotated[int, Between(0, 255)]
    interface: Host


@dataclass(frozen=True, slots=True)
class TrackTransport:
    """How one session carries one track; `track` counts from 0 in the order of the SDP."""

    track: Index
    transport: UdpTransport | InterleavedTransport | MulticastTransport


@dataclass(frozen=True, slots=True)
class HandOff:
    """A connection that changes hands with this command.

    `token` names the descriptor that was sent ahead through the descriptors' socket, `unread` is what its last reader
    had read and not yet parsed, `unsent` what its last writer had not yet written (the tail of a frame, or nothing).
    `record` is what a new front needs to know of the connection.
    """

    token: Name
    unread: Blob
    unsent: Blob
    record: Blob = b""


@dataclass(frozen=True, slots=True)
class RtpInfo:
    """The next packet of a track, as PLAY's `RTP-Info` tells it; nothing known yet is None."""

    track: Index
    sequence: Annotated[int, Between(0, 65535)] | None
    rtp_time: Annotated[int, Between(0, 2**32 - 1)] | None


# -- commands: front -> worker ------------------------------------------------------------------------------------


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
    `streams` is what that worker has told last by `StreamsFollow`.
    """

    path: Path
    generation: Count
    tracks: Annotated[tuple[TrackSpec, ...], AtMost(MAX_TRACKS)]
    ports: Annotated[tuple[Port, ...], AtMost(MAX_TRACKS)] = ()
    streams: Blob = b""


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
    UDP needs none.
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
class Feed:
    """Take a mount's media from a program's burst channel, in the place of the publisher before. Answered with `Done`.

    `token` names the socket that was sent ahead through the descriptors' socket; `session` names the program's stream,
    as a publisher's session is named. What is meant for the publisher goes back through the same socket.
    """

    path: Path
    generation: Count
    session: Name
    token: Name


@dataclass(frozen=True, slots=True)
class Tap:
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
class Untap:
    """End a tap. Answered with `Done`, also where there is no such tap."""

    path: Path
    generation: Count
    name: Name


@dataclass(frozen=True, slots=True)
class OfferReplica:
    """Let another worker fan a mount out too: what readers get goes there whole, from now on. Answered with
    `ReplicaOffered`, once the descriptors have been sent up under the token `name`: each track's two sockets, and the
    far end of the burst channel. The offer ends with that channel, or with `Untap` of this name.
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
class MountName:
    """One mount in one generation."""

    path: Path
    generation: Count


@dataclass(frozen=True, slots=True)
class ExportMounts:
    """Let mounts and connections be carried on elsewhere: stop to read and to write, and send duplicates of all their
    descriptors up, under the token `move`. Answered with `Exported`, or with `Entangled` and nothing done where more
    would have to move with them. What is exported waits, frozen, for `ResumeExported` or `ForgetMove`.
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


# -- replies: worker -> front -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Done:
    """It is so, whether it was before or not."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It is not so, and nothing of it was kept."""

    cause: Refusal
    reason: Text


@dataclass(frozen=True, slots=True)
class MountOpened:
    """The RTP port of each track, in order; RTCP is one above."""

    rtp_ports: Annotated[tuple[Port, ...], AtMost(MAX_TRACKS)]


@dataclass(frozen=True, slots=True)
class ReaderSetUp:
    """The reader is known; `ssrc` is the publisher's on that track, None before its first packet."""

    ssrc: Annotated[int, Between(0, 2**32 - 1)] | None


@dataclass(frozen=True, slots=True)
class Playing:
    """Media flows, from these packets on."""

    rtp_info: Annotated[tuple[RtpInfo, ...], AtMost(MAX_TRACKS)]


@dataclass(frozen=True, slots=True)
class Released:
    """The connection is out of the worker's hands, with what was left in them."""

    unread: Blob
    unsent: Blob


@dataclass(frozen=True, slots=True)
class Exported:
    """What is frozen here now, packed for the next worker, and how many descriptors were sent for it."""

    image: Image
    mounts: Annotated[tuple[Path, ...], AtMost(100_000)]
    connections: Annotated[tuple[Name, ...], AtMost(100_000)]
    descriptors: Count


@dataclass(frozen=True, slots=True)
class ReplicaOffered:
    """What a replica has to know of the mount at this point of the stream, and how many descriptors were sent."""

    image: Image
    descriptors: Count


@dataclass(frozen=True, slots=True)
class Entangled:
    """What has to move together: mounts whose sessions share connections, and those connections."""

    mounts: Annotated[tuple[Path, ...], AtMost(100_000)]
    connections: Annotated[tuple[Name, ...], AtMost(100_000)]


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
class MountState:
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
    last_publisher: Name = ""
    """The session that has published last; without a `publisher`, the `publisher_record` is its own."""
    streams: Blob = b""
    """As in `StreamsFollow`."""


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """One connection as a new front has to know it.

    `unanswered` are the requests that no front has answered yet, the oldest first: they may have been carried out.
    `broken_status` is that of a `StreamBroken`, or 0. `ended` says why the connection ended, "" while it lives;
    `unserved` is as in `ConnectionClosed`.
    """

    name: Name
    record: Blob
    unanswered: Annotated[tuple[Blob, ...], AtMost(MAX_UNANSWERED)] = ()
    broken_status: Annotated[int, Between(0, 599)] = 0
    broken_reason: Text = ""
    ended: Text = ""
    unserved: bool = False


@dataclass(frozen=True, slots=True)
class StateReport:
    """All that a worker holds. Comes in parts, of which all but the last say `more`.

    The report to a new front also tells of each connection, and of those that ended: `states`, whose descriptors came
    up through the descriptors' socket with `token`, in the same order, where it names one. So did duplicates of the
    listening sockets, with `listeners_token`.
    """

    mounts: Annotated[tuple[MountState, ...], AtMost(100_000)]
    connections: Annotated[tuple[Name, ...], AtMost(100_000)]
    more: bool
    lent_ports: Annotated[tuple[Port, ...], AtMost(32768)] = ()
    states: Annotated[tuple[ConnectionState, ...], AtMost(100_000)] = ()
    token: Name = ""
    listeners: Annotated[tuple[Name, ...], AtMost(16)] = ()
    listeners_token: Name = ""


# -- events: worker -> front --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """Ask to be taken on; said again until `Welcome` comes."""

    index: Index
    pid: Count
    version: Name


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Proof that the loop which moves media turns, with its counters since the start of the worker.

    `drops` counts packets by cause (see `workers.counters`); `cpu_percent` is of one core, since the heartbeat before;
    `loop_lag_ms` the longest turn of the loop since then.
    """

    mounts: Count
    readers: Count
    packets_in: Count
    packets_out: Count
    bytes_in: Count
    bytes_out: Count
    drops: Annotated[tuple[tuple[Name, Count], ...], AtMost(64)]
    cpu_percent: Annotated[float, Between(0, 1e6)]
    loop_lag_ms: Annotated[float, Between(0, 1e9)]
    ports_free: Count
    ports_used: Count
    draining: bool
    busiest: Path = ""
    """The mount that most packets were delivered for since the heartbeat before, and its share of them all."""
    busiest_share: Annotated[float, Between(0, 1)] = 0.0


@dataclass(frozen=True, slots=True)
class DrainWanted:
    """The worker was told to end, takes no new mounts, and asks for all that it carries to be moved away. It ends as
    soon as it carries nothing, at the latest in `within_s`."""

    within_s: Seconds


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A whole RTSP message (head and body) came in on a connection that the worker holds."""

    connection: Name
    message: Blob


@dataclass(frozen=True, slots=True)
class StreamBroken:
    """What came in on a connection can't be split into messages any more: answer with `status`, then close."""

    connection: Name
    status: Annotated[int, Between(400, 599)]
    reason: Text


@dataclass(frozen=True, slots=True)
class ConnectionClosed:
    """A connection ended: the peer closed it, or the worker did so for `reason`. The worker has let go of it, and
    remembers it for the next front until `ForgetConnections` names it.

    `unserved`: the worker ended it as its readers could not be served, such as one that read nothing for too long.
    """

    connection: Name
    reason: Text
    unserved: bool = False


@dataclass(frozen=True, slots=True)
class MediaHeard:
    """The publisher's first RTP packet, or the first after a `MediaSilent`."""

    path: Path
    generation: Count


@dataclass(frozen=True, slots=True)
class MediaSilent:
    """No RTP from the publisher for `stale_after_s`."""

    path: Path
    generation: Count


@dataclass(frozen=True, slots=True)
class StreamsFollow:
    """How a mount's streams follow those of publishers that have vanished: for the worker that opens the mount if this
    one dies. Only workers look into it; "" where they are the publisher's own (again)."""

    path: Path
    generation: Count
    streams: Blob


@dataclass(frozen=True, slots=True)
class ChannelEnded:
    """The other end of a burst channel is gone: a feed's, by its session, or a tap's, by its name. The mount stays."""

    path: Path
    generation: Count
    name: Name
    reason: Text


@dataclass(frozen=True, slots=True)
class SessionHeard:
    """RTCP came from a session over UDP: a sign of life. Sent at most once in `life_sign_interval_s` for each."""

    session: Name


@dataclass(frozen=True, slots=True)
class ReaderCorrected:
    """A NAT has given a reader other UDP ports than it declared, and its packets go there now: for the worker that
    opens the mount if this one dies. That one may hear of it from nobody else: many readers send once, before PLAY."""

    session: Name
    transport: TrackTransport


@dataclass(frozen=True, slots=True)
class SessionTrouble:
    """A publisher's packets were lost on their way here, were no RTP (or no RTCP), or had a payload type that was not
    announced: how many since the last time. Sent at most once a second for each session."""

    session: Name
    lost: Count
    not_rtp: Count
    wrong_payload_type: Count


# -- administration: `trunkline status` and its like <-> front, over the same socket ------------------------------


@dataclass(frozen=True, slots=True)
class StatusQuery:
    """Ask a front for the state of everything. Answered with `StatusAnswer`."""


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """The state of everything as a JSON document (see `router/README.md`)."""

    document: Annotated[str, AtMost(256 * 1024 * 1024)]


@dataclass(frozen=True, slots=True)
class AdminCommand:
    """Tell a front to do something: `trunkline move` and its like. Answered with `AdminAnswer`s."""

    verb: Name
    arguments: Annotated[tuple[Path, ...], AtMost(16)]


@dataclass(frozen=True, slots=True)
class AdminAnswer:
    """What became of an order, for people. Those before the last say `more`: lines of progress, or "" every second."""

    ok: bool
    text: Annotated[str, AtMost(1024 * 1024)]
    more: bool = False


Command = (
    Welcome | OpenMount | CloseMount | Record | StopPublisher | Feed | Tap | Untap | OfferReplica | OpenReplica
    | SetUpReader | Play | PauseReader | RemoveReader | Respond | ReleaseConnection | ForgetConnections | KeepListeners
    | LendPorts | ReportState | ExportMounts | ImportMounts | StartImported | ResumeExported | ForgetMove
)  # fmt: skip
Reply = (
    Done | Refused | MountOpened | ReaderSetUp | Playing | Released | StateReport | Exported | ReplicaOffered
    | Entangled
)  # fmt: skip
Event = (
    Hello | Heartbeat | DrainWanted | RequestReceived | StreamBroken | ConnectionClosed | MediaHeard | MediaSilent
    | StreamsFollow | ChannelEnded | SessionHeard | ReaderCorrected | SessionTrouble
)  # fmt: skip
Administration = StatusQuery | StatusAnswer | AdminCommand | AdminAnswer
Message = Command | Reply | Event | Administration
