"""Messages of one connection are served one by one, whatever becomes of one of them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from router.connections.connection import Connection, Side
from workers.framing import FramingLimits

REQUEST = b"OPTIONS * RTSP/1.0\r\nCSeq: %d\r\n\r\n"


class Transport(asyncio.Transport):
    """The front's end of a socket that nothing holds up."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 4000), "sockname": ("192.0.2.9", 554)})
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Server:
    """Answers with what it was asked; fails where it is told to."""

    framing = FramingLimits(line_bytes=8192, head_bytes=16384, body_bytes=65536)
    pipelined_requests = 10

    def __init__(self, fails: Callable[[bytes], bool] = lambda message: False) -> None:
        self._fails = fails
        self.gone: list[str] = []

    def opened(self, connection: Connection) -> str | None:
        return None

    async def serve(self, connection: Connection, message: bytes) -> None:
        await asyncio.sleep(0)
        if self._fails(message):
            raise RuntimeError("a mistake")
        connection.write(message)

    def refuse(self, connection: Connection, status: int, reason: str) -> None:
        connection.write(b"%d " % status)
        connection.close()

    def refuse_foreign(self, connection: Connection, protocol: str) -> None:
        connection.write(protocol.encode())
        connection.close()

    def ended(self, connection: Connection, reason: str) -> None:
        self.gone.append(reason)


def serve(server: Server, data: bytes) -> tuple[Transport, Connection]:
    """Let a client send something, and wait until that is served."""

    async def program() -> tuple[Transport, Connection]:
        connection, transport = Connection(Side.BOTH, server), Transport()
        connection.connection_made(transport)
        connection.data_received(data)
        await connection.served()
        return transport, connection

    return asyncio.run(program())


def test_the_peer_is_known_from_the_beginning() -> None:
    _, connection = serve(Server(), b"")
    assert (connection.host, connection.port, connection.local_host) == ("192.0.2.1", 4000, "192.0.2.9")
    assert connection.peer == "192.0.2.1:4000"


def test_pipelined_requests_are_answered_in_order() -> None:
    messages = [REQUEST % number for number in range(5)]
    transport, _ = serve(Server(), b"".join(messages))
    assert transport.written == b"".join(messages)


def test_more_than_the_limit_is_refused() -> None:
    transport, _ = serve(Server(), REQUEST % 1 * 11)
    assert transport.written == b"503 "
    assert transport.closed


def test_a_request_that_could_not_be_served_ends_its_connection(caplog: pytest.LogCaptureFixture) -> None:
    """Else its client would take the next response for its own, or wait for ever."""
    messages = [REQUEST % number for number in range(3)]
    transport, connection = serve(Server(lambda message: message == messages[1]), b"".join(messages))
    assert transport.written == messages[0] + b"500 "
    assert connection.closing
    assert not connection.busy
    assert "request not served" in caplog.text
