"""One request after the other on a connection."""

import pytest

from router.rtsp.client.connection import ClientConnection, ClientRequest, ServerAnswer, ServerTeardown
from router.rtsp.errors import LocalError, PeerError
from tests.unit.router.rtsp.client.server_cases import answer

REQUEST = ClientRequest("DESCRIBE", "rtsp://h/cam", (("Accept", "application/sdp"),))


@pytest.fixture
def connection() -> ClientConnection:
    return ClientConnection("test", answer_timeout_s=10.0)


def test_requests_are_written_with_what_is_known(connection: ClientConnection) -> None:
    connection.session_id = "12"
    connection.ask(ClientRequest("ANNOUNCE", "rtsp://h/cam", body=b"v=0"), 5.0)
    assert connection.outgoing() == (
        b"ANNOUNCE rtsp://h/cam RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: test\r\nSession: 12\r\nContent-Length: 3\r\n\r\nv=0"
    )
    assert connection.deadline == 15.0
    assert connection.outgoing() == b""


def test_an_answer_ends_what_was_asked(connection: ClientConnection) -> None:
    connection.ask(REQUEST, 0.0)
    assert list(connection.receive(answer(1, 100) + answer(9), 0.0)) == []
    (found,) = connection.receive(answer(1, 404), 0.0)
    assert isinstance(found, ServerAnswer)
    assert (found.step, found.response.status, connection.asked) == (REQUEST, 404, None)
    assert list(connection.receive(answer(1), 0.0)) == []


def test_an_answer_may_have_no_cseq(connection: ClientConnection) -> None:
    connection.ask(REQUEST, 0.0)
    (found,) = connection.receive(b"RTSP/1.0 200 OK\r\n\r\n", 0.0)
    assert isinstance(found, ServerAnswer)


def test_a_server_may_end_the_session(connection: ClientConnection) -> None:
    assert list(connection.receive(b"TEARDOWN * RTSP/1.0\r\nCSeq: 3\r\n\r\n", 0.0)) == [ServerTeardown()]
    assert connection.outgoing() == b"RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n"


def test_a_new_connection_knows_nothing_of_the_last(connection: ClientConnection) -> None:
    connection.session_id = "12"
    connection.ask(REQUEST, 0.0)
    list(connection.receive(b"RTSP/1.0 2", 0.0))
    connection.begin()
    assert not connection.session_id
    assert not connection.asked
    assert (connection.unread, connection.outgoing()) == (b"", b"")


def test_each_fault_has_its_side(connection: ClientConnection) -> None:
    with pytest.raises(LocalError):
        connection.ask(ClientRequest("DESCRIBE", "rtsp://h/\r\n"), 0.0)
    for said in (b"\x16\x03", b"RTSP/1.0 nothing\r\n\r\n", b"OPTIONS\r\n\r\n"):
        with pytest.raises(PeerError):
            list(ClientConnection("test", 10.0).receive(said, 0.0))
