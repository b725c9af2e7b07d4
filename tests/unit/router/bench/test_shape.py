"""Shapes and traces: what is sent when."""

from pathlib import Path

import pytest

from router.bench import trace
from router.bench.shape import LARGEST_BYTES, SMALLEST_BYTES, Layout, Shape, ShapeError, uniform
from router.bench.trace import parse


def test_a_uniform_shape_is_evenly_spaced() -> None:
    shape = uniform(1200, 10, 1000)
    assert set(shape.sizes) == {1200}
    assert set(shape.frames) == {10}
    assert shape.packets_per_s == pytest.approx(1000)
    assert shape.times_s[1] == pytest.approx(0.01)


@pytest.mark.parametrize("burst", [1, 10, 256, 400])
def test_frames_are_found_by_their_packets(burst: int) -> None:
    layout = Layout(uniform(100, burst, 1000))
    for frame in (0, 1, layout.frames - 1, layout.frames, 3 * layout.frames + 1):
        first, count = layout.frame_packets(frame)
        assert (first, count) == (frame * burst, burst)
        assert layout.frame_at(first) == (frame, first + count)
        assert layout.frame_at(first + count - 1) == (frame, first + count)
        assert layout.frame_time_s(frame) == pytest.approx(frame * burst / 1000)


@pytest.mark.parametrize(
    ("sizes", "frames", "times_s", "duration_s"),
    [
        ((), (), (), 1.0),
        ((SMALLEST_BYTES - 1,), (1,), (0.0,), 1.0),
        ((LARGEST_BYTES + 1,), (1,), (0.0,), 1.0),
        ((100, 100), (1,), (0.0,), 1.0),
        ((100, 100), (2, 0), (0.0, 0.5), 1.0),
        ((100, 100), (1, 1), (0.5, 0.0), 1.0),
        ((100, 100), (1, 1), (0.0, 0.5), 0.5),
        ((100,) * 16_385, (16_385,), (0.0,), 1.0),
    ],
)
def test_what_cannot_be_sent_is_no_shape(
    sizes: tuple[int, ...], frames: tuple[int, ...], times_s: tuple[float, ...], duration_s: float
) -> None:
    with pytest.raises(ShapeError):
        Shape(sizes, frames, times_s, duration_s)


def test_the_built_in_trace_has_key_frames_of_hundreds_and_small_uneven_packets() -> None:
    shape = trace.load(trace.BUILT_IN)
    assert max(shape.frames) >= 300
    assert sum(count < 20 for count in shape.frames) > 100
    assert min(shape.sizes) < 50
    assert max(shape.sizes) == 1400
    assert shape.duration_s == pytest.approx(4.0, abs=0.05)


def test_a_trace_is_read() -> None:
    shape = parse("# a remark\n\n0: 700 1400x3 20\n40: 100 # another\n")
    assert shape.sizes == (700, 1400, 1400, 1400, 20, 100)
    assert shape.frames == (5, 1)
    assert shape.times_s == (0.0, 0.04)
    assert shape.duration_s == pytest.approx(0.08)


@pytest.mark.parametrize("text", ["", "0: 100", "0 100\n1: 100", "0: 100x\n1: 1", "0: 100x0\n4: 100", "0: 5\n1: 100"])
def test_what_is_no_trace_is_refused(text: str) -> None:
    with pytest.raises(ShapeError):
        parse(text)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ShapeError):
        trace.load(str(path))
