"""Connections that begin with another protocol."""

import pytest

from tests.unit.router.rtsp.cases import REQUESTS
from workers.framing.foreign import MAX_FIRST_LINE_BYTES, foreign_protocol


@pytest.mark.parametrize(
    ("beginning", "protocol"),
    [
        (b"", None),
        (b"G", None),
        (b"GET / HTTP/1.1", None),
        (b"GET / HTTP/1.1\r\n", "HTTP"),
        (b"GET / HTTP/1.1\nHost: x", "HTTP"),
        (b"POST /a b HTTP/1.0\r\n", "HTTP"),
        (b"OPTIONS * HTTP/1.0\r\n", "HTTP"),
        (b"OPTIONS * RTSP/1.0\r\nX: GET / HTTP/1.1\r\n", ""),
        (b"DESCRIBE rtsp://h/ HTTP/1.1 RTSP/1.0\r\n", ""),
        (b"HTTP/1.1 200 OK\r\n", ""),
        (b"HELO\r\n", ""),
        (b"\x16", "TLS"),
        (b"\x03", "RTMP"),
        (b"$\0\0\0", ""),
        (b"\r\n", ""),
        (b"\0", ""),
        (b"\xff", ""),
        (b"get / http/1.1\r\n", ""),
        (b"G" * (MAX_FIRST_LINE_BYTES - 1), None),
        (b"G" * MAX_FIRST_LINE_BYTES, ""),
    ],
)
def test_it_is_named(beginning: bytes, protocol: str | None) -> None:
    assert foreign_protocol(beginning) == protocol


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.name)
def test_rtsp_is_none_of_them(case: object) -> None:
    wire: bytes = case.wire  # type: ignore[attr-defined]  # a RequestCase, which lambda ids hide
    assert not any(foreign_protocol(wire[:length]) for length in range(len(wire)))
