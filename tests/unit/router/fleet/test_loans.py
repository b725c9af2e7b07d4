"""Ports come back to their worker though another one is missing, once it is known what that one had."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from router.fleet.loans import PortLoans
from router.link.worker import Worker, WorkerState
from router.rtsp.sdp import parse_sdp
from router.settings import Settings
from router.state.state import State
from workers.contract.commands import LendPorts
from workers.contract.messages import Command

SDP = b"v=0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"


class Held:
    """A worker that keeps what it is told."""

    def __init__(self, index: int) -> None:
        self.index, self.state, self.is_lost, self.moves = index, WorkerState.READY, False, 0
        self.lent: tuple[int, ...] | None = ()
        self.told: list[Command] = []

    def tell(self, command: Command) -> None:
        self.told.append(command)


def test_ports_come_back_while_a_known_worker_is_missing(tmp_path: Path) -> None:
    async def program() -> None:
        settings = Settings(runtime_dir=tmp_path, workers=2, rtp_port_start=20_000, rtp_port_count=200)
        state = State.of(settings)
        first, second = Held(0), Held(1)
        link = SimpleNamespace(ending=False, alive=lambda: [first, second])
        loans = PortLoans(settings, cast(Any, link), state.mounts)
        mount = state.mounts.add("/a", parse_sdp(SDP, 32), 0.0)
        mount.placement.arrived(cast(Worker, second))
        mount.rtp_ports = (20_010,)  # of the first one's slice
        loans.worker_came(cast(Worker, first))
        loans.tick(1.0)
        assert first.told == [], "the second may have mounts that nobody knows of"
        loans.worker_came(cast(Worker, second))
        loans.tick(2.0)
        assert first.told == [LendPorts((20_010,))]
        link.alive = lambda: [first]
        link.ending = True
        state.mounts.remove(mount)
        loans.tick(3.0)
        assert first.told[1:] == [], "the lost worker's process may hold the port still"
        link.ending = False
        loans.tick(4.0)
        assert first.told[1:] == [LendPorts(())]

    asyncio.run(program())


def test_a_worker_that_never_comes_is_not_waited_for_without_end(tmp_path: Path) -> None:
    """Without a front it ends by itself."""

    async def program() -> None:
        settings = Settings(runtime_dir=tmp_path, workers=2, rtp_port_start=20_000, rtp_port_count=200)
        first = Held(0)
        first.lent = (20_010,)
        link = SimpleNamespace(ending=False, alive=lambda: [first])
        loans = PortLoans(settings, cast(Any, link), State.of(settings).mounts)
        loans.worker_came(cast(Worker, first))
        loans.tick(1.0)
        loans.tick(settings.orphan_timeout_s)
        assert first.told == []
        loans.tick(settings.orphan_timeout_s + 2.0)
        assert first.told == [LendPorts(())]

    asyncio.run(program())
