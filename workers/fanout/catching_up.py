"""An interleaved reader that has missed something: which packets it gets nevertheless, and from which on all.

It gets whole frames. The frame with which the burst begins that found no room is sent to its end, as part of it may be
on the wire; then nothing, until a frame comes that a decoder may begin with and for which there is room.
"""

from collections.abc import Callable, Sequence
from itertools import islice

from workers.contract.image import CatchingUpImage
from workers.fanout.burst import Run, packets_of
from workers.rtp.access_points import AccessPoints

_NO_FRAME = -1
"""No RTP timestamp."""


class SortedBurst:
    """A burst taken apart once for all readers that catch up: each packet with its frame's timestamp (None: it is of no
    frame) and whether a decoder may begin with it."""

    def __init__(self, runs: Sequence[Run], access_points: AccessPoints) -> None:
        self.packets = [packet for run in runs for packet in packets_of(run)]
        self.looks = [access_points.look(packet) for packet in self.packets]
        self.timestamps = {timestamp for timestamp, _ in self.looks}
        self.has_entry = any(entry for _, entry in self.looks)


def choose(
    state: CatchingUpImage, burst: SortedBurst, has_room: Callable[[list[bytes]], bool]
) -> tuple[list[bytes], list[bytes]]:
    """Give the packets that must be sent, and those after them that can be: from an access point to the end of the
    burst; empty while there is none, or `has_room` says no."""
    if not burst.has_entry and state.finishing is not None and state.finishing not in burst.timestamps:
        return [], []
    rest_of_frame: list[bytes] = []
    for index, (timestamp, entry) in enumerate(burst.looks):
        if timestamp is None:
            continue
        if state.finishing is None:
            state.finishing = timestamp
        if timestamp == state.finishing:
            rest_of_frame.append(burst.packets[index])
        elif entry and timestamp != state.passed:
            following = list(islice(burst.packets, index, None))
            if has_room(following):
                return rest_of_frame, following
            state.passed = timestamp
    return rest_of_frame, []


def cut_off(now: float) -> CatchingUpImage:
    """Begin to wait for an access point, with no frame to be sent to its end."""
    return CatchingUpImage(now, finishing=_NO_FRAME)
