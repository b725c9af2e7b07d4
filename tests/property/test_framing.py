"""However a stream is cut, its items are the same."""

from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.router.rtsp.cases import REQUESTS
from workers.framing import Broken, FramingLimits, Item, Splitter, frame, joined

LIMITS = FramingLimits(line_bytes=100, head_bytes=300, body_bytes=700)

frames = st.builds(frame, st.integers(0, 255), st.binary(max_size=300))
messages = st.sampled_from([case.wire for case in REQUESTS])
blanks = st.sampled_from([b"\r\n", b"\n", b"\r\n\r\n"])
streams = st.lists(st.one_of(frames, messages, blanks, st.binary(max_size=40)), max_size=8).map(b"".join)
cuts = st.lists(st.integers(0, 2000), max_size=12)


def _feed(data: bytes, cuts: list[int]) -> tuple[list[Item], bytes]:
    splitter = Splitter(LIMITS)
    bounds = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    items = [item for start, end in pairwise(bounds) for item in splitter.feed(data[start:end])]
    return items, splitter.unread


@settings(max_examples=300, deadline=None)
@given(streams, cuts)
@example(b"X * RTSP/1.0\r\nA: b\r\n\r\nY", [21, 22, 23])
@example(b"X * RTSP/1.0\r\nContent-Length: 3\r\n\r\nabcY", [34, 35, 37])
@example(b"\n" * 1025, [1024])
@example(b"x" * 100, [99])
def test_items_are_the_same_however_the_bytes_are_cut(data: bytes, cuts: list[int]) -> None:
    whole = _feed(data, [])

    assert _feed(data, cuts) == whole
    assert _feed(data, list(range(len(data)))) == whole


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(frames, messages), max_size=8), cuts)
def test_nothing_is_lost_of_what_is_well_formed(parts: list[bytes], cuts: list[int]) -> None:
    items, unread = _feed(b"".join(parts), cuts)

    assert len(items) == len(parts)
    assert joined(item for item in items if not isinstance(item, Broken)) == b"".join(parts)
    assert unread == b""


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=3000))
def test_any_bytes_are_items_or_the_end(data: bytes) -> None:
    items, unread = _feed(data, [])

    assert not any(isinstance(item, Broken) for item in items[:-1])
    assert len(unread) <= 4 + 65535
    assert len(unread) + len(joined(item for item in items if not isinstance(item, Broken))) <= len(data)
