"""The state of mounts and connections, as it moves to another worker: each object works on its own record, which is
packed as it stands, and an object that is made around a record goes on where the other one stopped.

Only workers look into an image: the front passes its bytes on as they are, so that it may be older or newer than both.
Moments are monotonic seconds, which all processes of one machine share.
"""

from collections import deque
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


@dataclass(slots=True)
class SourceImage:
    """Where a publisher's packets to one port come from (`workers.streams.sources.PublisherPort`)."""

    declared: Address | None = None
    heard: bool = False
    """Whether anything came from the declared address."""
    expected: Address | None = None
    """Where the packets come from, as far as is known; where ours to the publisher go."""


@dataclass(frozen=True, slots=True)
class WaitingImage:
    """A run that waits for room in a send buffer: for these sessions' destinations, "" being the multicast group."""

    deadline: Moment
    data: Blob
    segment: Count
    packets: Count
    readers: Annotated[tuple[Name, ...], AtMost(100_000)]


@dataclass(slots=True)
class PortImage:
    """One of a track's two ports."""

    source: SourceImage = field(default_factory=SourceImage)
    kernel_drops: Count = 0
    """What the kernel's count of packets dropped at its socket was seen at; it lasts as long as the socket."""
    waiting: Annotated[tuple[WaitingImage, ...], AtMost(100_000)] = ()
    """Filled when the mount moves."""


@dataclass(slots=True)
class ReceptionImage:
    """What is known of a publisher's stream (`workers.rtp.reception.Reception`)."""

    ssrc: Annotated[bytes, AtMost(4)] = b""
    base: Whole = 0
    extended: Whole = -1
    """The highest sequence number, extended by how often it wrapped around."""
    received: Whole = 0
    expected_before: Whole = 0
    received_before: Whole = 0
    bad: Whole | None = None
    transit: Annotated[float, Between(-1e30, 1e30)] | None = None
    jitter: Annotated[float, Between(0, 1e30)] = 0.0
    heard_at: Moment = 0.0
    last_sequence: Whole | None = None
    last_time: Whole = 0
    last_time_at: Moment = 0.0
    marker: bool = False
    clock_rate: Whole = 1
    lost_before: Whole = 0
    """Packets of the numberings before this one that never came."""
    lost_told: Whole = 0
    """The most that was told as lost so far: a late packet makes a loss good, and a count that was shown stays."""


@dataclass(slots=True)
class ReportsImage:
    """What a track's own RTCP says (`workers.streams.reports.Reports`)."""

    cname: Name
    own_ssrc: Ssrc
    last_report: Ssrc = 0
    last_report_at: Moment | None = None
    feedback_at: Moment | None = None
    sender_report: Blob | None = None
    """The publisher's last compound packet with a sender report, as readers got it."""


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """Where a stream stood when its publisher was gone, in the numbers that readers saw.

    `at` is when the last packet came. The last sender report has said that `ntp`, of 64 bits, is the same instant as
    the RTP time `ntp_time`, with its counts; that is None where there was none.
    """

    ssrc: Ssrc
    sequence: Whole
    rtp_time: Whole
    at: Moment
    clock_rate: Whole
    ntp: Ntp = 0
    ntp_time: Whole | None = None
    packets: Count = 0
    octets: Count = 0


@dataclass(frozen=True, slots=True)
class Offsets:
    """What is added to the numbers of the stream `source`; `first_time` is when it begins, as readers see it."""

    source: Ssrc
    sequence: Whole
    rtp_time: Whole
    first_time: Whole


@dataclass(slots=True)
class NtpShift:
    """What is added to the newcomer's NTP times, the same for all tracks so that they stay in step.

    It is 0 unless its first picture would be older than the last one before: as where a camera has lost the time.
    Players that go by NTP would not show it.
    """

    shift: Ntp = 0


@dataclass(slots=True)
class SuccessionImage:
    """How a stream goes on with another publisher's packets (`workers.rtp.succession`)."""

    end: StreamEnd
    ntp: NtpShift = field(default_factory=NtpShift)
    """One for all tracks of a mount."""
    offsets: Offsets | None = None
    """None before the newcomer's first packet."""
    in_step: bool = False
    """Whether `ntp` is enough for this track."""
    held: Blob | None = None
    """The newcomer's last report, which came before its first packet: its times can't be told yet."""


@dataclass(frozen=True, slots=True)
class StreamsImage:
    """How a mount's streams follow those of earlier publishers: all that a worker needs of one that died."""

    tracks: Annotated[tuple[SuccessionImage | None, ...], AtMost(MAX_TRACKS)]


@dataclass(slots=True)
class CatchingUpImage:
    """What an interleaved reader has missed since a moment, and which frame it gets to its end
    (`workers.fanout.catching_up`)."""

    since: Moment
    packets: Count = 0
    bytes: Count = 0
    finishing: Whole | None = None
    """The timestamp of the frame that it gets to its end; None until the first packet of a frame has come."""
    passed: Whole | None = None
    """The timestamp of the last frame that it might have begun with, had there been room: never begun half-way."""


@dataclass(slots=True)
class DeliveryImage:
    """What goes one way, RTP or RTCP, to one reader or to a multicast group."""

    sent: Whole = 0
    """Counted when it begins, ceases or moves; what was dropped is part of it."""
    dropped: Whole = 0
    address: Address = b""
    """Where it goes over UDP, as a NAT may have corrected it."""
    heard: bool = False
    """Whether anything came from there."""
    refuses_segments: bool = False
    catching_up: CatchingUpImage | None = None


@dataclass(slots=True)
class GroupImage:
    """The multicast group of one track."""

    rtp: DeliveryImage
    rtcp: DeliveryImage


@dataclass(slots=True)
class TrackImage:
    """One track; its two sockets travel beside the image."""

    spec: TrackSpec
    rtp_port: Port
    reports: ReportsImage
    rtp: PortImage = field(default_factory=PortImage)
    rtcp: PortImage = field(default_factory=PortImage)
    packets_in: Count = 0
    bytes_in: Count = 0
    not_rtp: Count = 0
    wrong_payload_type: Count = 0
    """The publisher's packets that were no RTP (or no RTCP), and that were of a type not announced."""
    media_at: Moment | None = None
    """When the publisher's last RTP packet came; None before the first."""
    reception: ReceptionImage = field(default_factory=ReceptionImage)
    """Of the publisher's stream, in its own numbers; `succession` knows what readers see instead."""
    succession: SuccessionImage | None = None
    """How the stream goes on with the packets of another publisher; None for the mount's first one."""
    report_at: Moment | None = None
    """When the next receiver report is due."""
    group: GroupImage | None = None


@dataclass(slots=True)
class ReaderTrackImage:
    """One track of a reader."""

    transport: TrackTransport
    rtp: DeliveryImage = field(default_factory=DeliveryImage)
    rtcp: DeliveryImage = field(default_factory=DeliveryImage)
    reported_lost: Whole = 0


@dataclass(slots=True)
class ReaderImage:
    """One reader."""

    session: Name
    connection: Name = ""
    carrier: Name = ""
    """The connection that its interleaved tracks use, "" for none."""
    playing: bool = False
    elsewhere: bool = False
    """It plays at a replica, and is known here for what it sends."""
    told_at: Moment | None = None
    record: Blob = b""
    """What a new front needs to know of the session."""
    tracks: Annotated[tuple[ReaderTrackImage, ...], AtMost(MAX_TRACKS)] = ()
    sent_before: Whole = 0
    dropped_before: Whole = 0
    """By tracks that it has no more, or gets another way now."""
    packets_told: Whole = 0
    """The most that was told as sent so far: what waits may be dropped yet, and a count that was shown stays."""


@dataclass(slots=True)
class PublisherImage:
    """A mount's publisher that is a session."""

    session: Name
    connection: Name = ""
    """The connection that it was started on."""
    carrier: Name = ""
    """The connection that brings its interleaved packets, "" for none."""
    told_at: Moment | None = None
    record: Blob = b""
    """What a new front needs to know of the session."""
    transports: Annotated[tuple[TrackTransport, ...], AtMost(MAX_TRACKS)] = ()
    paused: bool = False
    """Whether it has said that it sends nothing for now."""


@dataclass(slots=True)
class SenderImage:
    """What was sent of a track that a program feeds (`workers.streams.sender.Sender`)."""

    cname: Name
    ssrc: Annotated[bytes, AtMost(4)] = b""
    packets: Count = 0
    octets: Whole = 0
    rtp_time: Count = 0
    ntp: Moment = 0.0
    at: Moment | None = None
    heard_at: Moment = 0.0
    clock_rate: Count = 1
    report_at: Moment | None = None
    """When the next sender report is due."""


@dataclass(slots=True)
class PipeImage:
    """A burst channel; its socket travels beside the image, behind those of the mount's tracks."""

    queued: Annotated[deque[Blob], AtMost(100_000)] = field(default_factory=deque)
    """Messages that wait for its other end."""
    missed: Count = 0
    """Packets that were dropped since the other end was told of any."""


@dataclass(slots=True)
class FeedImage:
    """A program, or a replica's owner, that publishes through a burst channel."""

    session: Name
    pipe: PipeImage = field(default_factory=PipeImage)
    senders: Annotated[list[SenderImage | None], AtMost(MAX_TRACKS)] = field(default_factory=list)
    """Of each track, None where the other end reports by itself."""


@dataclass(slots=True)
class TapImage:
    """A tap; `tracks` are those that it copies, and a `replica` at its other end fans them out."""

    name: Name
    pipe: PipeImage = field(default_factory=PipeImage)
    tracks: Annotated[tuple[Index, ...], AtMost(MAX_TRACKS)] = ()
    readers: bool = False
    """Whether it gets what readers send."""
    replica: bool = False


@dataclass(slots=True)
class MountImage:
    """One mount. The sockets of its feed and its taps travel behind those of its tracks, in this order."""

    path: Path
    generation: Count
    tracks: Annotated[tuple[TrackImage, ...], AtMost(MAX_TRACKS)]
    silent: bool = True
    reading: bool = False
    """Whether its ports are read: from the first publisher on."""
    record: Blob = b""
    last_publisher: Name = ""
    last_record: Blob = b""
    """Of the session whose packets are or were the last: it may have ended, and the mount wait for another."""
    streams: Blob = b""
    """What the front was told of how the streams follow those of earlier publishers."""
    publisher: PublisherImage | FeedImage | None = None
    readers: Annotated[tuple[ReaderImage, ...], AtMost(100_000)] = ()
    taps: Annotated[tuple[TapImage, ...], AtMost(1024)] = ()


@dataclass(slots=True)
class ReplicaImage:
    """A mount that another worker owns, whose sockets its tracks' are. The socket of its feed travels behind them."""

    path: Path
    generation: Count
    tracks: Annotated[tuple[TrackImage, ...], AtMost(MAX_TRACKS)]
    feed: FeedImage | None
    record: Blob = b""
    readers: Annotated[tuple[ReaderImage, ...], AtMost(100_000)] = ()


@dataclass(frozen=True, slots=True)
class QueuedImage:
    """Whole frames that wait to be written."""

    data: Blob
    packets: Count
    counted: bool = False
    """Whether they were counted as sent where they come from: they were about to be written."""


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

    Their descriptors travel in this order: each mount's tracks, RTP before RTCP; the connections; the ownership token.
    """

    mounts: Annotated[tuple[MountImage | ReplicaImage, ...], AtMost(100_000)]
    connections: Annotated[tuple[ConnectionImage, ...], AtMost(100_000)]


PACKER = Packer(Image)
REPLICA = Packer(ReplicaImage)
STREAMS = Packer(StreamsImage)
"""Between images and the bytes in messages."""
