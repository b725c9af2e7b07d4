"""Real encoders and players: ffmpeg and GStreamer as publishers and readers."""

import hashlib
import os
import select
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

import pytest

from tests.support.clip import AUDIO_FRAME_BYTES, FRAME_MD5, VIDEO_FRAME_BYTES, Clip, Frames, frame_hashes
from tests.support.waiting import Deadline

REQUIRED = os.environ.get("TRUNKLINE_TESTS_REQUIRE_MEDIA") == "1"
DECODERS = {"GST_PLUGIN_FEATURE_RANK": "avdec_aac:MAX,avdec_aac_latm:MAX,faad:NONE"}
"""Both tools decode with the same library: other AAC decoders round differently."""
READ_TIMEOUT_S = 40.0
"""For a reader's start, the next key frame and the frames asked for, on busy cores."""


def need_media() -> None:
    """Skip the test where ffmpeg or GStreamer is missing, or fail it where they are required."""
    missing = [
        name for name in ("ffmpeg", "ffprobe", "gst-launch-1.0", "gst-inspect-1.0") if shutil.which(name) is None
    ]
    if not missing:
        elements = ("rtspclientsink", "rtspsrc", "rtph264depay", "avdec_h264", "avdec_aac", "qtdemux", "h264parse")
        missing = [each for each in elements if subprocess.run(["gst-inspect-1.0", "--exists", each]).returncode != 0]
    if missing and REQUIRED:
        pytest.fail(f"media tools are required and missing: {', '.join(missing)}")
    if missing:
        pytest.skip(f"media tools are missing: {', '.join(missing)}")


class Program:
    """A media program that runs until it is ended; its standard error is shown when something fails."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # open for as long as the program runs
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            env=os.environ | DECODERS,
        )

    @property
    def errors(self) -> str:
        """What it wrote to standard error."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def describe(self) -> str:
        """Name the program with its state and errors, for a failure's report."""
        return f"{' '.join(self.command)}\nexit code {self.process.poll()}\n{self.errors[-3000:]}"

    def read_output(self, deadline: Deadline) -> bytes:
        """Read some of its output; empty at its end.

        Raises:
            AssertionError: if nothing comes by the deadline.
        """
        assert self.process.stdout is not None
        poll = select.poll()
        poll.register(self.process.stdout, select.POLLIN | select.POLLHUP)
        assert poll.poll(deadline.left_s * 1000), f"no output in time from {self.describe()}"
        return self.process.stdout.read(1 << 20) or b""

    def interrupt(self, timeout_s: float = 10.0) -> int:
        """Ask it to end in order, and return its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._errors.close()

    def __enter__(self) -> "Program":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(self.describe())
        self.kill()


def publish(tool: str, clip: Clip, url: str, transport: str) -> Program:
    """Start publishing the clip in real time with `ffmpeg` or `gst`, over `udp` or `tcp`."""
    if tool == "ffmpeg":
        source = ["-re", "-i", str(clip.path), "-c", "copy"]
        return Program(["ffmpeg", "-v", "info", "-nostats", *source, "-f", "rtsp", "-rtsp_transport", transport, url])
    pipeline = (
        f"filesrc location={clip.path} ! qtdemux name=d "
        "d.video_0 ! queue ! h264parse ! sink.sink_0 d.audio_0 ! queue ! aacparse ! sink.sink_1 "
        f"rtspclientsink name=sink location={url} protocols={transport}"
    )
    return Program(["gst-launch-1.0", *pipeline.split()])


def probe(url: str) -> list[str]:
    """Ask ffprobe for the codecs of all streams, sorted."""
    command = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=READ_TIMEOUT_S, check=True)
    return sorted(done.stdout.split())


def read(tool: str, url: str, transport: str, *, video: int, audio: int = 0) -> Frames:
    """Read and decode with `ffmpeg` or `gst` over `udp` or `tcp` until so many frames have come."""
    reader = read_ffmpeg if tool == "ffmpeg" else read_gst
    return reader(url, transport, video=video, audio=audio)


def read_ffmpeg(url: str, transport: str, *, video: int, audio: int = 0) -> Frames:
    """Decode with ffmpeg; a transport of "" leaves the choice to it."""
    choice = ["-rtsp_transport", transport] if transport else []
    deadline, output = Deadline(READ_TIMEOUT_S), b""
    with Program(["ffmpeg", "-v", "warning", "-nostats", *choice, "-i", url, *FRAME_MD5]) as program:
        while True:
            data = program.read_output(deadline)
            output += data
            frames = frame_hashes(output[: output.rfind(b"\n") + 1].decode().splitlines())
            if len(frames.video) >= video and len(frames.audio) >= audio:
                return frames
            assert data, f"ended after {len(frames.video)} pictures"
            assert not deadline.passed, f"only {len(frames.video)} pictures and {len(frames.audio)} of sound in time"


def read_gst(url: str, transport: str, *, video: int, audio: int = 0) -> Frames:
    """Decode with GStreamer."""
    deadline, pictures = Deadline(READ_TIMEOUT_S), bytearray()
    with tempfile.TemporaryDirectory() as directory:
        sound = Path(directory) / "sound"
        pipeline = (
            f"rtspsrc location={url} protocols={transport} latency=300 name=src "
            "src. ! application/x-rtp,media=video ! rtph264depay wait-for-keyframe=true ! h264parse ! avdec_h264 "
            "! video/x-raw,format=I420 ! fdsink fd=1 sync=false "
            "src. ! application/x-rtp,media=audio ! decodebin ! audio/x-raw,format=F32LE "
            f"! filesink location={sound} buffer-mode=unbuffered sync=false"
        )
        with Program(["gst-launch-1.0", "-q", *pipeline.split()]) as program:
            while len(pictures) < video * VIDEO_FRAME_BYTES or _size(sound) < audio * AUDIO_FRAME_BYTES:
                data = program.read_output(deadline)
                assert data, f"ended after {len(pictures) // VIDEO_FRAME_BYTES} pictures"
                assert not deadline.passed, f"only {len(pictures)} bytes of pictures, {_size(sound)} of sound in time"
                pictures += data
            return Frames(
                _hash_frames(bytes(pictures), VIDEO_FRAME_BYTES), _hash_frames(sound.read_bytes(), AUDIO_FRAME_BYTES)
            )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _hash_frames(data: bytes, size: int) -> tuple[str, ...]:
    starts = range(0, len(data) - size + 1, size)
    return tuple(hashlib.md5(data[start : start + size]).hexdigest() for start in starts)
