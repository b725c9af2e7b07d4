"""What an operator does with the workers: moves a mount, drains one worker, restarts all of them one by one."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress

from router.fleet.moving import Moved, MoveError, Mover
from router.fleet.placing import Placing
from router.link.placement import PlacementState
from router.link.worker import Worker, WorkerState
from router.link.workers import WorkersLink
from router.logs import get_logger
from router.paths import decoded_path
from router.settings import Settings
from router.state.mounts import FanoutPoint, Mounts
from router.tasks import Tasks

log = get_logger(__name__)

MOST_ATTEMPTS = 3
"""How often a mount is tried to be moved from a worker that is drained: a request may have been in the way."""
ENDED_WITHIN_S = 5.0
"""How long a drained worker may take to end: it has nothing left to do."""
REPLACED_WITHIN_S = 30.0
"""How long its supervisor may take to start another one: the longest delay after many deaths, and a slow start."""
ANSWERED_WITHIN_S = 0.1
"""How long the answer to a command may take to leave, before a front that was told to end does so."""
DRAIN_AGAIN_S = 0.1
"""How soon it is tried again to drain a worker that was told to end: it does not wait for long."""
LOOK_S = 0.02

Say = Callable[[str], None]
"""Tells whoever waits one line of progress."""
Operation = Callable[[Sequence[str], Say], Awaitable[str]]
"""Does something with its arguments; gives what to say at the end, or raises OperationRefused."""


class OperationRefused(Exception):
    """An operation was not carried out; the text says what happened and what helps."""


class Operations:
    """Operations on workers. Only one worker is drained at a time."""

    def __init__(
        self,
        settings: Settings,
        link: WorkersLink,
        mounts: Mounts,
        placing: Placing,
        mover: Mover,
        let_go: Callable[[], Coroutine[None, None, None]] | None,
    ) -> None:
        """`let_go` ends this front and no stream; None where its workers would end with it."""
        self._let_go = let_go
        self._settings = settings
        self._link = link
        self._mounts = mounts
        self._placing = placing
        self._mover = mover
        self._turn = asyncio.Lock()
        self._tasks = Tasks()

    def by_verb(self) -> Mapping[str, Operation]:
        """Give each operation by the verb that an administrator says."""
        return {
            "move": self.move,
            "drain": self.drain,
            "restart-workers": self.restart_workers,
            "restart-front": self.restart_front,
        }

    # -- operations ----------------------------------------------------------------------------------------------------

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
        moved = await self._move(mount, source, target, "ordered")
        return f"moved {_count(moved)} from worker {source.index} to worker {target.index}"

    async def drain(self, arguments: Sequence[str], say: Say) -> str:
        """Empty a worker and let it end; its supervisor starts another one. Raises OperationRefused."""
        (index,) = _expect(arguments, "drain", "a worker")
        worker = self._known_worker(index)
        async with self._turn:
            await self._replace(worker, say)
        return f"worker {worker.index} was drained and has been replaced"

    async def restart_workers(self, arguments: Sequence[str], say: Say) -> str:
        """Drain all workers and let each be replaced, one by one. Raises OperationRefused."""
        async with self._turn:
            workers = [self._known_worker(str(index)) for index in range(self._settings.worker_count)]
            for number, worker in enumerate(workers, 1):
                say(f"worker {worker.index} ({number} of {len(workers)})")
                await self._replace(worker, say)
        return f"all {len(workers)} workers have been replaced"

    async def restart_front(self, arguments: Sequence[str], say: Say) -> str:
        """Let go of everything and end; another front takes all up. Raises OperationRefused."""
        if self._let_go is None:
            raise OperationRefused("this front is part of a program, and its workers end with it: restart the program")
        # What is under way has its end first, and nothing begins any more.
        await self._turn.acquire()
        await self._mover.stop()
        asyncio.get_running_loop().call_later(ANSWERED_WITHIN_S, self._tasks.run, self._let_go())
        return "the front lets go"

    def drain_wanted(self, worker: Worker) -> None:
        """Empty a worker that was told to end by somebody else, as far as there is time."""
        if worker.state is WorkerState.READY:
            worker.become(WorkerState.DRAINING)
            self._tasks.run(self._drain_wanted(worker))

    async def _drain_wanted(self, worker: Worker) -> None:
        """Try until it is done, or the worker has ended: others may be just about to come back."""
        reason = ""
        while not worker.is_lost:
            try:
                async with self._turn:
                    await self._move_all(worker, lambda line: None)
                return
            except OperationRefused as error:
                reason = str(error)
            await asyncio.sleep(DRAIN_AGAIN_S)
        log.warning("worker ended before it was drained", worker=worker.index, reason=reason)

    # -- what they are made of -------------------------------------------------------------------------------------

    def _known_worker(self, text: str) -> Worker:
        worker = self._link.workers.get(int(text)) if text.isascii() and text.isdecimal() else None
        if worker is None:
            raise OperationRefused(f"there is no worker {text} now; `trunkline status` lists those that there are")
        return worker

    def _ready_worker(self, text: str) -> Worker:
        worker = self._known_worker(text)
        if worker.state is not WorkerState.READY:
            raise OperationRefused(f"worker {text} is {worker.state}; choose another one, or wait until it is ready")
        return worker

    async def _move(self, mount: FanoutPoint, source: Worker, target: Worker, reason: str) -> Moved:
        try:
            return await self._mover.move([mount], source, target, reason=reason)
        except MoveError as error:
            raise OperationRefused(f"{mount.path} stays on worker {source.index}: {error}") from error

    async def _replace(self, worker: Worker, say: Say) -> None:
        """Drain a worker, let it end, and wait for the next one."""
        await self._empty(worker, say)
        say(f"worker {worker.index} is empty and ends")
        worker.terminate()
        if not await _within(ENDED_WITHIN_S, lambda: worker.is_lost):
            self._link.lose(worker, "drained, and did not end")
        if not await _within(REPLACED_WITHIN_S, lambda: self._is_replaced(worker)):
            raise OperationRefused(
                f"worker {worker.index} was drained and has ended, but no other has come in its place within"
                f" {REPLACED_WITHIN_S:g} s; does anybody supervise it? Start `trunkline worker --index {worker.index}`"
            )

    def _is_replaced(self, worker: Worker) -> bool:
        now = self._link.workers.get(worker.index)
        return now is not None and now is not worker and now.state in (WorkerState.READY, WorkerState.GIVEN_UP)

    async def _empty(self, worker: Worker, say: Say) -> None:
        """Move everything away from a worker, which gets nothing new meanwhile."""
        before = worker.state
        if before not in (WorkerState.READY, WorkerState.GIVEN_UP):
            raise OperationRefused(f"worker {worker.index} is {before}: it can't be drained")
        worker.become(WorkerState.DRAINING)
        log.info("worker is drained", worker=worker.index)
        try:
            await self._move_all(worker, say)
        except BaseException:
            if worker.state is WorkerState.DRAINING:
                worker.become(before)
            raise

    async def _move_all(self, worker: Worker, say: Say) -> None:
        attempts: Counter[str] = Counter()
        done = 0
        while mounts := [mount for mount in self._mounts.places() if mount.worker is worker]:
            mount = min(mounts, key=lambda each: attempts[each.path])
            attempts[mount.path] += 1
            try:
                done += (await self._move(mount, worker, self._best_other(worker), "drained")).mounts
            except OperationRefused:
                if attempts[mount.path] >= MOST_ATTEMPTS or worker.is_lost:
                    raise
            say(f"worker {worker.index}: {done} of {done + len(mounts) - 1} mounts moved")
        if others := [each for each in self._link.ready() if each is not worker]:
            try:
                await self._mover.move((), worker, others[0], reason="drained", rest=True)
            except MoveError as error:
                raise OperationRefused(
                    f"connections without a session stay on worker {worker.index}: {error}"
                ) from error

    def _best_other(self, worker: Worker) -> Worker:
        others = [each for each in self._placing.preferred() if each is not worker]
        if not others:
            raise OperationRefused(
                f"worker {worker.index} has mounts, and there is no other worker that could take them; let there be"
                " two workers at least (`workers = 2`), or wait until the others are back"
            )
        return others[0]


def _expect(arguments: Sequence[str], verb: str, what: str) -> Sequence[str]:
    if len(arguments) != what.count(" and ") + 1:
        raise OperationRefused(f"{verb} takes {what}")
    return arguments


def _count(moved: Moved) -> str:
    mounts = "1 mount" if moved.mounts == 1 else f"{moved.mounts} mounts that share connections"
    return f"{mounts} in {moved.paused_ms:.0f} ms, with {moved.connections} connections"


async def _within(seconds: float, fact: Callable[[], bool]) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not fact():
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(LOOK_S)
    return True
