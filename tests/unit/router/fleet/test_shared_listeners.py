"""Listening sockets that workers hold, and give to the next front."""

import asyncio
import os
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from router.fleet.shared_listeners import SharedListeners
from router.tasks import Tasks
from workers.contract.commands import KeepListeners
from workers.contract.messages import Command
from workers.contract.reports import StateReport


class Held:
    """A worker with its descriptors' socket."""

    def __init__(self, descriptors: list[int] | None = None) -> None:
        self.channel = self
        self.descriptors = descriptors or []
        self.told: list[Command] = []
        self.sent: list[tuple[int, ...]] = []
        self.is_gone = False

    def claim(self, token: str) -> list[int]:
        return self.descriptors

    async def send(self, token: str, *descriptors: int) -> None:
        if self.is_gone:
            raise BrokenPipeError
        self.sent.append(descriptors)

    def tell(self, command: Command) -> None:
        self.told.append(command)


def report(*names: str) -> StateReport:
    return StateReport((), (), more=False, listeners=names, listeners_token="t")


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def run(work: Callable[[SharedListeners], None], *workers: Held) -> None:
    async def program() -> None:
        tasks = Tasks()
        work(SharedListeners(cast(Any, SimpleNamespace(alive=lambda: list(workers))), tasks))
        for _ in range(5):
            await asyncio.sleep(0)
        await tasks.cancel()

    asyncio.run(program())


def test_every_worker_holds_duplicates_of_what_is_shared() -> None:
    first, second, gone = Held(), Held(), Held()
    gone.is_gone = True
    with listening() as publish, listening() as client:
        run(lambda listeners: listeners.share({"publish": publish, "client": client}), first, second, gone)
        for each in (first, second):
            (command,) = each.told
            assert isinstance(command, KeepListeners)
            assert command.names == ("publish", "client")
            assert command.token
            assert each.sent == [(publish.fileno(), client.fileno())]
    assert gone.told == []


def test_with_none_workers_let_go_of_theirs() -> None:
    worker = Held()
    run(lambda listeners: listeners.share({}), worker)
    assert worker.told == [KeepListeners((), "")]


def test_before_anything_is_known_workers_keep_what_they_have() -> None:
    worker = Held()
    run(lambda listeners: listeners.send(cast(Any, worker)), worker)
    assert (worker.told, worker.sent) == ([], [])


def test_the_first_ones_that_come_are_taken_and_the_others_closed() -> None:
    kept = [listening().detach()]
    again = [listening().detach()]

    def work(listeners: SharedListeners) -> None:
        listeners.take(cast(Any, Held(kept)), report("publish"))
        (passed,) = listeners.kept
        assert passed.name == "publish"
        listeners.take(cast(Any, Held(again)), report("publish"))
        assert listeners.kept == [passed]
        assert not is_open(again[0])
        listeners.share({})
        assert (listeners.kept, passed.listener.fileno()) == ([], -1)

    run(work)


def test_where_names_and_sockets_do_not_match_none_is_taken() -> None:
    came = [listening().detach()]

    def work(listeners: SharedListeners) -> None:
        listeners.take(cast(Any, Held(came)), report("publish", "client"))
        assert listeners.kept == []

    run(work)
    assert not is_open(came[0])


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
