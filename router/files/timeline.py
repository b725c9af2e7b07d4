"""The time of a file's packets when it is played again and again: one line without jumps, all in seconds."""

from dataclasses import dataclass, field
from fractions import Fraction

JUMP_S = 10
"""Broadcast recordings jump by more than this where they were cut; FFmpeg's `dts_delta_threshold` is the same."""


@dataclass(frozen=True, slots=True)
class Place:
    """When a frame is shown, and when its packets are due: before that where frames are not in order."""

    time: Fraction
    due: Fraction


@dataclass(slots=True)
class _Track:
    offset: Fraction = Fraction(0)
    """From the file's time to the line's."""
    due: Fraction | None = None
    end: Fraction | None = None
    """Of its last frame, on the line."""


@dataclass(slots=True)
class FileTimeline:
    """Places the packets of `count` streams of a file whose own time begins at `start`.

    The same offset holds for all streams, from one pass to the next: sound and picture stay together where one of
    them is shorter. With `cuts`, streams that jump by more than `JUMP_S` go on without a gap instead.
    """

    count: int
    start: Fraction
    cuts: bool = False
    _tracks: list[_Track] = field(init=False)

    def __post_init__(self) -> None:
        self._tracks = [_Track() for _ in range(self.count)]

    def begin_pass(self) -> None:
        """Begin the file anew: where its longest stream ended."""
        ends = [track.end for track in self._tracks if track.end is not None]
        offset = max(ends, default=self.start) - self.start
        self._tracks = [_Track(offset=offset) for _ in self._tracks]

    def place(self, stream: int, pts: Fraction | None, dts: Fraction | None, duration: Fraction = Fraction(0)) -> Place:
        """Place one packet, by its times in the file; where one is missing, the others stand in."""
        track = self._tracks[stream]
        if pts is None:
            pts = dts
        if pts is None:  # raw streams have no times: each frame follows the one before
            pts = (track.end - track.offset) if track.end is not None else self.start
        if self.cuts and track.end is not None:
            self._join(track, pts if dts is None else dts)
        time = pts + track.offset
        due = dts + track.offset if dts is not None else time if track.due is None else track.due
        track.due = due if track.due is None else max(due, track.due)
        track.end = time + duration if track.end is None else max(track.end, time + duration)
        return Place(time, track.due)

    def end(self, stream: int) -> Fraction:
        """Say when the stream's last frame ends, on the line."""
        end = self._tracks[stream].end
        return self.start if end is None else end

    def _join(self, track: _Track, at: Fraction) -> None:
        expected = track.due if track.due is not None else Fraction(0)
        if abs(at + track.offset - expected) <= JUMP_S:
            return
        # Where another stream has passed the cut already, this one goes with it, and they stay together.
        others = [each.offset for each in self._tracks if abs(at + each.offset - expected) <= JUMP_S]
        track.offset = others[0] if others else expected - at
