"""A burst: packets of one track that are sent on together, cut into runs that the kernel can cut again.

UDP_SEGMENT cuts a buffer every `segment` bytes: all packets of a run are equally long but the last, which may be
shorter. That is how a picture is fragmented, so most bursts are one run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_SEGMENTS = 64
"""UDP_MAX_SEGMENTS before Linux 6.9."""
MOST_BYTES = 65507
"""The largest UDP payload over IPv4; a buffer with segments is built as one first."""

Run = tuple[bytes, int, int]
"""Packets one after the other, the length of each but the last, and how many they are."""


@dataclass(slots=True)
class PacketBurst:
    """Packets of one track that are sent on together; whoever gets it may keep its runs, and nothing else. Of RTP it
    has what is looked at for the whole burst, as it stands in the packets: their sequence numbers and SSRCs one after
    the other, and the last one's fixed header."""

    runs: Sequence[Run]
    packets: int
    size: int
    """Of all packets, in bytes."""
    sequences: bytes = b""
    ssrcs: bytes = b""
    last_header: bytes = b""


def run_ends(lengths: list[int]) -> list[int]:
    """Say at which packets runs end: for each the index after its last packet."""
    count = len(lengths)
    size = lengths[0]
    if count <= MOST_SEGMENTS and size * count <= MOST_BYTES:
        equal = lengths.count(size)
        if equal == count or (equal == count - 1 and lengths[-1] < size):
            return [count]
    ends = []
    start = 0
    while start < count:
        size = lengths[start]
        most = min(count, start + max(1, min(MOST_SEGMENTS, MOST_BYTES // max(size, 1))))
        end = start + 1
        while end < most and lengths[end] == size:
            end += 1
        if end < most and lengths[end] < size:
            end += 1
        ends.append(end)
        start = end
    return ends


def runs_of(packets: Sequence[bytes] | Sequence[memoryview], lengths: list[int]) -> list[Run]:
    runs = []
    start = 0
    for end in run_ends(lengths):
        runs.append((b"".join(packets[start:end]), lengths[start], end - start))
        start = end
    return runs


def packets_of(run: Run) -> list[bytes]:
    """Take a run apart again."""
    data, segment, count = run
    return [data] if count == 1 else [data[at : at + segment] for at in range(0, len(data), segment)]


def frame_runs(runs: Sequence[Run], channel: int) -> bytes:
    """Write a burst as interleaved frames of one channel (RFC 2326 section 10.12)."""
    start = bytes((0x24, channel))
    parts: list[bytes] = []
    for data, segment, count in runs:
        header = start + segment.to_bytes(2, "big")
        if count == 1:
            parts += (header, data)
            continue
        whole = len(data) // segment * segment
        parts.append(header)
        parts.append(header.join([data[at : at + segment] for at in range(0, whole, segment)]))
        if whole < len(data):
            parts += (start + (len(data) - whole).to_bytes(2, "big"), data[whole:])
    return b"".join(parts)


def rtp_burst(packets: list[bytes]) -> PacketBurst:
    """Join RTP packets that came one by one."""
    lengths = [len(each) for each in packets]
    return PacketBurst(
        runs_of(packets, lengths),
        len(packets),
        sum(lengths),
        b"".join([each[2:4] for each in packets]),
        b"".join([each[8:12] for each in packets]),
        packets[-1][:12],
    )


def single(packet: bytes) -> PacketBurst:
    """Make a burst of one packet that nobody looks into, as of RTCP."""
    size = len(packet)
    return PacketBurst(((packet, size, 1),), 1, size)
