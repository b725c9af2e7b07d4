"""Recorded traces: what a real encoder sent, as sizes and times of its packets.

One line for each picture: its time in milliseconds, a colon, and the sizes of its RTP packets in bytes; `1400x12` are
twelve of 1,400. What follows a `#` is a remark. The trace begins again at its end.
"""

import re
from importlib.resources import files
from pathlib import Path

from router.bench.shape import Shape, ShapeError

BUILT_IN = "x264"
_LINE = re.compile(r"(\d+(?:\.\d+)?):((?: +\d{1,5}(?:x\d{1,4})?)+)")


def load(name: str) -> Shape:
    """Read a trace: the built-in one by its name `x264`, any other by its path.

    Raises:
        ShapeError: it is no trace, or none that can be sent.
        OSError: the file can't be read.
    """
    if name == BUILT_IN:
        return parse(files("router.bench").joinpath("data", "x264-low-latency.trace").read_text("utf-8"))
    try:
        return parse(Path(name).read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise ShapeError("not a text") from error


def parse(text: str) -> Shape:
    """Read the lines of a trace. Raises ShapeError."""
    sizes: list[int] = []
    frames: list[int] = []
    times_s: list[float] = []
    for number, line in enumerate(text.splitlines(), 1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        match = _LINE.fullmatch(content)
        if match is None:
            raise ShapeError(f"line {number}: not TIME: SIZE SIZE SIZExCOUNT ...")
        before = len(sizes)
        for item in match[2].split():
            size, _, count = item.partition("x")
            sizes += [int(size)] * int(count or 1)
        if len(sizes) == before:
            raise ShapeError(f"line {number}: no packets")
        frames.append(len(sizes) - before)
        times_s.append(float(match[1]) / 1000)
    if len(frames) < 2:
        raise ShapeError("a trace has two pictures or more: how long the last one lasts is taken from the others")
    first_s = times_s[0]
    times_s = [each - first_s for each in times_s]
    duration_s = times_s[-1] * len(frames) / (len(frames) - 1)
    return Shape(tuple(sizes), tuple(frames), tuple(times_s), duration_s)
