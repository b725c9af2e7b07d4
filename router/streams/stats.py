"""What was written of a stream, in figures."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MediaStats:
    """What was written of one media: RTP packets, their bytes, RTCP packets; and how many readers have set it up."""

    packets: int
    bytes: int
    rtcp_packets: int
    readers: int


@dataclass(frozen=True, slots=True)
class StreamStats:
    """What was written of a stream: packets and bytes of RTP in all, and of each media.

    `dropped` packets were written while its worker had died and no other was there yet. `missed` packets came from
    readers, and the program was too slow for them. `queued_bytes` wait for the worker.
    """

    packets: int
    bytes: int
    dropped: int
    missed: int
    queued_bytes: int
    readers: int
    medias: tuple[MediaStats, ...]
