"""The byte stream of a connection, cut into frames and messages."""

import pytest

from tests.unit.router.rtsp.cases import REQUESTS
from workers.framing import Broken, FramingLimits, Item, Splitter, frame, joined

LIMITS = FramingLimits(line_bytes=64, head_bytes=128, body_bytes=32)
REQUEST = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
WITH_BODY = b"SET_PARAMETER * RTSP/1.0\r\nCSeq: 2\r\nContent-Length: 5\r\n\r\nhello"


def _split(data: bytes, limits: FramingLimits = LIMITS) -> list[Item]:
    return Splitter(limits).feed(data)


def _one_by_one(data: bytes, limits: FramingLimits = LIMITS) -> list[Item]:
    splitter = Splitter(limits)
    return [item for index in range(len(data)) for item in splitter.feed(data[index : index + 1])]


def _message(head_bytes: int, body_bytes: int = 0) -> bytes:
    start = b"PLAY * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: %04d\r\nX: " % body_bytes
    return start + b"x" * (head_bytes - len(start) - 4) + b"\r\n\r\n" + b"b" * body_bytes


def test_messages_and_frames_come_out_in_their_order() -> None:
    data = REQUEST + frame(0, b"rtp") + frame(1, b"") + WITH_BODY + frame(255, b"$$\r\n\r\n") + REQUEST

    items: list[Item] = [REQUEST, (0, b"rtp"), (1, b""), WITH_BODY, (255, b"$$\r\n\r\n"), REQUEST]
    assert _split(data) == _one_by_one(data) == items


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.name)
def test_real_requests_come_out_whole(case: object) -> None:
    wire: bytes = case.wire  # type: ignore[attr-defined]  # a RequestCase, which lambda ids hide

    assert _split(wire * 2, FramingLimits()) == _one_by_one(wire * 2, FramingLimits()) == [wire, wire]


def test_the_largest_frame_comes_out_whole() -> None:
    payload = bytes(65535)

    assert _split(frame(7, payload)) == [(7, payload)]
    with pytest.raises(OverflowError):
        frame(7, payload + b"x")


def test_lines_may_end_with_lf_alone() -> None:
    data = b"PLAY * RTSP/1.0\nCSeq: 1\nContent-Length: 2\n\nab" + b"PLAY * RTSP/1.0\r\nCSeq: 2\n\r\n"

    assert _split(data) == _one_by_one(data) == [data[:45], data[45:]]


@pytest.mark.parametrize("header", [b"content-length:5", b"CONTENT-LENGTH: \t5 ", b"Content-Length :005"])
def test_a_body_is_found_however_its_length_is_written(header: bytes) -> None:
    data = b"X * RTSP/1.0\r\n" + header + b"\r\n\r\nhello"

    assert _split(data + REQUEST) == [data, REQUEST]


def test_other_headers_are_no_length() -> None:
    data = b"X * RTSP/1.0\r\nX-Content-Length: 5\r\nX: Content-Length: 5\r\n\r\n"

    assert _split(data) == [data]


def test_what_is_not_whole_stays_unread_and_can_move() -> None:
    first = Splitter(LIMITS)
    assert first.feed(REQUEST + WITH_BODY[:-1]) == [REQUEST]
    assert first.unread == WITH_BODY[:-1]

    second = Splitter(LIMITS)
    assert second.feed(first.unread) == []
    assert second.feed(WITH_BODY[-1:] + frame(0, b"x")[:3]) == [WITH_BODY]
    assert second.unread == b"$\x00\x00"


def test_items_that_were_given_out_can_be_put_back() -> None:
    data = REQUEST + frame(3, b"rtp") + WITH_BODY
    items = _split(data)

    assert joined([each for each in items if not isinstance(each, Broken)]) == data


def test_blank_lines_between_items_are_skipped_up_to_a_limit() -> None:
    assert _split(b"\r\n" + REQUEST + b"\r\n\n\r" + frame(0, b"") + b"\n") == [REQUEST, (0, b"")]
    assert _split(b"\n" * 1024 + REQUEST + b"\n" * 1024 + REQUEST) == [REQUEST, REQUEST]
    assert _split(b"\n" * 1025 + REQUEST) == [Broken(400, "too many empty lines")]
    assert _one_by_one(b"\n" * 1025 + REQUEST) == [Broken(400, "too many empty lines")]


@pytest.mark.parametrize("split", [_split, _one_by_one])
@pytest.mark.parametrize(
    ("at_limit", "beyond", "status"),
    [
        (b"X " + b"y" * 60 + b"\r\n\r\n", b"X " + b"y" * 61 + b"\r\n\r\n", 414),
        (_message(128), _message(129), 413),
        (_message(100, 32), _message(100, 33), 413),
    ],
    ids=["first line", "head", "body"],
)
def test_limits_hold_at_the_limit_and_one_past_it(split: object, at_limit: bytes, beyond: bytes, status: int) -> None:
    assert callable(split)
    assert split(REQUEST + at_limit + REQUEST) == [REQUEST, at_limit, REQUEST]
    request, broken = split(REQUEST + beyond + REQUEST)
    assert request == REQUEST
    assert isinstance(broken, Broken)
    assert broken.status == status


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (b"", 400),
        (b"+5", 400),
        (b"-1", 400),
        (b"1_0", 400),
        (b"5 5", 400),
        (b"0x5", 400),
        (b"\xef\xbc\x91", 400),
        (b"5\r\nContent-Length: 5", 400),
        (b"5\r\ncontent-length: 6", 400),
        (b"33", 413),
        (b"99999999999999999999", 413),
        (b"9" * 60, 413),
    ],
)
def test_a_length_that_is_none_breaks_the_stream(value: bytes, status: int) -> None:
    data = b"X * RTSP/1.0\r\nContent-Length: " + value + b"\r\n\r\nhello"
    (broken,) = _split(data)

    assert isinstance(broken, Broken)
    assert broken.status == status
    assert _one_by_one(data) == [broken]


def test_nothing_follows_what_is_broken() -> None:
    splitter = Splitter(LIMITS)

    assert len(splitter.feed(b"\xff" * 64 + REQUEST)) == 1
    assert splitter.unread == b""
    assert splitter.feed(REQUEST) == []


def test_a_head_without_end_costs_no_more_than_its_limit() -> None:
    splitter = Splitter(FramingLimits())
    splitter.feed(b"X * RTSP/1.0\r\n")
    for _ in range(10_000):
        splitter.feed(b"X: y\r\n")
        assert len(splitter.unread) < FramingLimits().head_bytes
