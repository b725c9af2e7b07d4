"""An interleaved reader that has missed something: which packets it gets nevertheless, and from which on all.

It gets whole frames. The frame with which the burst begins that found no room is sent to its end, as part of it may be
on the wire; then nothing, until a frame comes that a decoder may begin with and for which there is room.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from workers.contract.image import CatchingUpImage
from workers.fanout.burst import Run, packets_of
from workers.rtp.access_points import AccessPoints

_NO_FRAME = -1
"""No RTP timestamp."""


@dataclass(slots=True)
class Episode:
    """What one reader has missed since `since`, in seconds of the loop's clock."""

    since: float
    packets: int = 0
    bytes: int = 0


class SortedBurst:
    """A burst taken apart once for all readers that catch up: each packet with its frame's timestamp (None: it is of no
    frame) and whether a decoder may begin with it."""

    def __init__(self, runs: list[Run], access_points: AccessPoints) -> None:
        self.packets = [packet for run in runs for packet in packets_of(run)]
        self.looks = [access_points.look(packet) for packet in self.packets]
        self.timestamps = {timestamp for timestamp, _ in self.looks}
        self.has_entry = any(entry for _, entry in self.looks)


@dataclass(slots=True)
class CatchingUp:
    """One reader that catches up on one track."""

    episode: Episode
    finishing: int | None = None
    """The timestamp of the frame that it gets to its end; None until the first packet of a frame has come."""
    passed: int | None = None
    """The timestamp of the last frame that it might have begun with, had there been room: never begun half-way."""

    def choose(self, burst: SortedBurst, has_room: Callable[[list[bytes]], bool]) -> tuple[list[bytes], list[bytes]]:
        """Give the packets that must be sent, and those after them that can be: from an access point to the end of the
        burst; empty while there is none, or `has_room` says no."""
        if not burst.has_entry and self.finishing is not None and self.finishing not in burst.timestamps:
            return [], []
        rest_of_frame: list[bytes] = []
        for index, (timestamp, entry) in enumerate(burst.looks):
            if timestamp is None:
                continue
            if self.finishing is None:
                self.finishing = timestamp
            if timestamp == self.finishing:
                rest_of_frame.append(burst.packets[index])
            elif entry and timestamp != self.passed:
                following = list(islice(burst.packets, index, None))
                if has_room(following):
                    return rest_of_frame, following
                self.passed = timestamp
        return rest_of_frame, []

    def image(self) -> CatchingUpImage:
        """Say all that is known, for another worker."""
        return CatchingUpImage(
            self.episode.since, self.episode.packets, self.episode.bytes, self.finishing, self.passed
        )


def caught_in(image: CatchingUpImage) -> CatchingUp:
    """Go on where another worker has stopped."""
    return CatchingUp(Episode(image.since, image.packets, image.bytes), image.finishing, image.passed)


def cut_off(now: float) -> CatchingUp:
    """Begin to wait for an access point, with no frame to be sent to its end."""
    return CatchingUp(Episode(now), finishing=_NO_FRAME)
