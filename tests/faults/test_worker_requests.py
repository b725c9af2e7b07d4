"""A worker dies with requests in hand: the next one finds all that have no answer, in the connections themselves."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_front import FakeFront, one_worker, udp
from workers.contract.commands import Play, Respond
from workers.contract.events import RequestReceived
from workers.contract.parts import MAX_UNANSWERED, HandOff, Peer
from workers.contract.replies import Playing

OK = b"RTSP/1.0 200 OK\r\n\r\n"


def request(number: int) -> bytes:
    return b"GET_PARAMETER * RTSP/1.0\r\nCSeq: %d\r\n\r\n" % number


@pytest.fixture
def front(tmp_path: Path) -> Iterator[FakeFront]:
    with one_worker(tmp_path) as front:
        yield front


def play(front: FakeFront, ours: socket.socket, token: str, response: bytes) -> None:
    """Hand a UDP reader's connection to the worker that is there; the front keeps its duplicate."""
    front.open_mount("/cam")
    front.send_descriptor(token.encode(), ours)
    handoff = HandOff(token, Peer())
    command = Play("/cam", 1, "s", "c", handoff, (udp(0, front.pair()),), response, ("u",))
    assert isinstance(front.ask(command), Playing)


def follow(front: FakeFront, ours: socket.socket, how: signal.Signals = signal.SIGKILL) -> None:
    """End the worker, and give all that it had to another."""
    assert front.process is not None
    front.process.send_signal(how)
    front.process.wait()
    front.events.clear()
    front.launch()
    front.register()
    play(front, ours, "next", b"")


@pytest.fixture
def connection(front: FakeFront) -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    client.settimeout(10)
    with client, ours:
        play(front, ours, "first", OK[:-2])
        assert client.recv(4096) == OK
        yield client, ours


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_request_without_an_answer_outlives_its_worker(
    front: FakeFront, connection: tuple[socket.socket, socket.socket], how: signal.Signals
) -> None:
    client, ours = connection
    client.sendall(request(1))
    assert front.await_event(RequestReceived).message == request(1)
    front.send(Respond("c", OK, close=False))
    assert client.recv(4096) == OK
    client.sendall(request(2) + request(3)[:10])
    front.await_event(RequestReceived)
    follow(front, ours, how)
    assert front.await_event(RequestReceived).message == request(2)
    client.sendall(request(3)[10:])
    assert front.await_event(RequestReceived).message == request(3)
    for _ in range(2):
        front.send(Respond("c", OK, close=False))
        assert client.recv(4096) == OK


def test_an_answer_right_behind_the_hand_over_is_to_what_waits(
    front: FakeFront, connection: tuple[socket.socket, socket.socket]
) -> None:
    """The front may have got its answer ready while there was no worker: it is no answer to the next request."""
    client, ours = connection
    client.sendall(request(1))
    front.await_event(RequestReceived)
    follow(front, ours)
    front.send(Respond("c", OK, close=False))
    assert client.recv(4096) == OK
    client.sendall(request(2))
    assert front.await_event(RequestReceived).message == request(1)
    assert front.await_event(RequestReceived).message == request(2)
    front.send(Respond("c", OK, close=False))
    assert client.recv(4096) == OK


def test_as_many_requests_as_may_wait_are_passed_on_and_the_rest_as_there_is_room(
    front: FakeFront, connection: tuple[socket.socket, socket.socket]
) -> None:
    client, _ = connection
    asked = [request(number) for number in range(3 * MAX_UNANSWERED)]
    client.sendall(b"".join(asked))
    for message in asked[:MAX_UNANSWERED]:
        assert front.await_event(RequestReceived).message == message
    with pytest.raises(AssertionError, match="no RequestReceived"):
        front.await_event(RequestReceived, timeout_s=0.3)
    for message in asked[MAX_UNANSWERED:]:
        front.send(Respond("c", OK, close=False))
        assert front.await_event(RequestReceived).message == message
