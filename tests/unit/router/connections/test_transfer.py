"""A connection changes hands, or ends: it is never nobody's."""

import asyncio
import socket
from types import SimpleNamespace
from typing import cast

import pytest

from router.connections.connection import Connection, ConnectionServer, Side
from router.connections.transfer import handed_to
from router.link.worker import Worker, WorkerGone
from workers.contract.commands import ReleaseConnection
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
