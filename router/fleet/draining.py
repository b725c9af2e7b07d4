"""Empties workers: all that one has moves to others, and it gets nothing new."""

import asyncio
from collections import Counter
from collections.abc import Callable

from router.fleet.moving import MoveError, Mover
from router.fleet.placing import Placing
from router.link.worker import Worker, WorkerState
from router.link.workers import WorkersLink
from router.logs import get_logger
from router.state.mounts import FanoutPoint, Mounts
from router.tasks import Tasks

log = get_logger(__name__)

MOST_ATTEMPTS = 3
"""How often a mount is tried to be moved from a worker that is drained: a request may have been in the way."""
ENDED_WITHIN_S = 5.0
"""How long a drained worker may take to end: it has nothing left to do."""
REPLACED_WITHIN_S = 30.0
"""How long its supervisor may take to start another one: the longest delay after many deaths, and a slow start."""
DRAIN_AGAIN_S = 0.1
"""How soon it is tried again to drain a worker that was told to end: it does not wait for long."""
LOOK_S = 0.02

Say = Callable[[str], None]
"""Tells whoever waits one line of progress."""


class DrainError(Exception):
    """A worker was not drained, or not replaced; the text says why, and what helps."""


class Drainer:
    """Drains workers. Whoever does holds `turn`: only one is drained at a time."""

    def __init__(self, link: WorkersLink, mounts: Mounts, placing: Placing, mover: Mover) -> None:
        self.turn = asyncio.Lock()
        self._link = link
        self._mounts = mounts
        self._placing = placing
        self._mover = mover
        self._tasks = Tasks()

    async def close(self) -> None:
        await self._tasks.cancel()

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
                async with self.turn:
                    await self._move_all(worker, lambda line: None)
                return
            except DrainError as error:
                reason = str(error)
            await asyncio.sleep(DRAIN_AGAIN_S)
        log.warning("worker ended before it was drained", worker=worker.index, reason=reason)

    async def replace(self, worker: Worker, say: Say) -> None:
        """Drain a worker, let it end, and wait for the next one.

        Raises:
            DrainError: it stays, or no other came.
        """
        await self._empty(worker, say)
        say(f"worker {worker.index} is empty and ends")
        worker.terminate()
        if not await _within(ENDED_WITHIN_S, lambda: worker.is_lost):
            self._link.lose(worker, "drained, and did not end")
        if not await _within(REPLACED_WITHIN_S, lambda: self._is_replaced(worker)):
            raise DrainError(
                f"worker {worker.index} was drained and has ended, but no other has come in its place within"
                f" {REPLACED_WITHIN_S:g} s; does anybody supervise it? Start `trunkline worker --index {worker.index}`"
            )

    def _is_replaced(self, worker: Worker) -> bool:
        now = self._link.workers.get(worker.index)
        return now is not None and now is not worker and now.state in (WorkerState.READY, WorkerState.GIVEN_UP)

    async def _empty(self, worker: Worker, say: Say) -> None:
        before = worker.state
        if before not in (WorkerState.READY, WorkerState.GIVEN_UP):
            raise DrainError(f"worker {worker.index} is {before}: it can't be drained")
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
                done += await self._move(mount, worker)
            except DrainError:
                if attempts[mount.path] >= MOST_ATTEMPTS or worker.is_lost:
                    raise
            say(f"worker {worker.index}: {done} of {done + len(mounts) - 1} mounts moved")
        if others := [each for each in self._link.ready() if each is not worker]:
            try:
                await self._mover.move((), worker, others[0], reason="drained", rest=True)
            except MoveError as error:
                raise DrainError(f"connections without a session stay on worker {worker.index}: {error}") from error

    async def _move(self, mount: FanoutPoint, source: Worker) -> int:
        """Move a mount, and what has to go with it, to the best other worker; give how many went."""
        try:
            return (await self._mover.move([mount], source, self._best_other(source), reason="drained")).mounts
        except MoveError as error:
            raise DrainError(f"{mount.path} stays on worker {source.index}: {error}") from error

    def _best_other(self, worker: Worker) -> Worker:
        others = [each for each in self._placing.preferred() if each is not worker]
        if not others:
            raise DrainError(
                f"worker {worker.index} has mounts, and there is no other worker that could take them; let there be"
                " two workers at least (`workers = 2`), or wait until the others are back"
            )
        return others[0]


async def _within(seconds: float, fact: Callable[[], bool]) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not fact():
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(LOOK_S)
    return True
