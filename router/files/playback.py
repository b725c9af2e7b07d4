"""A file as bursts of RTP packets with the times at which they are due, once or again and again."""

import heapq
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from router.files.errors import FileBroken
from router.files.media_file import FilePacket, MediaFile
from router.files.packetiser import Packetiser
from router.files.passes import Passes

MIXED_S = 1.0
"""MP4 files in use have sound and picture half a second apart, broadcasts less."""
BARREN_PASSES = 16
"""So often a file of a single frame is read before FFmpeg's muxer gives its packets: it waits for up to five of AAC."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a file has been played: seconds and frames, their bytes, and how often it began anew."""

    position_s: float = 0.0
    frames: int = 0
    bytes: int = 0
    passes: int = 0


@dataclass(frozen=True, slots=True)
class FramePackets:
    """The packets of a frame of one media, by its place in the description.

    `due` is when they are to leave and `time` what the last one's RTP timestamp stands for, both in seconds from
    anywhere. `progress` is what was read with this frame.
    """

    media: int
    due: float
    time: float
    packets: Sequence[bytes]
    progress: Progress = Progress()


def in_due_order(bursts: Iterable[FramePackets]) -> Generator[FramePackets]:
    """Put those of different medias in the order in which they are due: files keep them as far as `MIXED_S` apart."""
    waiting: list[tuple[float, int, FramePackets]] = []
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
        with MediaFile(path) as file:
            self.duration_s = file.duration_s
            self._passes = Passes(file)
            self.description = self._passes.description
            self._packetisers = [
                Packetiser(stream, media.formats[0].payload_type, encoding.extradata)
                for stream, encoding, media in zip(
                    file.streams, self._passes.encodings, self.description.medias, strict=True
                )
            ]

    def bursts(self, *, loop: bool = False) -> Iterator[FramePackets]:
        """Play it from its beginning; with `loop`, without an end.

        Raises:
            FileUnreadable, UnsupportedCodec: it can't be opened any more.
            FileChanged: it has other streams than before.
            FileBroken: reading failed; where it loops and something could be read, it only begins anew. Or FFmpeg makes
                no packets of it, however often.
        """
        fruitful = self._passes.begun
        held: dict[int, FilePacket] = {}
        timeline, size, progress = self._passes.timeline, 0, Progress()
        for frames, each in enumerate(self._passes.frames(loop=loop), 1):
            stream, place = each.frame.stream, each.place
            size += each.frame.packet.size
            position = float(timeline.end(stream) - timeline.start)
            progress = Progress(position, frames, size, self._passes.begun - 1)
            packets, time = self._packetisers[stream].packetise(each.frame.packet, place.time)
            if packets:
                fruitful = self._passes.begun
                yield FramePackets(stream, float(place.due), float(time), packets, progress)
            elif self._passes.begun - fruitful > BARREN_PASSES:
                raise FileBroken(f"{self._passes.path}: FFmpeg makes no RTP packets of it, see its own log")
            if packets and time >= place.time:
                held.pop(stream, None)
            else:
                held[stream] = each.frame
        for frame in held.values():
            yield from self._rest(frame, progress)

    def close(self) -> None:
        for each in self._packetisers:
            each.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _rest(self, frame: FilePacket, progress: Progress) -> Iterator[FramePackets]:
        """Have the muxer give the last frame that it holds, which it does when one comes after it: the same again."""
        end = self._passes.timeline.end(frame.stream)
        packets, time = self._packetisers[frame.stream].packetise(frame.packet, end)
        if packets:
            yield FramePackets(frame.stream, float(end), float(time), packets, progress)
