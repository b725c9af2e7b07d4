"""Small films in every container and encoding, made with PyAV: no program is needed."""

import array
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

WIDTH, HEIGHT, FRAMES_PER_S = 96, 64, 25
SAMPLE_RATE = 48_000
BLOCK = 960
"""Samples in one audio frame as it is made: a whole number of them is a picture's time."""


def make_film(
    path: Path, video: str | None = "libx264", audio: str | None = "aac", *, frames: int = 50, **options: str
) -> Path:
    """Encode `frames` pictures, each unlike the rest, and a tone of the same length; `options` are the video's."""
    with av.open(path, "w") as file:
        pictures = _add_video(file, video, options) if video else None
        sound: Any = file.add_stream(audio, SAMPLE_RATE) if audio else None
        if sound is not None:
            sound.codec_context.layout = "mono"
        for number in range(frames):
            if pictures is not None:
                file.mux(pictures.encode(picture(number)))
            if sound is not None:
                for half in range(SAMPLE_RATE // FRAMES_PER_S // BLOCK):
                    file.mux(sound.encode(tone(number * 2 + half)))
        for each in (pictures, sound):
            if each is not None:
                file.mux(each.encode(None))
    return path


def picture(number: int) -> av.VideoFrame:
    """Draw a gradient that moves on with each number."""
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    for index, plane in enumerate(frame.planes):
        line = bytes((x * 2 + number * 3 + index * 40) % 256 for x in range(plane.line_size))
        plane.update(line * plane.height)
    frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_S)
    return frame


def tone(number: int) -> av.AudioFrame:
    """Give one block of a tone that rises with time."""
    start = number * BLOCK
    samples = (math.sin(440 * (t := (start + each) / SAMPLE_RATE) * (1 + t)) for each in range(BLOCK))
    frame = av.AudioFrame("s16", "mono", BLOCK)
    frame.planes[0].update(array.array("h", (int(each * 8000) for each in samples)).tobytes())
    frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
    return frame


def _add_video(file: Any, codec: str, options: dict[str, str]) -> Any:
    stream = file.add_stream(codec, FRAMES_PER_S)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    if codec == "mjpeg":
        stream.pix_fmt, stream.codec_context.color_range = "yuvj420p", 2
    stream.codec_context.gop_size = 12
    stream.codec_context.options = options
    return stream
