"""What commands, replies and reports are made of."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from workers.contract.fields import AtMost, Between, Blob, Channel, Count, Host, Index, Name, Path, Port

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
class Peer:
    """Who is at the other end of a connection, and at which of our addresses, as found by whoever accepted it.

    It travels beside the descriptor and nobody asks the socket: that may be one end of a socket pair.
    """

    host: Host = ""
    port: Port = 0
    local_host: Host = ""

    @property
    def text(self) -> str:
        """Address and port, for people; "" where they are not known."""
        if not self.host:
            return ""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class HandOff:
    """A connection that changes hands with this command.

    `token` names the descriptor that was sent ahead through the descriptors' socket, `unread` is what its last reader
    had read and not yet parsed, `unsent` what its last writer had not yet written (the tail of a frame, or nothing).
    `record` is what a new front needs to know of the connection, beside its peer.
    """

    token: Name
    peer: Peer
    unread: Blob = b""
    unsent: Blob = b""
    record: Blob = b""


@dataclass(frozen=True, slots=True)
class RtpInfo:
    """The next packet of a track, as PLAY's `RTP-Info` tells it; nothing known yet is None."""

    track: Index
    sequence: Annotated[int, Between(0, 65535)] | None
    rtp_time: Annotated[int, Between(0, 2**32 - 1)] | None


@dataclass(frozen=True, slots=True)
class MountName:
    """One mount in one generation."""

    path: Path
    generation: Count
