"""The clip that real encoders publish, and what a perfect reader decodes of it."""

import fcntl
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WIDTH, HEIGHT, FRAMES_PER_S = 192, 144, 25
CLIP_S = 60
"""Longer than any test publishes: a loop would leave a seam in the time stamps."""
KEY_FRAME_EVERY = 12
VIDEO_FRAME_BYTES = WIDTH * HEIGHT * 3 // 2
AUDIO_FRAME_BYTES = 1024 * 4
"""An AAC frame of mono float samples."""

AUDIO_SETTLES_AFTER = 8
"""An AAC frame overlaps the one before, so the first after joining is not whole; GStreamer's depayloader calls each
frame of the first packet (seven of ffmpeg's) a discontinuity, which makes all of them first ones."""


@dataclass(frozen=True)
class Frames:
    """Hashes of decoded frames, in order."""

    video: tuple[str, ...]
    audio: tuple[str, ...]


@dataclass(frozen=True)
class Clip:
    """The file, and the hashes of all its frames as ffmpeg decodes them from the file."""

    path: Path
    frames: Frames

    def check(self, got: Frames, *, video: int, audio: int = 0) -> None:
        """Assert that a gapless part of the clip was decoded, of at least so many frames."""
        assert len(got.video) >= video, f"{len(got.video)} video frames of {video}"
        _check_run(got.video, self.frames.video, "video")
        assert len(got.audio) >= audio, f"{len(got.audio)} audio frames of {audio}"
        _check_run(got.audio[AUDIO_SETTLES_AFTER:], self.frames.audio, "audio")


def _check_run(got: Sequence[str], whole: Sequence[str], what: str) -> None:
    if not got:
        return
    assert got[0] in whole, f"the first {what} frame is none of the clip's"
    start = whole.index(got[0])
    wrong = [index for index, each in enumerate(got) if each != whole[start + index]]
    assert not wrong, f"{what} frames {wrong[:20]} of {len(got)} differ from the clip's, starting at its {start}"


def frame_hashes(lines: Sequence[str]) -> Frames:
    """Read the lines of ffmpeg's framemd5 of a video and an audio stream."""
    rows = [line.replace(" ", "").split(",") for line in lines if line and not line.startswith("#")]
    return Frames(
        tuple(row[-1] for row in rows if row[0] == "0"),
        tuple(row[-1] for row in rows if row[0] == "1"),
    )


FRAME_MD5 = (
    "-map", "0:v", "-map", "0:a", "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-c:a", "pcm_f32le",
    "-flush_packets", "1", "-f", "framemd5", "-",
)  # fmt: skip
"""ffmpeg's arguments for hashes of decoded frames on standard output."""


def make_clip(directory: Path) -> Clip:
    """Make the clip once for all test processes that share `directory`."""
    path, hashes = directory / "clip.mp4", directory / "clip.framemd5"
    with (directory / "clip.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not hashes.exists():
            subprocess.run(_encode(path), check=True, timeout=100)
            decoded = subprocess.run(
                ["ffmpeg", "-v", "error", "-i", str(path), *FRAME_MD5], check=True, timeout=100, stdout=subprocess.PIPE
            )
            hashes.write_bytes(decoded.stdout)
    frames = frame_hashes(hashes.read_text().splitlines())
    assert len(frames.video) == len(set(frames.video)) == CLIP_S * FRAMES_PER_S, "each picture must be unlike the rest"
    return Clip(path, frames)


def _encode(path: Path) -> list[str]:
    return [
        "ffmpeg", "-y", "-v", "error",
        "-f", "lavfi", "-i", f"testsrc2=size={WIDTH}x{HEIGHT}:rate={FRAMES_PER_S}:duration={CLIP_S}",
        "-f", "lavfi", "-i", f"aevalsrc=sin(440*t*(1+t/30)):sample_rate=48000:duration={CLIP_S}",
        "-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", str(KEY_FRAME_EVERY), "-sc_threshold", "0",
        "-pix_fmt", "yuv420p", "-b:v", "300k", "-c:a", "aac", "-ac", "1", "-b:a", "64k", "-aac_pns", "0", str(path),
    ]  # fmt: skip
