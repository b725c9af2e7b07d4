"""A file as bursts of RTP packets with the times at which they are due, once or again and again."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from router.files.errors import FileBroken, FileChanged
from router.files.media_file import FilePacket, MediaFile
from router.files.packetiser import Packetiser
from router.files.timeline import Timeline
from router.logs import get_logger

log = get_logger(__name__)

MIXED_S = 1.0
"""MP4 files in use have sound and picture half a second apart, broadcasts less."""


@dataclass(frozen=True, slots=True)
class Burst:
    """The packets of a frame of one media, by its place in the description.

    `due` is when they are to leave and `time` what their RTP timestamp stands for, both in seconds from anywhere.
    """

    media: int
    due: float
    time: float
    packets: Sequence[bytes]


def in_due_order(bursts: Iterable[Burst]) -> Iterator[Burst]:
    """Put those of different medias in the order in which they are due: files keep them as far as `MIXED_S` apart."""
    waiting: list[tuple[float, int, Burst]] = []
    for number, burst in enumerate(bursts):
        heapq.heappush(waiting, (burst.due, number, burst))
        while burst.due - waiting[0][0] > MIXED_S:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


class Playback:
    """A file to be played: timestamps and sequence numbers go on from one pass to the next, for as long as it lives.

    It may be used by one thread at a time.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, look what is in it, and close it again.

        Raises:
            FileUnreadable: it isn't there, may not be read, is no media, or has neither video nor audio.
            UnsupportedCodec: a video or audio stream can't be sent as it is.
        """
        self.path = path
        with MediaFile(path) as file:
            self._encodings, self.description = file.describe()
            self._timeline = Timeline(len(file.streams), file.start, cuts=file.has_cuts)
            self._packetisers = [
                Packetiser(stream, media.formats[0].payload_type, encoding.extradata)
                for stream, encoding, media in zip(file.streams, self._encodings, self.description.medias, strict=True)
            ]

    def bursts(self, *, loop: bool = False) -> Iterator[Burst]:
        """Play it from its beginning; with `loop`, without an end.

        Raises:
            FileUnreadable, UnsupportedCodec: it can't be opened any more.
            FileChanged: it has other streams than before.
            FileBroken: reading failed; where it loops and something could be read, it only begins anew.
        """
        while True:
            some = False
            try:
                for burst in self._pass(last=not loop):
                    some = True
                    yield burst
                if not some:
                    raise FileBroken(f"{self.path}: it has no frames")
            except FileBroken as error:
                if not loop or not some:
                    raise
                log.warning("file is broken and begins anew", error=str(error))
            if not loop:
                return

    def close(self) -> None:
        """Let go of the muxers."""
        for each in self._packetisers:
            each.close()

    def __enter__(self) -> Self:
        """Give it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _pass(self, *, last: bool) -> Iterator[Burst]:
        with MediaFile(self.path) as file:
            if not self._same(file):
                raise FileChanged(f"{self.path}: it has other streams than when it was opened first")
            self._timeline.begin_pass()
            held: dict[int, FilePacket] = {}
            for each in file.packets():
                if self._is_primer(each, file.start):
                    continue
                place = self._timeline.place(each.stream, each.pts, each.dts, each.duration)
                packets, time = self._packetisers[each.stream].packetise(each.packet, place.time)
                if packets:
                    yield Burst(each.stream, float(place.due), float(time), packets)
                if packets and time == place.time:
                    held.pop(each.stream, None)
                else:
                    held[each.stream] = each
            for frame in held.values() if last else ():
                yield from self._rest(frame)

    def _is_primer(self, frame: FilePacket, start: Fraction) -> bool:
        """Say whether it is sound from before the beginning, which only warms a decoder up."""
        is_sound = self._encodings[frame.stream].kind == "audio"
        return is_sound and frame.pts is not None and frame.pts + frame.duration <= start

    def _same(self, file: MediaFile) -> bool:
        """Compare the streams; the set-up of some is in their packets only."""
        return len(file.encodings) == len(self._encodings) and all(
            new == old or (not new.extradata and new.codec == old.codec)
            for new, old in zip(file.encodings, self._encodings, strict=True)
        )

    def _rest(self, frame: FilePacket) -> Iterator[Burst]:
        """Have the muxer give the last frame that it holds, which it does when one comes after it: the same again."""
        end = self._timeline.end(frame.stream)
        packets, time = self._packetisers[frame.stream].packetise(frame.packet, end)
        if packets:
            yield Burst(frame.stream, float(end), float(time), packets)
