"""The image of mounts and connections that move: all that one worker knows of them, for another to go on with.

Only workers look into one: the front passes its bytes on as they are, so that it may be older or newer than both.
Moments are monotonic seconds, which all processes of one machine share.
"""

from dataclasses import dataclass, field
from typing import Annotated

from workers.contract.codec import Packer
from workers.contract.fields import AtMost, Between, Blob, Count, Index, Name, Path, Port, Text
from workers.contract.parts import MAX_TRACKS, Peer, TrackSpec, TrackTransport

Moment = Annotated[float, Between(-1e12, 1e12)]
Whole = Annotated[int, Between(-(2**63), 2**63 - 1)]
Ssrc = Annotated[int, Between(0, 2**32 - 1)]
Ntp = Annotated[int, Between(0, 2**64 - 1)]
Address = Annotated[bytes, AtMost(32)]
"""A socket address as the kernel writes it."""


@dataclass(frozen=True, slots=True)
class SourceImage:
    """Where a publisher's packets to one port come from (`workers.streams.sources.PublisherPort`)."""

    declared: Address | None
    heard: bool
    expected: Address | None


@dataclass(frozen=True, slots=True)
class WaitingImage:
    """A run that waits for room in a send buffer: for these sessions' destinations, "" being the multicast group."""

    deadline: Moment
    data: Blob
    segment: Count
    packets: Count
    readers: Annotated[tuple[Name, ...], AtMost(100_000)]


@dataclass(frozen=True, slots=True)
class PortImage:
    """One of a track's two ports. `kernel_drops` is what its socket's count of dropped packets was seen at."""

    source: SourceImage
    kernel_drops: Count
    waiting: Annotated[tuple[WaitingImage, ...], AtMost(100_000)]


@dataclass(frozen=True, slots=True)
class ReceptionImage:
    """What is known of a publisher's stream (`workers.rtp.reception.Reception`)."""

    ssrc: Annotated[bytes, AtMost(4)]
    base: Whole
    extended: Whole
    received: Whole
    expected_before: Whole
    received_before: Whole
    bad: Whole | None
    transit: Annotated[float, Between(-1e30, 1e30)] | None
    jitter: Annotated[float, Between(0, 1e30)]
    heard_at: Moment
    last_sequence: Whole | None
    last_time: Whole
    last_time_at: Moment
    marker: bool
    clock_rate: Whole


@dataclass(frozen=True, slots=True)
class ReportsImage:
    """What a track's own RTCP says (`workers.streams.reports.Reports`)."""

    cname: Name
    own_ssrc: Ssrc
    last_report: Ssrc
    last_report_at: Moment | None
    feedback_at: Moment | None
    sender_report: Blob | None


@dataclass(frozen=True, slots=True)
class SuccessionImage:
    """How a stream goes on with another publisher's packets (`workers.rtp.succession`): where it stood, in `ssrc`, and
    what is added to the numbers of `source`, None before its first packet."""

    ssrc: Ssrc
    sequence: Whole
    rtp_time: Whole
    at: Moment
    clock_rate: Whole
    ntp: Ntp
    ntp_time: Whole | None
    packets: Count
    octets: Count
    source: Ssrc | None
    sequence_offset: Whole
    rtp_time_offset: Whole
    first_time: Whole
    ntp_shift: Ntp
    in_step: bool
    held: Blob | None


@dataclass(frozen=True, slots=True)
class StreamsImage:
    """How a mount's streams follow those of earlier publishers: all that a worker needs of one that died."""

    tracks: Annotated[tuple[SuccessionImage | None, ...], AtMost(MAX_TRACKS)]


@dataclass(frozen=True, slots=True)
class TrackImage:
    """One track; its two sockets travel beside the image. `report_at` is when its next receiver report is due."""

    spec: TrackSpec
    rtp_port: Port
    rtp: PortImage
    rtcp: PortImage
    packets_in: Count
    bytes_in: Count
    not_rtp: Count
    wrong_payload_type: Count
    media_at: Moment | None
    reception: ReceptionImage
    reports: ReportsImage
    report_at: Moment | None
    succession: SuccessionImage | None = None


@dataclass(frozen=True, slots=True)
class CatchingUpImage:
    """What an interleaved reader has missed, and which frame it gets to its end (`workers.fanout.catching_up`)."""

    since: Moment
    packets: Count
    bytes: Count
    finishing: Whole | None
    passed: Whole | None


@dataclass(frozen=True, slots=True)
class ReaderTrackImage:
    """One track of a reader. The addresses are a UDP reader's, as a NAT may have corrected them."""

    transport: TrackTransport
    packets_out: Whole
    dropped: Whole
    reported_lost: Whole
    rtp_address: Address | None
    rtcp_address: Address | None
    rtp_heard: bool
    rtcp_heard: bool
    refuses_segments: bool
    catching_up: CatchingUpImage | None


@dataclass(frozen=True, slots=True)
class ReaderImage:
    """One reader. `carrier` is the connection that its interleaved tracks use, "" for none; `elsewhere` says that it
    plays at a replica."""

    session: Name
    connection: Name
    carrier: Name
    playing: bool
    told_at: Moment | None
    record: Blob
    tracks: Annotated[tuple[ReaderTrackImage, ...], AtMost(MAX_TRACKS)]
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class PublisherImage:
    """A mount's publisher. `carrier` is the connection that brings its interleaved packets, "" for none."""

    session: Name
    connection: Name
    carrier: Name
    told_at: Moment | None
    record: Blob
    transports: Annotated[tuple[TrackTransport, ...], AtMost(MAX_TRACKS)]


@dataclass(frozen=True, slots=True)
class SenderImage:
    """What was sent of a track that a program feeds (`workers.streams.sender.Sender`); `report_at` is when the next
    sender report is due."""

    ssrc: Annotated[bytes, AtMost(4)]
    packets: Count
    octets: Whole
    rtp_time: Count
    ntp: Moment
    at: Moment | None
    heard_at: Moment
    clock_rate: Count
    report_at: Moment | None


@dataclass(frozen=True, slots=True)
class PipeImage:
    """A burst channel; its socket travels beside the image, behind those of the mount's tracks. `queued` are messages
    that wait for its other end, `missed` packets that were dropped since it was told of any."""

    queued: Annotated[tuple[Blob, ...], AtMost(100_000)]
    missed: Count


@dataclass(frozen=True, slots=True)
class FeedImage:
    """A program that publishes; `senders` has each track's, None where the program reports by itself."""

    session: Name
    pipe: PipeImage
    senders: Annotated[tuple[SenderImage | None, ...], AtMost(MAX_TRACKS)]


@dataclass(frozen=True, slots=True)
class TapImage:
    """A tap; `tracks` are those that it copies, and a `replica` at its other end fans them out."""

    name: Name
    pipe: PipeImage
    tracks: Annotated[tuple[Index, ...], AtMost(MAX_TRACKS)]
    readers: bool
    replica: bool = False


@dataclass(frozen=True, slots=True)
class MountImage:
    """One mount. The sockets of its feed and its taps travel behind those of its tracks, in this order.

    A `replica` is fed by the worker that owns the mount, and its tracks' sockets are that one's.
    """

    path: Path
    generation: Count
    silent: bool
    tracks: Annotated[tuple[TrackImage, ...], AtMost(MAX_TRACKS)]
    publisher: PublisherImage | None
    record: Blob
    readers: Annotated[tuple[ReaderImage, ...], AtMost(100_000)]
    last_publisher: Name = ""
    last_record: Blob = b""
    feed: FeedImage | None = None
    taps: Annotated[tuple[TapImage, ...], AtMost(1024)] = ()
    replica: bool = False


@dataclass(frozen=True, slots=True)
class QueuedImage:
    """Whole frames that wait to be written."""

    data: Blob
    packets: Count


@dataclass(frozen=True, slots=True)
class UnwrittenImage:
    """What waits to be written on a connection (`workers.fanout.outlet`).

    `tail` must be written before anything else, being the rest of a frame or of responses; then `responses`, then
    `media`, behind which `cut` packets were left out. `dropped` packets were left out before, `progress_at` is when
    something could be written last.
    """

    tail: Blob = b""
    responses: Blob = b""
    media: Annotated[tuple[QueuedImage, ...], AtMost(1_000_000)] = ()
    cut: Count = 0
    dropped: Count = 0
    progress_at: Moment = 0.0


@dataclass(frozen=True, slots=True)
class UnansweredRequest:
    """A request that the front has been told of. Its last `kernel_bytes` were peeked at only: the kernel has them
    still, and what else came before the next request."""

    message: Blob
    kernel_bytes: Count


@dataclass(slots=True)
class ConnectionImage:
    """One connection: the state that its object works with; its socket travels beside it.

    `record` is what a new front needs to know of it. `broken_status` is that of a `StreamBroken`, or 0. At `close_at`
    it is closed though not all is written. `unread` and `unwritten` are as they were when it was suspended.
    """

    name: Name
    peer: Peer
    record: Blob = b""
    unanswered: Annotated[list[UnansweredRequest], AtMost(4096)] = field(default_factory=list)
    half_closed: bool = False
    broken_status: Annotated[int, Between(0, 599)] = 0
    broken_reason: Text = ""
    close_at: Moment | None = None
    unread: Blob = b""
    unwritten: UnwrittenImage = UnwrittenImage()


@dataclass(frozen=True, slots=True)
class Image:
    """Mounts and connections that move together.

    Their descriptors travel in this order: each mount's tracks, RTP before RTCP; the connections; the token.
    """

    mounts: Annotated[tuple[MountImage, ...], AtMost(100_000)]
    connections: Annotated[tuple[ConnectionImage, ...], AtMost(100_000)]


PACKER = Packer(Image)
MOUNT = Packer(MountImage)
STREAMS = Packer(StreamsImage)
"""Between images and the bytes in messages."""
