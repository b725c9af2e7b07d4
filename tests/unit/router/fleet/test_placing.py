"""A mount gets the first worker that has ports; those that fail are passed over, and none keeps what it may have."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from router.fleet.placing import Placing
from router.link.worker import Worker, WorkerGone, WorkerRefused
from router.rtsp.errors import PeerError
from router.state.mounts import Mount, Mounts
from tests.unit.router.state.people import SDP
from workers.contract.commands import CloseMount
from workers.contract.messages import Command, Reply
from workers.contract.parts import Refusal
from workers.contract.replies import MountOpened, Refused

NO_PORTS = WorkerRefused(Refused(Refusal.NO_PORTS, "no port is free"))


class Held:
    """A worker that answers as it is told to."""

    def __init__(self, index: int, answer: Reply | Exception) -> None:
        self.index, self._answer = index, answer
        self.heartbeat, self.packets_per_s, self.is_lost = None, 0.0, False
        self.told: list[Command] = []
        self.dies = False

    async def ask(self, command: Command) -> Reply:
        self.is_lost = self.dies
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def tell(self, command: Command) -> None:
        self.told.append(command)


class Scene:
    def __init__(self, *workers: Held) -> None:
        self.mounts = Mounts(100)
        self.link = SimpleNamespace(ready=lambda: list(workers))
        self.placing = Placing(cast(Any, self.link), self.mounts)

    def place(self, path: str = "/cam") -> Mount:
        mount = self.mounts.add(path, SDP, 0.0)
        asyncio.run(self.placing.place(mount))
        return mount


def test_the_first_that_has_ports_gets_it() -> None:
    full, free = Held(0, NO_PORTS), Held(1, MountOpened((10_000,)))
    mount = Scene(full, free).place()
    assert (mount.worker, mount.rtp_ports) == (cast(Worker, free), (10_000,))
    assert full.told == []


def test_one_whose_answer_is_not_known_has_to_let_go_of_it() -> None:
    gone, free = Held(0, WorkerGone("worker 0 died")), Held(1, MountOpened((10_000,)))
    mount = Scene(gone, free).place()
    assert gone.told == [CloseMount("/cam", mount.generation)]
    assert mount.worker is cast(Worker, free)


def test_one_that_dies_right_behind_its_answer_has_it_not() -> None:
    dies = Held(0, MountOpened((10_000,)))
    dies.dies = True
    with pytest.raises(PeerError, match="worker 0 died"):
        Scene(dies).place()


@pytest.mark.parametrize(
    ("workers", "reason"),
    [([], "no worker is alive"), ([Held(0, NO_PORTS)], "no worker can take /cam: no port is free")],
)
def test_where_none_can_take_it_the_client_gets_503(workers: list[Held], reason: str) -> None:
    with pytest.raises(PeerError, match=reason) as caught:
        Scene(*workers).place()
    assert caught.value.status == 503


def test_a_session_that_ends_meanwhile_needs_no_worker() -> None:
    scene = Scene(Held(0, MountOpened((10_000,))))
    mount = scene.mounts.add("/cam", SDP, 0.0)
    scene.mounts.remove(mount)
    with pytest.raises(PeerError) as caught:
        asyncio.run(scene.placing.place(mount))
    assert caught.value.status == 454


def test_mounts_that_come_at_once_are_spread() -> None:
    workers = [Held(index, MountOpened((10_000,))) for index in range(3)]
    scene = Scene(*workers)
    indexes = [scene.place(f"/{number}").placement.index for number in range(6)]
    assert sorted(str(each) for each in indexes) == ["0", "0", "1", "1", "2", "2"]


def test_what_is_expected_counts_as_if_it_were_there() -> None:
    workers = [Held(index, MountOpened((10_000,))) for index in range(2)]
    scene = Scene(*workers)

    async def program() -> list[int]:
        with scene.placing.expecting(cast(Worker, workers[0])), scene.placing.expecting(cast(Worker, workers[0])):
            return [each.index for each in scene.placing.preferred()]

    assert asyncio.run(program()) == [1, 0]
