"""Readers of one mount wait for nobody else's replica."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from router.fleet.replicas import Replicas
from router.link.worker import Worker, WorkerState
from router.rtsp.sdp import parse_sdp
from router.settings import Settings
from router.state.mounts import Replica
from router.state.state import State
from workers.contract.messages import Command, Reply
from workers.contract.replies import Done, ReplicaOffered

SDP = b"v=0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"


class Held:
    """A worker that offers and opens replicas, unless it `hangs`."""

    def __init__(self, index: int) -> None:
        self.index, self.state, self.is_lost = index, WorkerState.READY, False
        self.channel = self
        self.hangs = False

    async def ask(self, command: Command) -> Reply:
        if self.hangs:
            await asyncio.Event().wait()
        return ReplicaOffered(b"", 0) if "Offer" in type(command).__name__ else Done()

    def tell(self, command: Command) -> None:
        pass

    def claim(self, token: str) -> list[int]:
        return []

    async def send(self, token: str, *descriptors: int) -> None:
        pass


def test_a_hung_worker_does_not_stall_the_readers_of_other_mounts() -> None:
    async def program() -> None:
        state = State.of(Settings(replica_readers=1))
        workers = [Held(index) for index in range(3)]
        placing = SimpleNamespace(preferred=lambda: list(reversed(workers)))
        replicas = Replicas(state, cast(Any, placing))
        mounts = [state.mounts.add(path, parse_sdp(SDP, 32), 0.0) for path in ("/hangs", "/goes-on")]
        for mount, worker in zip(mounts, workers, strict=False):
            mount.placement.arrived(cast(Worker, worker))
            mount.readers.add("one")
        workers[0].hangs = True
        waits = [asyncio.create_task(replicas.choose(mounts[0])) for _ in range(2)]
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            first, second = await asyncio.gather(replicas.choose(mounts[1]), replicas.choose(mounts[1]))
        assert isinstance(first, Replica)
        assert first is second, "whoever waits for the same replica finds it"
        assert not any(each.done() for each in waits)
        for each in waits:
            each.cancel()

    asyncio.run(program())
