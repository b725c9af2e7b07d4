"""What runs hold, looked at in strides: never packet by packet."""

from collections.abc import Sequence

from workers.fanout.burst import Run
from workers.rtp.packet import FIXED_HEADER_BYTES, VERSION_2


def is_rtp(run: Run) -> bool:
    """Tell whether every packet of a run has a header of RTP version 2."""
    data, segment, count = run
    last = len(data) - (count - 1) * segment
    return min(segment, last) >= FIXED_HEADER_BYTES and not data[::segment].translate(None, VERSION_2)


def announces(run: Run, announced: bytes) -> bool:
    """Tell whether every packet has one of these second bytes (`workers.rtp.packet.second_bytes`)."""
    data, segment, _ = run
    return not data[1::segment].translate(None, announced)


def stamps(runs: Sequence[Run]) -> tuple[bytes, bytes, bytes]:
    """Give the sequence numbers and the SSRCs, as they stand in the packets one after the other, and the last header.

    All runs must be RTP: see `is_rtp`.
    """
    sequences, ssrcs = [], []
    for data, segment, count in runs:
        if count == 1:
            sequences.append(data[2:4])
            ssrcs.append(data[8:12])
            continue
        sequences.append(_column(data, segment, count, 2, 2))
        ssrcs.append(_column(data, segment, count, 8, 4))
    data, segment, count = runs[-1]
    last = (count - 1) * segment
    return b"".join(sequences), b"".join(ssrcs), data[last : last + FIXED_HEADER_BYTES]


def _column(data: bytes, segment: int, count: int, offset: int, width: int) -> bytes:
    """Give `width` bytes from `offset` on of each packet."""
    column = bytearray(count * width)
    for place in range(width):
        column[place::width] = data[offset + place :: segment]
    return bytes(column)
