"""What a publisher sends: sizes of packets, how many make a frame, and when each frame is due; over and over."""

from dataclasses import dataclass
from itertools import accumulate

RTP_HEADER_BYTES = 12
SMALLEST_BYTES = RTP_HEADER_BYTES + 1
"""A packet without a payload is a punch, not media."""
LARGEST_BYTES = 9_000
"""A jumbo frame; more would be cut into fragments by IP."""
MOST_CYCLE_PACKETS = 16_384
"""Half of the sequence numbers' circle is 32,768: one cycle must be told from the next."""
CYCLE_PACKETS = 256
"""About so many packets make a cycle where nothing else says how many."""


class ShapeError(ValueError):
    """A shape that can't be sent."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One cycle: `frames` counts the packets of each frame, `times_s` says when it is due after the cycle's start."""

    sizes: tuple[int, ...]
    frames: tuple[int, ...]
    times_s: tuple[float, ...]
    duration_s: float

    def __post_init__(self) -> None:
        if not self.sizes or len(self.sizes) > MOST_CYCLE_PACKETS:
            raise ShapeError(f"{len(self.sizes)} packets; 1 to {MOST_CYCLE_PACKETS} make a cycle")
        if sum(self.frames) != len(self.sizes) or len(self.frames) != len(self.times_s) or min(self.frames) < 1:
            raise ShapeError("frames, their times and their packets don't fit together")
        if min(self.sizes) < SMALLEST_BYTES or max(self.sizes) > LARGEST_BYTES:
            raise ShapeError(f"a packet is {SMALLEST_BYTES} to {LARGEST_BYTES} bytes long")
        if self.times_s[0] < 0 or list(self.times_s) != sorted(self.times_s) or self.duration_s <= self.times_s[-1]:
            raise ShapeError("frames must be in order of time, and the cycle end after the last")

    @property
    def packets_per_s(self) -> float:
        return len(self.sizes) / self.duration_s


def uniform(packet_bytes: int, burst: int, packets_per_s: float) -> Shape:
    """Give frames of `burst` equal packets, evenly spaced."""
    if burst < 1 or packets_per_s <= 0:
        raise ShapeError("a frame has at least one packet, and some are sent each second")
    frames = max(1, CYCLE_PACKETS // burst)
    period_s = burst / packets_per_s
    times_s = tuple(frame * period_s for frame in range(frames))
    return Shape((packet_bytes,) * (frames * burst), (burst,) * frames, times_s, frames * period_s)


class Layout:
    """A shape worked out: where each packet of a cycle stands."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.packets = len(shape.sizes)
        self.frames = len(shape.frames)
        self.payload_starts = (0, *accumulate(size - RTP_HEADER_BYTES for size in shape.sizes))
        """Bytes of payload before each packet of the cycle, and in all."""
        self.frame_ends = tuple(accumulate(shape.frames))
        """The packet after the last one of each frame."""
        self.frame_of = tuple(frame for frame, count in enumerate(shape.frames) for _ in range(count))

    def frame_at(self, index: int) -> tuple[int, int]:
        """Give the number of the frame that a packet belongs to, counted from the very first, and the frame's end."""
        cycle, place = divmod(index, self.packets)
        frame = self.frame_of[place]
        return cycle * self.frames + frame, cycle * self.packets + self.frame_ends[frame]

    def frame_time_s(self, frame: int) -> float:
        """Say when a frame is due after the start."""
        cycle, place = divmod(frame, self.frames)
        return cycle * self.shape.duration_s + self.shape.times_s[place]

    def frame_packets(self, frame: int) -> tuple[int, int]:
        """Give the first packet of a frame, and how many it has."""
        cycle, place = divmod(frame, self.frames)
        count = self.shape.frames[place]
        return cycle * self.packets + self.frame_ends[place] - count, count
