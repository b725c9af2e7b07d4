"""Mounts whose worker died go on at others that live, and not all at the same one."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

from router.fleet.placing import Placing
from router.fleet.recovery import Recovery
from router.fleet.replicas import Replicas
from router.link.worker import Worker, WorkerState
from router.rtsp.sdp import SdpDocument, parse_sdp
from router.settings import Settings
from router.state.mounts import Mount
from router.state.state import State
from workers.contract.commands import OpenMount
from workers.contract.messages import Command, Reply
from workers.contract.replies import MountOpened

SDP = b"v=0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"


class Held:
    """A worker that opens whatever it is told to, with `behind` happening right behind its answer."""

    def __init__(self, index: int, behind: Callable[["Held"], None] = lambda worker: None) -> None:
        self.index, self.pid, self.state = index, 1000 + index, WorkerState.READY
        self.heartbeat, self.packets_per_s = None, 0.0
        self.gone = asyncio.Event()
        self.opened: list[str] = []
        self._behind = behind

    def tell(self, command: Command) -> None:
        pass

    async def ask(self, command: Command) -> Reply:
        await asyncio.sleep(0)
        assert isinstance(command, OpenMount)
        self.opened.append(command.path)
        self._behind(self)
        return MountOpened(command.ports)

    @property
    def is_lost(self) -> bool:
        return self.state is WorkerState.LOST

    def die(self) -> None:
        self.state = WorkerState.LOST
        self.gone.set()


def recover(workers: Callable[[], list[Held]], mounts: int, until: Callable[[list[Held], list[Mount]], bool]) -> None:
    """Let the first worker die with so many mounts, and wait for a fact."""

    async def program() -> None:
        held = workers()
        state = State.of(Settings())
        directory = state.mounts
        description: SdpDocument = parse_sdp(SDP, 32)
        made = [directory.add(f"/{number}", description, 0.0) for number in range(mounts)]
        for number, mount in enumerate(made):
            mount.placement.arrived(cast(Worker, held[0]))
            mount.rtp_ports = (20_000 + 2 * number,)
        link = cast(Any, SimpleNamespace(ready=lambda: [each for each in held if not each.is_lost]))

        async def fold(mount: Mount) -> None:
            return None

        replicas = cast(Replicas, SimpleNamespace(worker_lost=lambda worker, reason: None, fold=fold))
        recovery = Recovery(state, Placing(link, directory), replicas)
        held[0].die()
        recovery.worker_lost(cast(Worker, held[0]), "killed")
        try:
            await _eventually(lambda: until(held, made))
        finally:
            await recovery.close()

    asyncio.run(program())


async def _eventually(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not fact():
            await cast(Awaitable[None], asyncio.sleep(0.01))


def test_a_dead_workers_mounts_are_spread_over_the_others() -> None:
    def spread(workers: list[Held], mounts: list[Mount]) -> bool:
        return [len(each.opened) for each in workers] == [0, 4, 4, 4]

    recover(lambda: [Held(index) for index in range(4)], 12, spread)


def test_a_worker_that_dies_right_behind_its_answer_has_nothing() -> None:
    """The news of its death may be read before whoever waits for its answer gets a turn."""

    def on_another(workers: list[Held], mounts: list[Mount]) -> bool:
        return workers[1].opened == ["/0"] and mounts[0].worker is cast(Worker, workers[2])

    recover(lambda: [Held(0), Held(1, behind=Held.die), Held(2)], 1, on_another)
