"""Events: a worker to the front, without a reply."""

from dataclasses import dataclass
from typing import Annotated

from workers.contract.fields import AtMost, Between, Blob, Count, Index, Name, Path, Seconds, Text
from workers.contract.parts import TrackTransport
from workers.contract.reports import MountFigures


@dataclass(frozen=True, slots=True)
class Hello:
    """Ask to be taken on; said again until `Welcome` comes."""

    index: Index
    pid: Count
    version: Name


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Proof that the loop which moves media turns, with its counters since the start of the worker.

    `drops` counts packets by cause (see `workers.runtime.counters`); `cpu_percent` is of one core, since the heartbeat
    before; `loop_lag_ms` the longest turn of the loop since then.
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
class FiguresChanged:
    """What has changed of the worker's mounts since the front was told last. Comes with a heartbeat, once a second at
    most; a new front is told all."""

    mounts: Annotated[tuple[MountFigures, ...], AtMost(100_000)]


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
