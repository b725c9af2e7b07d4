"""One end of a socket pair is handed over in the place of a TCP connection, as whoever ends TLS or a tunnel does it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.test_worker_fanout import frame, read_exactly, rtp
from tests.support.fake_front import FakeFront, one_worker
from workers.contract.commands import Play, Record, Respond
from workers.contract.events import ConnectionClosed, RequestReceived
from workers.contract.parts import InterleavedTransport, Peer, TrackTransport
from workers.contract.replies import Done, Playing

OK = b"RTSP/1.0 200 OK\r\n\r\n"
OPTIONS = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
INTERLEAVED = TrackTransport(0, InterleavedTransport(0, 1))
PUBLISHER, READER = Peer("198.51.100.7", 40_000, "192.0.2.1"), Peer("2001:db8::7", 40_001, "2001:db8::1")


@pytest.fixture
def front(tmp_path: Path) -> Iterator[FakeFront]:
    with one_worker(tmp_path) as front:
        yield front


def start_both(front: FakeFront) -> tuple[socket.socket, socket.socket]:
    """Let a publisher and a reader begin, each on one end of a socket pair."""
    front.open_mount("/cam")
    publisher, handoff = front.connect_by_pair("p", PUBLISHER)
    assert front.ask(Record("/cam", 1, "publisher", "p", handoff, (INTERLEAVED,), OK)) == Done()
    assert publisher.recv(4096) == OK
    reader, handoff = front.connect_by_pair("r", READER)
    assert isinstance(front.ask(Play("/cam", 1, "reader", "r", handoff, (INTERLEAVED,), OK[:-2], ("u",))), Playing)
    assert reader.recv(4096) == OK
    return publisher, reader


def test_media_and_requests_go_through_a_socket_pair(front: FakeFront) -> None:
    publisher, reader = start_both(front)
    packets = [rtp(number) for number in range(20)]
    publisher.sendall(b"".join(frame(0, each) for each in packets) + OPTIONS)
    expected = b"".join(frame(0, each) for each in packets)
    assert read_exactly(reader, len(expected)) == expected
    assert front.await_event(RequestReceived).connection == "p"
    front.send(Respond("p", OK, close=True))
    assert publisher.recv(4096) == OK
    assert publisher.recv(4096) == b""
    reader.close()
    ended = {front.await_event(ConnectionClosed).connection for _ in range(2)}
    assert ended == {"p", "r"}


def test_the_next_front_is_told_who_the_peer_is(front: FakeFront) -> None:
    start_both(front)
    front.die()
    with FakeFront(front.runtime_dir, front.settings, "front-2") as second:
        second.register()
        assert {name: state.peer for name, state in second.states().items()} == {"p": PUBLISHER, "r": READER}
