"""Replies: a worker to the front, one for each command that is not one-way."""

from dataclasses import dataclass
from typing import Annotated

from workers.contract.fields import AtMost, Between, Blob, Count, Image, Name, Path, Port, Text
from workers.contract.parts import MAX_TRACKS, Refusal, RtpInfo


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
    """What is suspended here now, packed for the next worker, and how many descriptors were sent for it."""

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
