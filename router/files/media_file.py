"""A file as FFmpeg reads it: which of its streams are sent, their description, their packets."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
from av.audio.codeccontext import AudioCodecContext
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream

from router.description import DescriptionError, Media, SessionDescription
from router.files.errors import FileBroken, FileUnreadable, UnsupportedCodec
from router.files.formats import FIRST_DYNAMIC, Encoding, is_supported, media_of, supported
from router.logs import get_logger
from workers.contract.parts import MAX_TRACKS

log = get_logger(__name__)

SEARCHED_PACKETS = 2000
"""So many are read for the set-up of AAC that has none in the file's head: seconds of any broadcast recording."""


_TS_DISCONT = 0x0200
"""FFmpeg's AVFMT_TS_DISCONT, of a format."""


@dataclass(frozen=True, slots=True)
class FilePacket:
    """One frame, as it is in the file: which of the streams it is of, and its times in seconds of the file."""

    stream: int
    packet: "Packet[Any]"  # only its stubs have a parameter
    pts: Fraction | None
    dts: Fraction | None
    duration: Fraction


class MediaFile:
    """An open file. `streams` are those that are sent, `encodings` what its head says of them.

    It may be used by one thread at a time.
    """

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            FileUnreadable: it isn't there, may not be read, is no media, or has neither video nor audio.
        """
        self.path = path
        self._container = _open(path)
        try:
            self.streams = self._select()
            self.encodings = tuple(_encoding(each) for each in self.streams)
        except BaseException:
            self.close()
            raise

    @property
    def start(self) -> Fraction:
        """The time in the file at which it is to begin, in seconds."""
        return Fraction(self._container.start_time or 0, av.time_base)

    @property
    def duration_s(self) -> float:
        """How long it is; 0 where its head doesn't say."""
        return (self._container.duration or 0) / av.time_base

    @property
    def has_cuts(self) -> bool:
        """Whether the time in files of this kind may jump."""
        return bool(self._container.format.flags & _TS_DISCONT)

    def packets(self) -> Iterator[FilePacket]:
        """Read it from where it is to its end.

        Raises:
            FileBroken: FFmpeg can't go on.
        """
        filters = [BitStreamFilterContext("aac_adtstoasc", each) if _is_adts(each) else None for each in self.streams]
        numbers = {each.index: number for number, each in enumerate(self.streams)}
        try:
            for packet in self._container.demux(list(self.streams)):
                if not packet.size:  # the end of a stream
                    continue
                number, base = numbers[packet.stream_index], packet.time_base
                pts, dts = (None if each is None else each * base for each in (packet.pts, packet.dts))
                duration = (packet.duration or 0) * base
                bare = filters[number]
                for each in [packet] if bare is None else bare.filter(packet):
                    yield FilePacket(number, each, pts, dts, duration)
        except av.FFmpegError as error:
            raise FileBroken(f"{self.path}: {error.strerror}") from error

    def describe(self) -> tuple[tuple[Encoding, ...], SessionDescription]:
        """Say what is sent of it, with the set-up that some streams have in their packets; this moves on in the file.

        Raises:
            UnsupportedCodec: a video or audio stream can't be sent as it is.
        """
        if self._left_out:
            log.info("streams left out", file=str(self.path), streams=", ".join(map(_name, self._left_out)))
        unsupported = [number for number, each in enumerate(self.encodings) if not is_supported(each)]
        if unsupported:
            raise UnsupportedCodec(
                f"{self.path}: {_name(self.streams[unsupported[0]])} is not sent over RTP as it is;"
                f" make it one of {supported()}, with ffmpeg for example"
            )
        setups = self._find_setups()
        encodings = tuple(
            replace(each, extradata=setups.get(number, each.extradata)) for number, each in enumerate(self.encodings)
        )
        medias = [self._media(number, each) for number, each in enumerate(encodings)]
        title = "".join(each for each in self.path.name if each.isprintable())
        return encodings, SessionDescription(medias, title=title)

    def close(self) -> None:
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _select(self) -> Sequence[Stream]:
        chosen: list[Stream] = []
        self._left_out: list[Stream] = []
        for each in self._container.streams:
            is_picture = bool(each.disposition & Disposition.attached_pic)
            wanted = each.type in ("video", "audio") and not is_picture
            (chosen if wanted else self._left_out).append(each)
        if not chosen:
            raise FileUnreadable(f"{self.path}: it has neither video nor audio")
        if len(chosen) > MAX_TRACKS:
            raise FileUnreadable(f"{self.path}: it has {len(chosen)} video and audio streams; {MAX_TRACKS} is the most")
        return chosen

    def _find_setups(self) -> dict[int, bytes]:
        missing = {number for number, each in enumerate(self.streams) if _is_adts(each)}
        found: dict[int, bytes] = {}
        if not missing:
            return found
        with suppress(FileBroken):
            for each in islice(self.packets(), SEARCHED_PACKETS):
                if each.stream in missing and each.packet.has_sidedata("new_extradata"):
                    found[each.stream] = bytes(each.packet.get_sidedata("new_extradata"))
                    missing.remove(each.stream)
                if not missing:
                    break
        return found

    def _media(self, number: int, encoding: Encoding) -> Media:
        try:
            return media_of(encoding, FIRST_DYNAMIC + number)
        except DescriptionError as error:
            raise UnsupportedCodec(f"{self.path}: {_name(self.streams[number])} can't be described: {error}") from error


def _open(path: Path) -> InputContainer:
    if not path.is_file():  # FFmpeg would take what looks like a URL, and open devices and directories
        raise FileUnreadable(f"{path}: {'it is no file' if path.exists() else 'there is no such file'}")
    try:
        return av.open(f"file:{path}", "r")
    except av.error.InvalidDataError as error:
        raise FileUnreadable(f"{path}: it is no media that FFmpeg knows, or cut off: {error.strerror}") from error
    except (av.FFmpegError, OSError) as error:
        raise FileUnreadable(f"{path}: {error.strerror}") from error


def _codec(stream: Stream) -> str:
    # There is no context where FFmpeg has no decoder, which its types don't tell.
    context: object = stream.codec_context
    return stream.codec_context.codec.canonical_name if context is not None else "unknown"


def _name(stream: Stream) -> str:
    return f"stream #{stream.index} ({stream.type}, {_codec(stream)})"


def _encoding(stream: Stream) -> Encoding:
    context = stream.codec_context
    extradata = bytes(context.extradata or b"") if context is not None else b""
    if isinstance(context, AudioCodecContext):
        return Encoding("audio", _codec(stream), extradata, context.sample_rate, context.channels)
    return Encoding(stream.type, _codec(stream), extradata)


def _is_adts(stream: Stream) -> bool:
    """Say whether it is AAC with its set-up in each packet, which RTP sends without."""
    return _codec(stream) == "aac" and not stream.codec_context.extradata
