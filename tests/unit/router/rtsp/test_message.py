"""Requests and responses, to values and back."""

import pytest

from router.rtsp.errors import LocalError, PeerError
from router.rtsp.message import Headers, MessageLimits, Request, Response, is_response, parse_request
from tests.unit.router.rtsp.cases import BAD_REQUESTS, REQUESTS, BadRequestCase, RequestCase

LIMITS = MessageLimits()


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.name)
def test_requests_are_read(case: RequestCase) -> None:
    request = parse_request(case.wire, LIMITS)

    assert request == case.request
    assert request.cseq.isdigit()


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.name)
def test_requests_are_written(case: RequestCase) -> None:
    wire = case.request.to_bytes()

    assert parse_request(wire, LIMITS) == case.request
    assert (wire == case.wire) is case.canonical


@pytest.mark.parametrize("case", BAD_REQUESTS, ids=lambda case: case.name)
def test_bad_requests_are_the_peers_fault(case: BadRequestCase) -> None:
    with pytest.raises(PeerError) as refusal:
        parse_request(case.wire, LIMITS)

    assert (refusal.value.status, refusal.value.cseq) == (case.status, case.cseq)
    assert Response(refusal.value.status, reason=refusal.value.reason).to_bytes()


def test_headers_are_found_whatever_their_case_in_their_order() -> None:
    headers = Headers([("WWW-Authenticate", "a"), ("cseq", "1"), ("www-authenticate", "b")])

    assert headers.get("CSeq") == "1"
    assert headers.get("Session") is None
    assert headers.get("Session", "none") == "none"
    assert headers.get_all("Www-Authenticate") == ("a", "b")
    assert headers.get_all("Session") == ()
    assert "CSEQ" in headers
    assert "Session" not in headers
    assert headers.items() == (("WWW-Authenticate", "a"), ("cseq", "1"), ("www-authenticate", "b"))
    assert hash(headers) == hash(Headers(headers.items()))
    assert "cseq" in repr(headers)


@pytest.mark.parametrize(("value", "id"), [("123;timeout=60", "123"), (" 12 ; timeout=60", "12"), ("", "")])
def test_the_session_is_its_id_without_parameters(value: str, id: str) -> None:
    assert Request("PLAY", "*", Headers([("session", value)])).session == id


def test_no_session_is_none() -> None:
    assert Request("PLAY", "*", Headers()).session is None


def _request(first_line_bytes: int = 30, header_bytes: int = 20, headers: int = 2) -> bytes:
    first = b"OPTIONS rtsp://h/".ljust(first_line_bytes - len(b" RTSP/1.0\r\n"), b"a") + b" RTSP/1.0\r\n"
    header = b"X: ".ljust(header_bytes - 2, b"x") + b"\r\n"
    return first + b"CSeq: 5\r\n" + header * (headers - 1) + b"\r\n"


@pytest.mark.parametrize(
    ("name", "at_limit", "beyond", "status"),
    [
        ("request line", _request(first_line_bytes=64), _request(first_line_bytes=65), 414),
        ("header line", _request(header_bytes=64), _request(header_bytes=65), 413),
        ("headers", _request(headers=3), _request(headers=4), 413),
    ],
)
def test_limits_hold_at_the_limit_and_one_past_it(name: str, at_limit: bytes, beyond: bytes, status: int) -> None:
    limits = MessageLimits(line_bytes=64, headers=3)

    parse_request(at_limit, limits)
    with pytest.raises(PeerError) as refusal:
        parse_request(beyond, limits)
    assert (refusal.value.status, refusal.value.cseq) == (status, "5")


def test_a_clients_response_is_none_of_our_requests() -> None:
    assert is_response(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n")
    assert not is_response(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")


def test_responses_are_written_with_their_length() -> None:
    response = Response(200, (("CSeq", "1"), ("Content-Type", "application/sdp")), b"v=0\r\n")

    assert response.to_bytes() == (
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"
    )


def test_the_head_of_a_response_is_whole_lines_without_the_empty_one() -> None:
    assert Response(454, (("CSeq", "1"),)).head_bytes() == b"RTSP/1.0 454 Session Not Found\r\nCSeq: 1\r\n"


@pytest.mark.parametrize(
    ("status", "reason", "line"),
    [
        (404, None, b"RTSP/1.0 404 Not Found\r\n"),
        (404, "nobody publishes /a", b"RTSP/1.0 404 nobody publishes /a\r\n"),
        (418, None, b"RTSP/1.0 418 Unknown\r\n"),
    ],
)
def test_the_reason_is_given_or_the_rfcs(status: int, reason: str | None, line: bytes) -> None:
    assert Response(status, reason=reason).head_bytes() == line


@pytest.mark.parametrize(
    "response",
    [
        Response(200, (("X", "a\r\nSession: 1"),)),
        Response(200, (("X", "a\nb"),)),
        Response(200, (("X", "a\rb"),)),
        Response(200, (("X", "a\0"),)),
        Response(200, (("X: y\r\nZ", "a"),)),
        Response(200, (("", "a"),)),
        Response(200, (("X", "\ud800"),)),
        Response(200, reason="OK\r\nX: y"),
        Response(99),
        Response(600),
    ],
)
def test_what_would_end_a_line_early_is_our_own_fault(response: Response) -> None:
    with pytest.raises(LocalError):
        response.to_bytes()


def test_a_request_that_would_end_a_line_early_is_our_own_fault() -> None:
    with pytest.raises(LocalError):
        Request("OPTIONS", "*\r\nX: y", Headers()).to_bytes()
