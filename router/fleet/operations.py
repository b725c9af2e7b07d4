"""What an operator does with the workers: moves a mount, drains one worker, restarts all of them one by one."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress

from router.fleet.draining import DrainError, Say
from router.fleet.fleet import Fleet
from router.fleet.moving import Moved, MoveError
from router.link.placement import PlacementState
from router.link.worker import Worker, WorkerState
from router.paths import decoded_path
from router.state.state import State
from router.tasks import Tasks

ANSWERED_WITHIN_S = 0.1
"""How long the answer to a command may take to leave, before a front that was told to end does so."""


Operation = Callable[[Sequence[str], Say], Awaitable[str]]
"""Does something with its arguments; gives what to say at the end, or raises OperationRefused."""


class OperationRefused(Exception):
    """An operation was not carried out; the text says what happened and what helps."""


class Operations:
    """Operations on workers, which change one at a time."""

    def __init__(self, state: State, fleet: Fleet, let_go: Callable[[], Coroutine[None, None, None]] | None) -> None:
        """`let_go` ends this front and no stream; None where its workers would end with it."""
        self._let_go = let_go
        self._worker_count = state.settings.worker_count
        self._mounts = state.mounts
        self._workers = fleet.link.workers
        self._mover = fleet.mover
        self._drainer = fleet.drainer
        self._tasks = Tasks()

    def by_verb(self) -> Mapping[str, Operation]:
        """Give each operation by the verb that an administrator says."""
        return {
            "move": self.move,
            "drain": self.drain,
            "restart-workers": self.restart_workers,
            "restart-front": self.restart_front,
        }

    async def move(self, arguments: Sequence[str], say: Say) -> str:
        """Move one mount to one worker. Raises OperationRefused."""
        path, index = _expect(arguments, "move", "a mount's path and a worker")
        target = self._ready_worker(index)
        with suppress(ValueError):  # no mount has such a path
            path = decoded_path(path)
        mount = self._mounts.place(path)
        if mount is None or mount.placement.state is PlacementState.UNPLACED:
            raise OperationRefused(f"there is no mount {path}; `trunkline status` lists all")
        source = mount.worker
        if source is target:
            return f"{path} is on worker {target.index} already"
        if source is None:
            raise OperationRefused(f"{path} is on its way to another worker just now; see where it is, and try again")
        try:
            moved = await self._mover.move([mount], source, target, reason="ordered")
        except MoveError as error:
            raise OperationRefused(f"{path} stays on worker {source.index}: {error}") from error
        return f"moved {_count(moved)} from worker {source.index} to worker {target.index}"

    async def drain(self, arguments: Sequence[str], say: Say) -> str:
        """Empty a worker and let it end; its supervisor starts another one. Raises OperationRefused."""
        (index,) = _expect(arguments, "drain", "a worker")
        worker = self._known_worker(index)
        async with self._drainer.turn:
            await self._replace(worker, say)
        return f"worker {worker.index} was drained and has been replaced"

    async def restart_workers(self, arguments: Sequence[str], say: Say) -> str:
        """Drain all workers and let each be replaced, one by one. Raises OperationRefused."""
        async with self._drainer.turn:
            workers = [self._known_worker(str(index)) for index in range(self._worker_count)]
            for number, worker in enumerate(workers, 1):
                say(f"worker {worker.index} ({number} of {len(workers)})")
                await self._replace(worker, say)
        return f"all {len(workers)} workers have been replaced"

    async def restart_front(self, arguments: Sequence[str], say: Say) -> str:
        """Let go of everything and end; another front takes all up. Raises OperationRefused."""
        if self._let_go is None:
            raise OperationRefused("this front is part of a program, and its workers end with it: restart the program")
        # What is under way has its end first, and nothing begins any more.
        await self._drainer.turn.acquire()
        await self._mover.stop()
        asyncio.get_running_loop().call_later(ANSWERED_WITHIN_S, self._tasks.run, self._let_go())
        return "the front lets go"

    async def _replace(self, worker: Worker, say: Say) -> None:
        try:
            await self._drainer.replace(worker, say)
        except DrainError as error:
            raise OperationRefused(str(error)) from error

    def _known_worker(self, text: str) -> Worker:
        worker = self._workers.get(int(text)) if text.isascii() and text.isdecimal() else None
        if worker is None:
            raise OperationRefused(f"there is no worker {text} now; `trunkline status` lists those that there are")
        return worker

    def _ready_worker(self, text: str) -> Worker:
        worker = self._known_worker(text)
        if worker.state is not WorkerState.READY:
            raise OperationRefused(f"worker {text} is {worker.state}; choose another one, or wait until it is ready")
        return worker


def _expect(arguments: Sequence[str], verb: str, what: str) -> Sequence[str]:
    if len(arguments) != what.count(" and ") + 1:
        raise OperationRefused(f"{verb} takes {what}")
    return arguments


def _count(moved: Moved) -> str:
    mounts = "1 mount" if moved.mounts == 1 else f"{moved.mounts} mounts that share connections"
    return f"{mounts} in {moved.paused_ms:.0f} ms, with {moved.connections} connections"
