"""The frames of a file, once or again and again, each with its place on one time line."""

from collections.abc import Iterator
from dataclasses import dataclass

from router.files.errors import FileBroken, FileChanged
from router.files.media_file import FilePacket, MediaFile
from router.files.timeline import FileTimeline, Place
from router.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PlacedFrame:
    """A frame as it is in the file, and where it stands on the line."""

    frame: FilePacket
    place: Place


class Passes:
    """Reads a file from its beginning to its end, as often as it is asked to; `begun` counts.

    It may be used by one thread at a time.
    """

    def __init__(self, file: MediaFile) -> None:
        """Look what is in the open file; each pass opens it again.

        Raises:
            UnsupportedCodec: a video or audio stream can't be sent as it is.
        """
        self.path = file.path
        self.begun = 0
        self.encodings, self.description = file.describe()
        self.timeline = FileTimeline(len(file.streams), file.start, cuts=file.has_cuts)

    def frames(self, *, loop: bool = False) -> Iterator[PlacedFrame]:
        """Read it once; with `loop`, without an end.

        Raises:
            FileUnreadable, UnsupportedCodec: it can't be opened any more.
            FileChanged: it has other streams than before.
            FileBroken: reading failed; where it loops and something could be read, it only begins anew.
        """
        while True:
            some = False
            try:
                for frame in self._pass():
                    some = True
                    yield frame
                if not some:
                    raise FileBroken(f"{self.path}: it has no frames")
            except FileBroken as error:
                if not loop or not some:
                    raise
                log.warning("file is broken and begins anew", error=str(error))
            if not loop:
                return

    def _pass(self) -> Iterator[PlacedFrame]:
        with MediaFile(self.path) as file:
            if not self._same(file):
                raise FileChanged(f"{self.path}: it has other streams than when it was opened first")
            self.timeline.begin_pass()
            self.begun += 1
            for each in file.packets():
                if not self._is_primer(each):
                    yield PlacedFrame(each, self.timeline.place(each.stream, each.pts, each.dts, each.duration))

    def _is_primer(self, frame: FilePacket) -> bool:
        """Say whether it is sound from before the beginning, which only warms a decoder up."""
        is_sound = self.encodings[frame.stream].kind == "audio"
        return is_sound and frame.pts is not None and frame.pts + frame.duration <= self.timeline.start

    def _same(self, file: MediaFile) -> bool:
        """Compare the streams; the set-up of some is in their packets only."""
        return len(file.encodings) == len(self.encodings) and all(
            new == old or (not new.extradata and new.codec == old.codec)
            for new, old in zip(file.encodings, self.encodings, strict=True)
        )
