"""A burst to messages and back.

A message is a fixed head, a head for each run, the session's name, and the packets one after the other, in network
byte order. Both ends are of one installation, but for an upgrade: hence the version.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct, error

from workers.contract.parts import MAX_TRACKS
from workers.fanout.burst import MOST_SEGMENTS, Run

VERSION = 1
MOST_BURST_BYTES = 96 * 1024
"""Packets in one message; a longer burst takes several. Half of what a Unix socket holds by default (208 KiB), so that
one can be written while another is read."""
MOST_MESSAGE_BYTES = MOST_BURST_BYTES + 32 * 1024
"""A message with its heads, of which there are at most 16 KiB."""
MOST_RUNS = 2048
"""Runs in one message: packets of 48 bytes, each of another length than the one before."""
MOST_RUN_BYTES = 0xFFFF
"""A single packet of an interleaved publisher; what goes out over UDP is less."""
MOST_NTP = 1e12
"""The year 33,658: whatever somebody calls a time is less."""
MOST_NAME_BYTES = 128
"""A session's id, as the contract bounds it."""

_HEAD = Struct("!BBBBHId")
_RUN = Struct("!HHI")


class ChannelError(Exception):
    """What came is not a burst. Counted and dropped by whoever reads, never fatal."""


class Kind(IntEnum):
    """What the packets are."""

    RTP = 0
    RTCP = 1
    ADDRESS = 2
    """Where a reader's packets come from, to a replica: a byte that is 1 for its RTCP port, and the socket address."""


@dataclass(frozen=True, slots=True)
class ChannelBurst:
    """Packets of one track.

    `ntp` is when the last packet's content was there, in Unix seconds; 0 where nobody said. `session` is "" for the
    mount's own stream; else, coming from a worker, the session that sent the packets, and going there the one that is
    to get them. `missed` counts the packets of this channel that were dropped since the burst before.
    """

    kind: Kind
    track: int
    runs: tuple[Run, ...]
    ntp: float = 0.0
    session: str = ""
    missed: int = 0

    @property
    def packets(self) -> int:
        """How many packets it has."""
        return sum([count for _, _, count in self.runs])

    @property
    def size(self) -> int:
        """How many bytes they have."""
        return sum([len(data) for data, _, _ in self.runs])


def encode(
    kind: Kind, track: int, runs: Sequence[Run], *, ntp: float = 0.0, session: str = "", missed: int = 0
) -> list[bytes]:
    """Write a burst; more than one message where it is long. `missed` is told in the first."""
    name = session.encode()
    missed = min(missed, 0xFFFFFFFF)
    if len(runs) == 1:  # most are
        data, segment, count = runs[0]
        head = _HEAD.pack(VERSION, kind, track, len(name), 1, missed, ntp)
        return [b"".join((head, _RUN.pack(segment, count, len(data)), name, data))]
    messages = []
    start = 0
    while start < len(runs):
        end, size = start, 0
        while end < min(len(runs), start + MOST_RUNS):
            size += len(runs[end][0])
            if size > MOST_BURST_BYTES and end > start:
                break
            end += 1
        part = runs[start:end]
        heads = [_RUN.pack(segment, count, len(data)) for data, segment, count in part]
        head = _HEAD.pack(VERSION, kind, track, len(name), len(part), missed, ntp)
        messages.append(b"".join((head, *heads, name, *[data for data, _, _ in part])))
        start, missed = end, 0
    return messages


def decode(message: bytes | memoryview) -> ChannelBurst:
    """Read a message.

    Raises:
        ChannelError: for anything that `encode` does not write.
    """
    view = memoryview(message)
    try:
        version, kind, track, name_bytes, count, missed, ntp = _HEAD.unpack_from(view)
        if version != VERSION or kind > Kind.ADDRESS or track >= MAX_TRACKS or name_bytes > MOST_NAME_BYTES:
            raise ChannelError("a burst's head is broken")
        if not 1 <= count <= MOST_RUNS or not 0 <= ntp <= MOST_NTP:
            raise ChannelError("a burst's head is broken")
        heads = [_RUN.unpack_from(view, at) for at in range(_HEAD.size, _HEAD.size + count * _RUN.size, _RUN.size)]
    except error as failure:
        raise ChannelError(f"a burst of {len(view)} bytes is cut off") from failure
    at = _HEAD.size + count * _RUN.size
    try:
        session = str(view[at : at + name_bytes], "utf-8")
    except UnicodeDecodeError as failure:
        raise ChannelError("a session's name is broken") from failure
    at += name_bytes
    runs = []
    for segment, packets, size in heads:
        whole = 1 <= packets <= MOST_SEGMENTS and (packets - 1) * segment < size <= packets * segment
        if not whole or size > MOST_RUN_BYTES or at + size > len(view):
            raise ChannelError("a run is broken")
        runs.append((bytes(view[at : at + size]), segment, packets))
        at += size
    if at != len(view):
        raise ChannelError("a burst is longer than it says")
    return ChannelBurst(Kind(kind), track, tuple(runs), ntp, session, missed)
