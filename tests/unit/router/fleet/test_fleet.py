"""What workers are told of the listening sockets."""

import asyncio
import socket
from pathlib import Path
from typing import cast

from router.fleet.fleet import Fleet
from router.handlers.handlers import Handlers
from router.link.worker import Worker, WorkerState
from router.settings import Settings
from router.state.state import State
from workers.contract.commands import KeepListeners
from workers.contract.messages import Command
from workers.contract.reports import StateReport


class Channel:
    """The way of descriptors to one worker, which has sent up one socket."""

    def __init__(self, kept: socket.socket) -> None:
        self._kept = kept
        self.sent = 0

    def claim(self, token: str) -> list[int]:
        return [self._kept.dup().detach()] if token else []

    async def send(self, token: str, *descriptors: int) -> None:
        self.sent += len(descriptors)


class Held:
    """A worker that has kept a dead front's listening socket."""

    def __init__(self, kept: socket.socket) -> None:
        self.index, self.pid, self.state, self.lent = 0, 1000, WorkerState.READY, ()
        self.moves, self.moved_at, self.missing = 0, 0.0, set[str]()
        self.channel = Channel(kept)
        self.told: list[Command] = []

    def tell(self, command: Command) -> None:
        self.told.append(command)


def test_a_worker_lets_go_of_listening_sockets_only_for_a_front_that_has_some(tmp_path: Path) -> None:
    """A new front may die before it has taken them: then the worker's are the last."""

    async def program() -> None:
        settings = Settings(runtime_dir=tmp_path)
        fleet = Fleet(State.of(settings), Handlers([]))
        with socket.socket() as kept, socket.socket() as own:
            worker = Held(kept)
            report = StateReport((), (), more=False, listeners=("both",), listeners_token="t")
            fleet.on_ready(cast(Worker, worker), [report])
            assert [each.name for each in fleet.listeners.kept] == ["both"]
            await asyncio.sleep(0)
            assert worker.told == []
            fleet.link.workers[0] = cast(Worker, worker)
            fleet.listeners.share({"both": own})
            await asyncio.sleep(0.01)
            assert [type(each) for each in worker.told] == [KeepListeners]
            assert worker.channel.sent == 1
            fleet.listeners.share({})
            assert worker.told[1:] == [KeepListeners((), "")]

    asyncio.run(program())
