"""Packets on their way from and to a program: what is refused before it leaves, what a callback is given."""

from collections.abc import Sequence
from dataclasses import dataclass

from router.streams.errors import NotRtcp, NotRtp, PacketTooLarge, WrongPayloadType
from workers.channel import Run, announces, is_rtp, runs_of
from workers.rtp import rtcp
from workers.rtp.packet import FIXED_HEADER_BYTES

DEFAULT_PACKET_BYTES = 1472
"""What one Ethernet frame holds: 1,500 bytes without the headers of IPv4 and UDP. A longer packet travels in fragments,
of which none may be lost, and over IPv6 or a tunnel it may not come through at all."""
LARGEST_PACKET_BYTES = 65_507
"""The largest payload of UDP over IPv4: longer ones can't be sent."""


@dataclass(frozen=True, slots=True)
class ReceivedPacket:
    """One packet that came for a program.

    `pts` is when its content is to be shown, in seconds, 0 at the session's first; `ntp` is when it was there, in Unix
    seconds; each is None where it isn't known, and for RTCP. `session` is the id of who sent it.
    """

    packet: bytes
    pts: float | None
    ntp: float | None
    session: str


def checked_runs(packets: Sequence[bytes], announced: bytes, most_bytes: int) -> list[Run]:
    """Join RTP packets into runs, looking at them in strides; `announced` are the second bytes that they may have.

    Raises:
        PacketTooLarge, NotRtp, WrongPayloadType: for the first packet that is wrong.
    """
    lengths = [len(each) for each in packets]
    if lengths and min(lengths) >= FIXED_HEADER_BYTES and max(lengths) <= most_bytes:
        runs = runs_of(packets, lengths)
        for run in runs:
            if not (is_rtp(run) and announces(run, announced)):
                break
        else:
            return runs
    for index, packet in enumerate(packets):
        _check(packet, index, announced, most_bytes)
    return []


def _check(packet: bytes, index: int, announced: bytes, most_bytes: int) -> None:
    if len(packet) < FIXED_HEADER_BYTES:
        raise NotRtp(f"it has {len(packet)} bytes, an RTP header has {FIXED_HEADER_BYTES}", index)
    if packet[0] & 0xC0 != 0x80:
        raise NotRtp(f"its RTP version is {packet[0] >> 6}, not 2", index)
    if packet[1] not in announced:
        types = sorted({each & 0x7F for each in announced})
        raise WrongPayloadType(f"its payload type {packet[1] & 0x7F} is none of {types}", index)
    if len(packet) > most_bytes:
        raise _too_large(packet, most_bytes, index)


def _too_large(packet: bytes, most_bytes: int, index: int = 0) -> PacketTooLarge:
    return PacketTooLarge(
        f"it has {len(packet)} bytes, max_packet_bytes is {most_bytes}: split it, or make the stream with more", index
    )


def checked_rtcp(packet: bytes, most_bytes: int) -> tuple[Run, ...]:
    """Make a run of one RTCP packet.

    Raises:
        PacketTooLarge, NotRtcp: if it is wrong.
    """
    if len(packet) > most_bytes:
        raise _too_large(packet, most_bytes)
    if rtcp.split(packet) is None:
        raise NotRtcp(f"{len(packet)} bytes that are no RTCP from the first to the last")
    return ((packet, len(packet), 1),)
