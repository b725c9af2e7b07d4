"""A connection changes hands, or ends: it is never nobody's."""

import asyncio
import os
import socket
from types import SimpleNamespace
from typing import cast

import pytest

from router.connections.connection import Connection, ConnectionEnded, ConnectionServer, Side
from router.connections.transfer import handed_to, pass_on
from router.link.worker import Worker, WorkerGone
from workers.contract.commands import ReleaseConnection, Respond
from workers.contract.messages import Command, Reply
from workers.contract.parts import Peer
from workers.contract.replies import Released
from workers.framing import FramingLimits


class Held:
    """A worker that releases what it is asked for; descriptors come to it unless it is `dead`."""

    def __init__(self, index: int, *, dead: bool = False) -> None:
        self.index, self.is_lost = index, False
        self.channel = self
        self.asked: list[Command] = []
        self._dead = dead

    async def ask(self, command: Command) -> Reply:
        self.asked.append(command)
        return Released(b"", b"")

    def tell(self, command: Command) -> None:
        self.asked.append(command)

    async def send(self, token: str, *descriptors: int) -> None:
        if self._dead:
            raise BrokenPipeError


def test_a_connection_that_its_worker_released_and_the_next_did_not_get_ends() -> None:
    async def program() -> None:
        ended = list[str]()
        server = SimpleNamespace(
            framing=FramingLimits(8192, 16384, 65536),
            pipelined_requests=10,
            ended=lambda connection, reason: ended.append(reason),
        )
        ours, theirs = socket.socketpair()
        with theirs:
            connection = Connection(Side.CLIENT, cast(ConnectionServer, server))
            first, second = Held(0), Held(1, dead=True)
            connection.restore("c", Peer(), cast(Worker, first), ours)
            with pytest.raises(WorkerGone):
                async with handed_to(connection, cast(Worker, second)):
                    raise AssertionError("it has no descriptor")
            assert first.asked == [ReleaseConnection("c")]
            assert connection.closed
            assert len(ended) == 1
            assert theirs.recv(1) == b"", "its peer hears of the end"

    asyncio.run(program())


def test_what_a_dead_worker_had_passed_on_is_served_once_and_its_answer_given_again() -> None:
    requests = [b"GET_PARAMETER * RTSP/1.0\r\nCSeq: %d\r\n\r\n" % number for number in range(1, 4)]
    served = list[bytes]()

    async def serve(connection: Connection, message: bytes) -> None:
        served.append(message)
        connection.write(b"to " + message)

    async def program() -> None:
        server = SimpleNamespace(framing=FramingLimits(8192, 16384, 65536), pipelined_requests=10, serve=serve)
        ours, theirs = socket.socketpair()
        with theirs:
            connection = Connection(Side.CLIENT, cast(ConnectionServer, server))
            first, second = Held(0), Held(1)
            connection.restore("c", Peer(), cast(Worker, first), ours)
            for message in requests[:2]:
                connection.receive(message)
                await connection.served()
            first.is_lost = True
            connection.worker_lost()
            handoff = await pass_on(connection, cast(Worker, second))
            assert handoff.unread == b""
            connection.placement.arrived(cast(Worker, second))
            connection.receive(requests[1])  # it was answered, and the answer not written
            connection.receive(requests[2])
            await connection.served()
            connection.let_be()
        assert served == requests
        assert first.asked == [Respond("c", b"to " + each, close=False) for each in requests[:2]]
        assert second.asked == [Respond("c", b"to " + each, close=False) for each in requests[1:]]

    asyncio.run(program())


def test_a_connection_that_ends_on_its_way_lends_its_number_to_no_stranger() -> None:
    class Busy(Held):
        """A worker whose descriptors' socket has no room for a while."""

        def __init__(self) -> None:
            super().__init__(1)
            self.asked_to, self.has_room = asyncio.Event(), asyncio.Event()
            self.sent = list[int]()

        async def send(self, token: str, *descriptors: int) -> None:
            self.asked_to.set()
            await self.has_room.wait()
            self.sent += [os.fstat(each).st_ino for each in descriptors]

    async def program() -> None:
        server = SimpleNamespace(
            framing=FramingLimits(8192, 16384, 65536), pipelined_requests=10, ended=lambda connection, reason: None
        )
        ours, theirs = socket.socketpair()
        with theirs:
            connection = Connection(Side.CLIENT, cast(ConnectionServer, server))
            connection.restore("c", Peer(), cast(Worker, Held(0)), ours)
            inode, number = os.fstat(ours.fileno()).st_ino, ours.fileno()
            busy = Busy()
            passing = asyncio.create_task(pass_on(connection, cast(Worker, busy)))
            await busy.asked_to.wait()
            connection.abort("its time is up")
            with socket.socket() as stranger:
                assert stranger.fileno() == number
                busy.has_room.set()
                with pytest.raises(ConnectionEnded):
                    await passing
            assert busy.sent == [inode]

    asyncio.run(program())


def test_answers_that_a_dead_worker_wrote_none_of_are_all_given_again() -> None:
    requests = [b"GET_PARAMETER * RTSP/1.0\r\nCSeq: %d\r\n\r\n" % number for number in range(1, 3)]
    served = list[bytes]()

    async def serve(connection: Connection, message: bytes) -> None:
        served.append(message)
        connection.write(b"to " + message)

    async def program() -> None:
        server = SimpleNamespace(framing=FramingLimits(8192, 16384, 65536), pipelined_requests=10, serve=serve)
        ours, theirs = socket.socketpair()
        with theirs:
            connection = Connection(Side.CLIENT, cast(ConnectionServer, server))
            first, second = Held(0), Held(1)
            connection.restore("c", Peer(), cast(Worker, first), ours)
            for message in requests:  # the second comes when the first is served, and before its answer is written
                connection.receive(message)
                await connection.served()
            first.is_lost = True
            connection.worker_lost()
            await pass_on(connection, cast(Worker, second))
            connection.placement.arrived(cast(Worker, second))
            for message in requests:
                connection.receive(message)
                await connection.served()
            connection.let_be()
        assert served == requests
        assert second.asked == [Respond("c", b"to " + each, close=False) for each in requests]

    asyncio.run(program())
