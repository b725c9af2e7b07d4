"""The reading side of a connection: what is read, what stays in the kernel, and what the next worker finds there."""

import socket
from collections.abc import Iterator

import pytest

from workers.connections.incoming import PEEK_BYTES, Incoming
from workers.contract.image import ConnectionImage
from workers.contract.parts import MAX_UNANSWERED, Peer
from workers.framing import Broken, FramingLimits, frame

LIMITS = FramingLimits()


def request(number: int, body: bytes = b"") -> bytes:
    return b"GET_PARAMETER * RTSP/1.0\r\nCSeq: %d\r\nContent-Length: %d\r\n\r\n%s" % (number, len(body), body)


class Heard:
    """Takes note of what comes in."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, bytes]] = []
        self.requests: list[bytes] = []
        self.broken: list[int] = []
        self.ended = 0

    def on_frames(self, payloads: dict[int, list[bytes]], now: float) -> None:
        self.frames += [(channel, each) for channel, part in payloads.items() for each in part]

    def on_request(self, message: bytes) -> None:
        self.requests.append(message)

    def on_broken(self, broken: Broken) -> None:
        self.broken.append(broken.status)

    def on_end(self, now: float) -> None:
        self.ended += 1


class Worker:
    """One worker's hold on a connection."""

    def __init__(self, sock: socket.socket, state: ConnectionImage | None = None) -> None:
        self.sock = sock
        self.state = state or ConnectionImage("c", Peer())
        self.heard = Heard()
        self.incoming = Incoming(sock, self.state, LIMITS, bytearray(256 * 1024), self.heard)

    def read(self, *, hung_up: bool = False) -> None:
        while self.incoming.read(0.0, hung_up=hung_up) and not self.heard.ended:
            pass


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    client, server = socket.socketpair()
    with client, server:
        server.setblocking(False)
        yield client, server


def left(server: socket.socket) -> bytes:
    """Give what the kernel has for the next reader."""
    try:
        return server.recv(1 << 20, socket.MSG_PEEK)
    except BlockingIOError:
        return b""


Ends = tuple[socket.socket, socket.socket]


def test_a_request_that_a_dead_worker_had_read_is_found_by_the_next(ends: Ends) -> None:
    client, server = ends
    client.sendall(request(1))
    first = Worker(server)
    first.read()
    assert first.heard.requests == [request(1)]
    second = Worker(server)  # the first has died, and told nobody
    second.read()
    assert second.heard.requests == [request(1)]


def test_an_answered_request_is_found_by_nobody(ends: Ends) -> None:
    client, server = ends
    client.sendall(request(1) + request(2))
    first = Worker(server)
    first.read()
    first.incoming.answered()
    second = Worker(server)
    second.read()
    assert second.heard.requests == [request(2)]
    second.incoming.answered()
    assert left(server) == b""


def test_half_a_request_waits_for_its_rest_and_for_the_next_worker(ends: Ends) -> None:
    client, server = ends
    whole = request(1, b"body")
    client.sendall(whole[:20])
    first = Worker(server)
    first.read()
    client.sendall(whole[20:-2])
    second = Worker(server)
    second.read()
    client.sendall(whole[-2:])
    second.read()
    assert (first.heard.requests, second.heard.requests) == ([], [whole])


@pytest.mark.parametrize("between", [b"", b"\r\n\r\n", frame(7, b"nobody's"), b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n"])
def test_what_stands_between_requests_goes_with_them(ends: Ends, between: bytes) -> None:
    client, server = ends
    client.sendall(between + request(1) + between + request(2) + between)
    worker = Worker(server)
    worker.read()
    assert worker.heard.requests == [request(1), request(2)]
    worker.incoming.answered()
    assert left(server).endswith(request(2) + between)
    assert left(server).removeprefix(between) == request(2) + between
    worker.incoming.answered()
    assert left(server) == b""


def test_what_is_no_request_is_taken_out_at_once(ends: Ends) -> None:
    client, server = ends
    client.sendall(b"\r\n" + frame(7, b"nobody's") + request(1)[:5])
    worker = Worker(server)
    worker.read()
    assert worker.heard.frames == [(7, b"nobody's")]
    assert left(server) == request(1)[:5]


def test_with_media_all_is_read_as_it_comes(ends: Ends) -> None:
    client, server = ends
    client.sendall(request(1) + request(2)[:9])
    worker = Worker(server)
    worker.read()
    worker.incoming.read_peeked()
    worker.incoming.media = True
    assert left(server) == b""
    client.sendall(request(2)[9:] + frame(0, b"media"))
    worker.incoming.read(0.0, hung_up=False)
    assert worker.heard.requests == [request(1), request(2)]
    assert worker.heard.frames == [(0, b"media")]
    assert left(server) == b""
    worker.incoming.answered()
    worker.incoming.media = False  # and from the next request on it stays in the kernel again
    client.sendall(request(3))
    worker.read()
    assert left(server) == request(3)


@pytest.mark.parametrize("size", [PEEK_BYTES - 100, PEEK_BYTES, 60_000])
def test_a_long_request_comes_through(ends: Ends, size: int) -> None:
    client, server = ends
    worker = Worker(server)
    data = request(1, bytes(size)) + request(2)
    for start in range(0, len(data), 5000):
        client.sendall(data[start : start + 5000])
        worker.read()
    assert worker.heard.requests == [request(1, bytes(size)), request(2)]
    worker.incoming.answered()
    worker.incoming.answered()
    assert left(server) == b""


def test_many_requests_at_once_are_all_passed_on(ends: Ends) -> None:
    client, server = ends
    numbers = range(MAX_UNANSWERED)
    client.sendall(b"".join(request(each, bytes(1000)) for each in numbers))
    worker = Worker(server)
    worker.read()
    assert len(worker.heard.requests) == MAX_UNANSWERED
    assert worker.incoming.is_full
    for _ in numbers:
        worker.incoming.answered()
    assert left(server) == b""


def test_what_is_too_much_at_once_waits_in_the_kernel_for_room(ends: Ends) -> None:
    client, server = ends
    asked = [b"A * RTSP/1.0\r\nCSeq: %d\r\n\r\n" % each for each in range(5 * MAX_UNANSWERED)]
    client.sendall(b"".join(asked))
    client.shutdown(socket.SHUT_WR)
    worker = Worker(server)
    for answered in range(len(asked)):
        if not worker.heard.ended:
            worker.read(hung_up=True)
        assert worker.heard.requests == asked[: answered + MAX_UNANSWERED]
        assert left(server) == b"".join(asked[answered:])
        worker.incoming.answered()
    assert left(server) == b""
    assert worker.heard.ended == 1


def test_what_waits_for_room_is_left_to_who_reads_next(ends: Ends) -> None:
    client, server = ends
    asked = [b"A * RTSP/1.0\r\nCSeq: %d\r\n\r\n" % each for each in range(2 * MAX_UNANSWERED)]
    client.sendall(b"".join(asked))
    worker = Worker(server)
    worker.read()
    worker.incoming.read_peeked()
    assert worker.incoming.take_unread() == b""
    assert left(server) == b"".join(asked[MAX_UNANSWERED:])


def test_what_makes_no_sense_is_told_once_and_thrown_away(ends: Ends) -> None:
    client, server = ends
    client.sendall(request(1) + b"\x16\x03\x01 hello" + request(2))
    worker = Worker(server)
    worker.read()
    client.sendall(request(3))
    worker.read()
    assert worker.heard.requests == [request(1)]
    assert worker.heard.broken == [400]
    assert left(server) == b""


def test_an_end_is_told_behind_what_came_before(ends: Ends) -> None:
    client, server = ends
    client.sendall(request(1) + request(2)[:5])
    client.shutdown(socket.SHUT_WR)
    worker = Worker(server)
    worker.read(hung_up=True)
    assert worker.heard.requests == [request(1)]
    assert worker.heard.ended == 1


def test_an_end_without_anything_is_told(ends: Ends) -> None:
    client, server = ends
    client.close()
    worker = Worker(server)
    worker.read(hung_up=True)
    assert worker.heard.ended == 1


def test_a_connection_that_moves_takes_its_requests_along(ends: Ends) -> None:
    client, server = ends
    client.sendall(request(1) + request(2))
    source = Worker(server)
    source.read()
    source.incoming.answered()
    target = Worker(server, source.state)
    client.sendall(request(3))
    target.read()
    assert target.heard.requests == [request(3)]
    target.incoming.answered()
    assert left(server) == request(3)
