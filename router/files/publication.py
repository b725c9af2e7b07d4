"""A file published to an RTSP server by FFmpeg's RTSP muxer, in real time."""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import av
from av.container import OutputContainer
from av.stream import Stream

from router.files.media_file import MediaFile
from router.files.pace import Pace
from router.files.packetiser import PACKET_BYTES, template_stream
from router.files.passes import Passes, PlacedFrame

OPEN_TIMEOUT_S = 10.0
"""For connecting and the handshake: a server that asks its own hooks takes a while."""
INTERLEAVED_US = 500_000
"""FFmpeg holds a stream's frames for the other streams'; where these are rare, for half a second at the most."""


class PublishError(Exception):
    """The server could not be reached, refused the file, or is gone; the text says which."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a publication is: seconds and frames sent, their bytes, and how often it began anew."""

    position_s: float = 0.0
    frames: int = 0
    bytes: int = 0
    passes: int = 0


class Publication:
    """Publishes one file to one URL; `progress` and `duration_s` (0 where unknown) may be read at any time."""

    def __init__(self, path: Path, url: str, transport: str = "tcp") -> None:
        """Take the URL, whose credentials are used and never shown; `transport` is `tcp` or `udp`.

        Raises:
            PublishError: it is no RTSP URL.
        """
        self.path = path
        self.progress = Progress()
        self.duration_s = 0.0
        self._url = url
        self._transport = transport
        self._last_dts: dict[int, int] = {}
        self.shown_url = _without_password(url)

    def run(self, stop: threading.Event, *, loop: bool = False, connected: Callable[[], None] = lambda: None) -> None:
        """Send the file once, or with `loop` again and again, until `stop` is set; then leave the server in order.

        `connected` is called once the server has accepted it.

        Raises:
            FileError: the file can't be sent.
            PublishError: the server can't be reached, refuses it, or is gone.
        """
        with MediaFile(self.path) as file:
            passes = Passes(file)
            self.duration_s = file.duration_s
            muxer, streams = self._connect(file, passes)
        try:
            connected()
            self._send(muxer, streams, passes, stop, loop)
            muxer.close()
        except av.FFmpegError as error:
            raise PublishError(self._explain(error)) from error
        finally:
            _let_go(muxer)

    def _connect(self, file: MediaFile, passes: Passes) -> tuple[OutputContainer, list[Stream]]:
        url = urlsplit(self._url)
        try:
            socket.getaddrinfo(url.hostname, url.port or 554, type=socket.SOCK_STREAM)
        except OSError as error:  # FFmpeg says "Input/output error" to this
            raise PublishError(f"{self.shown_url}: {url.hostname} has no address: {error.strerror}") from None
        options = {
            "rtsp_transport": self._transport,
            "pkt_size": str(PACKET_BYTES),
            "max_interleave_delta": str(INTERLEAVED_US),
            "avoid_negative_ts": "disabled",
            "strict": "experimental",
        }
        muxer = av.open(self._url, "w", format="rtsp", container_options=options, timeout=OPEN_TIMEOUT_S)
        try:
            streams = [
                template_stream(muxer, stream, encoding.extradata)
                for stream, encoding in zip(file.streams, passes.encodings, strict=True)
            ]
            muxer.start_encoding()
        except (av.FFmpegError, ValueError) as error:
            _let_go(muxer)
            raise PublishError(self._explain(error)) from error
        return muxer, streams

    def _send(
        self, muxer: OutputContainer, streams: list[Stream], passes: Passes, stop: threading.Event, loop: bool
    ) -> None:
        pace: Pace | None = None
        for each in passes.frames(loop=loop):
            due = float(each.place.due)
            pace = pace or Pace(due, time.monotonic(), time.time())
            if stop.wait(max(0.0, pace.wait_s(due, time.monotonic()))):
                return
            self._mux(muxer, streams[each.frame.stream], each)
            self.progress = Progress(
                float(passes.timeline.end(each.frame.stream) - passes.timeline.start),
                self.progress.frames + 1,
                self.progress.bytes + each.frame.packet.size,
                passes.begun - 1,
            )

    def _mux(self, muxer: OutputContainer, stream: Stream, placed: PlacedFrame) -> None:
        packet, place = placed.frame.packet, placed.place
        tick = stream.time_base
        assert tick is not None  # the muxer has set it
        packet.stream, packet.time_base = stream, tick
        due = round(place.due / tick)
        # The muxer wants them to rise; Matroska has none for the first of pictures that are out of order.
        packet.dts = self._last_dts[stream.index] = max(due, self._last_dts.get(stream.index, due - 1) + 1)
        packet.pts = max(round(place.time / tick), packet.dts)
        muxer.mux(packet)

    def _explain(self, error: Exception) -> str:
        said = _SAID.get(type(error)) or _refusal(error) or getattr(error, "strerror", None) or str(error)
        return f"{self.shown_url}: {said}"


_SAID: Mapping[type[Exception], str] = {
    av.error.ConnectionRefusedError: "nobody listens there (connection refused)",
    av.error.HTTPUnauthorizedError: "it wants credentials, or others (401): rtsp://USER:PASSWORD@HOST/PATH",
    av.error.ExitError: f"no answer within {OPEN_TIMEOUT_S:g} s",
    av.error.TimeoutError: "no answer in time",
    av.error.BrokenPipeError: "it closed the connection",
    av.error.ConnectionResetError: "it closed the connection",
    av.error.EOFError: "it closed the connection",
}


def _refusal(error: Exception) -> str:
    """Give the method, the status and what the server says of it: FFmpeg's error itself has the status' kind alone."""
    log = getattr(error, "log", None)  # level, part of FFmpeg, text; PyAV's stub has another type
    found = re.search(r"method (\w+) failed: (\d+ .*)", log[2]) if log else None
    return f"it refuses {found[1]}: {''.join(filter(str.isprintable, found[2]))}" if found else ""


def _let_go(muxer: OutputContainer) -> None:
    with contextlib.suppress(av.FFmpegError):  # of a server that is gone, there is nothing to take leave of
        muxer.close()


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme != "rtsp" or not parts.hostname or port == -1:
        raise PublishError("the URL must be rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH")
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
