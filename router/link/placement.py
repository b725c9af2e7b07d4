"""Where a mount, a replica or a connection is: at which worker, on the way to one, or at none.

It lies below all three, as each of them has one. Nobody else keeps a worker for them, or decides who waits.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from enum import Enum, auto

from router.link.worker import Worker
from workers.contract.messages import Command

ARRIVES_WITHIN_S = 10.0
"""How long users wait for what is on its way: as long as a move may take that waits for others before."""


class PlacementError(Exception):
    """There is no worker to ask."""


class Unplaced(PlacementError):
    """No worker has it."""


class NotArrived(PlacementError):
    """It was on its way for too long."""


class PlacementClosed(PlacementError):
    """It was closed."""


class PlacementState(Enum):
    """Where something is."""

    UNPLACED = auto()
    """At no worker; a connection: the front reads and writes it."""
    OPENING = auto()
    """A worker was told to open it, and has not answered."""
    AT = auto()
    MOVING = auto()
    """Between two workers."""
    LOST = auto()
    """Its worker died, and the next one is not known yet."""
    CLOSED = auto()


_NEXT: Mapping[PlacementState, Collection[PlacementState]] = {
    PlacementState.UNPLACED: {PlacementState.OPENING, PlacementState.AT, PlacementState.CLOSED},
    PlacementState.OPENING: {PlacementState.AT, PlacementState.UNPLACED, PlacementState.CLOSED},
    PlacementState.AT: {
        PlacementState.AT,  # a connection that goes on with a session at another worker
        PlacementState.MOVING,
        PlacementState.LOST,
        PlacementState.UNPLACED,
        PlacementState.CLOSED,
    },
    PlacementState.MOVING: {PlacementState.AT, PlacementState.CLOSED},
    PlacementState.LOST: {PlacementState.AT, PlacementState.UNPLACED, PlacementState.CLOSED},
    PlacementState.CLOSED: set(),
}
_SETTLED = {PlacementState.UNPLACED, PlacementState.AT}


class Placement:
    """Where one thing is. Its users keep it there; whoever comes while it is on its way waits."""

    __slots__ = ("_held", "_idle", "_queue", "_settled", "_state", "_target", "_users", "_worker")

    def __init__(self, worker: Worker | None = None) -> None:
        """`worker` has it already; None: nobody has."""
        self._state = PlacementState.UNPLACED if worker is None else PlacementState.AT
        self._worker = worker
        self._target: Worker | None = None
        self._queue: list[Command] = []
        self._users = 0
        self._held = False
        self._settled = asyncio.Event()
        self._settled.set()
        self._idle = asyncio.Event()
        self._idle.set()

    # -- facts -----------------------------------------------------------------------------------------------------

    @property
    def state(self) -> PlacementState:
        return self._state

    @property
    def closed(self) -> bool:
        return self._state is PlacementState.CLOSED

    @property
    def worker(self) -> Worker | None:
        """The worker that has it, or opens it; None while it is on its way, and where nobody has it."""
        return self._worker if self._state in (PlacementState.OPENING, PlacementState.AT) else None

    @property
    def index(self) -> int | None:
        """The index of the worker that it counts for: while it moves, the source's; None where that is lost."""
        if self._worker is None or self._worker.is_lost:
            return None
        return self._worker.index

    @property
    def reached(self) -> Worker | None:
        """The worker that commands go to at once, after the end too; None while they are kept."""
        return None if self._state is PlacementState.LOST or self._target is not None else self._worker

    @property
    def placed(self) -> bool:
        """Whether a worker has it, or had it at the end."""
        return self._worker is not None

    def may_speak(self, worker: Worker) -> bool:
        """Tell whether what this worker says may be about it: said before it left, or after it came."""
        return worker in (self._worker, self._target)

    # -- use -------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Worker]:
        """Keep it where it is for as long as the block lasts; give its worker, once it has arrived.

        Raises:
            PlacementClosed: it was closed.
            Unplaced: it is at no worker.
            NotArrived: it did not arrive in time.
        """
        async with self.stay():
            if self.closed:
                raise PlacementClosed
            if self.worker is None:
                raise Unplaced
            yield self.worker

    @asynccontextmanager
    async def stay(self) -> AsyncIterator[None]:
        """Keep it where it is for as long as the block lasts, be it at a worker or not.

        Raises:
            NotArrived: it did not arrive in time.
        """
        try:
            async with asyncio.timeout(ARRIVES_WITHIN_S):
                while not self._settled.is_set():
                    await self._settled.wait()
        except TimeoutError:
            raise NotArrived from None
        with self._used():
            yield

    @contextmanager
    def _used(self) -> Iterator[None]:
        self._users += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._idle.set()

    def tell(self, command: Command) -> None:
        """Send a command that nobody waits for, or keep it until it has arrived. As many come as requests that wait for
        an answer, and those are few."""
        if self.reached is not None:
            self.reached.tell(command)
        elif self._worker is not None:
            self._queue.append(command)

    # -- changes ---------------------------------------------------------------------------------------------------

    @contextmanager
    def opening(self, worker: Worker) -> Iterator[None]:
        """Count it as a worker's while that opens it; an exception leaves it unplaced."""
        self._become(PlacementState.OPENING, worker)
        try:
            with self._used():
                yield
        except BaseException:
            self.unplace()
            raise
        if not self.closed:
            self._become(PlacementState.AT, worker)

    def arrived(self, worker: Worker) -> None:
        """Say who has it now; what was kept goes there first, in order, and the end too of what was closed."""
        if self.closed:
            self._worker = worker
        else:
            self._become(PlacementState.AT, worker)
        self._target = None
        queue, self._queue = self._queue, []
        for command in queue:
            worker.tell(command)

    def move_to(self, target: Worker) -> None:
        """Begin a move, whose end `arrived` tells."""
        self._become(PlacementState.MOVING, self._worker)
        self._target = target

    def lost(self) -> None:
        """Say that its worker died; `arrived` tells which one it goes on at."""
        self._become(PlacementState.LOST, self._worker)

    def unplace(self) -> None:
        """Say that no worker has it."""
        if not self.closed:
            self._become(PlacementState.UNPLACED, None)
            self._queue.clear()

    def close(self) -> None:
        """End it: whoever waits is told. What was kept still goes to the worker that it arrives at."""
        if self.closed:
            return
        if self._state is PlacementState.LOST:
            self._worker = None
            self._queue.clear()
        self._become(PlacementState.CLOSED, self._worker)

    def _become(self, state: PlacementState, worker: Worker | None) -> None:
        assert state in _NEXT[self._state], f"{self._state.name} to {state.name}"
        self._state, self._worker = state, worker
        self._let_in()

    def _let_in(self) -> None:
        if self.closed or (self._state in _SETTLED and not self._held):
            self._settled.set()
        else:
            self._settled.clear()

    def _hold(self, *, held: bool) -> None:
        self._held = held
        self._let_in()


@asynccontextmanager
async def held(placements: Collection[Placement], within_s: float) -> AsyncIterator[None]:
    """Keep things unused for as long as the block lasts. One holder at a time.

    Raises:
        TimeoutError: somebody went on using one; all are free again.
    """
    try:
        async with asyncio.timeout(within_s):
            for placement in placements:
                placement._hold(held=True)
            for placement in placements:
                await placement._idle.wait()
        yield
    finally:
        for placement in placements:
            placement._hold(held=False)
