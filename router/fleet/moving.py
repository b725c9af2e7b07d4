"""Moves mounts from one worker to another, with their publishers, readers and connections, while media flows.

The source freezes them and sends up all descriptors with an image; the target makes ready; then it starts, and the
source lets go. Nobody reads or writes in between: the kernel queues. `router/README.md` says who has them after which
death on the way.
"""

import asyncio
import secrets
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from router.connections.connection import Connection
from router.link.placement import Placement, held
from router.link.worker import Worker, WorkerError, WorkerGone, WorkerRefused
from router.logs import get_logger
from router.state.mounts import FanoutPoint
from router.state.state import State
from workers.contract.commands import ExportMounts, ForgetMove, ImportMounts, ResumeExported, StartImported
from workers.contract.parts import MountName
from workers.contract.replies import Entangled, Exported
from workers.shared.descriptor_socket import close_all

log = get_logger(__name__)

IDLE_WITHIN_S = 5.0
"""How long requests under way may hold a move up: they take milliseconds, but for a client that reads nothing."""
TAKEN_WITHIN_S = 2.0
"""How long the target may take to make ready and start: the source goes on by itself after three seconds."""
MOST_WIDENINGS = 8
"""How often it may turn out that more has to move together, as clients change what their connections carry."""


class MoveError(Exception):
    """A move did not happen, and all is where it was; the text says why."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move came to. `paused_ms` is the longest that media can have waited."""

    mounts: int
    connections: int
    paused_ms: float


@dataclass(frozen=True, slots=True)
class _Group:
    """What moves together."""

    mounts: frozenset[FanoutPoint]
    connections: frozenset[Connection]

    @property
    def placements(self) -> list[Placement]:
        return [each.placement for each in self.mounts] + [each.placement for each in self.connections]


class Mover:
    """Moves, one at a time."""

    def __init__(self, state: State, on_lost: Callable[[Worker], None]) -> None:
        """`on_lost` is called for a worker that was lost while it was to have what was moved."""
        self._mounts = state.mounts
        self._sessions = state.sessions
        self._connections = state.connections
        self._on_lost = on_lost
        self._turn = asyncio.Lock()

    async def move(
        self, mounts: Iterable[FanoutPoint], source: Worker, target: Worker, *, reason: str, rest: bool = False
    ) -> Moved:
        """Move mounts, and all that has to go with them; with `rest` all connections too that have no session.

        `reason` is for the log.

        Raises:
            MoveError: they are where they were.
        """
        async with self._turn:
            wanted, carriers = set(mounts), set[str]()
            for _ in range(MOST_WIDENINGS):
                group = self._group(wanted, carriers, source, rest=rest)
                if not group.mounts and not group.connections:
                    return Moved(0, 0, 0.0)
                outcome = await self._move(group, source, target)
                if isinstance(outcome, Moved):
                    _tell(group, source, target, reason, outcome)
                    return outcome
                wanted |= {mount for path in outcome.mounts if (mount := self._mounts.place(path)) is not None}
                carriers |= set(outcome.connections)
        raise MoveError(f"what has to move together from worker {source.index} changes all the time; try again")

    async def stop(self) -> None:
        """Wait for the end of a move that is under way; none begins after it."""
        await self._turn.acquire()

    def _group(
        self, wanted: Collection[FanoutPoint], carriers: Collection[str], source: Worker, *, rest: bool
    ) -> _Group:
        mounts = frozenset(each for each in wanted if each.worker is source)
        own = []
        for connection in [each for each in self._connections if each.placement.worker is source]:
            sessions = self._sessions.of(connection)
            if connection.id in carriers or (all(each.place in mounts for each in sessions) if sessions else rest):
                own.append(connection)
        return _Group(mounts, frozenset(own))

    async def _move(self, group: _Group, source: Worker, target: Worker) -> Moved | Entangled:
        try:
            async with held(group.placements, IDLE_WITHIN_S):
                return await self._move_idle(self._still_there(group, source), source, target)
        except TimeoutError:
            raise MoveError(f"a request has held it up for {IDLE_WITHIN_S:g} s; try again") from None

    def _still_there(self, group: _Group, source: Worker) -> _Group:
        return _Group(
            frozenset(each for each in group.mounts if each.worker is source),
            frozenset(each for each in group.connections if each.placement.worker is source),
        )

    async def _move_idle(self, group: _Group, source: Worker, target: Worker) -> Moved | Entangled:
        loop = asyncio.get_running_loop()
        name = secrets.token_hex(8)
        for placement in group.placements:
            placement.move_to(target)
        winner, begun = source, loop.time()
        exported: Exported | Entangled | None = None
        with source.moving(), target.moving():
            try:
                exported = await self._export(group, source, name)
                if isinstance(exported, Exported):
                    winner = await self._import(exported, source, target, name)
            finally:
                gone = set(exported.connections) if isinstance(exported, Exported) else set[str]()
                self._settle(group, source, winner, gone)
        if isinstance(exported, Entangled):
            return exported
        return Moved(len(group.mounts), len(gone), (loop.time() - begun) * 1000)

    async def _export(self, group: _Group, source: Worker, name: str) -> Exported | Entangled:
        mounts = tuple(MountName(each.path, each.generation) for each in group.mounts)
        try:
            reply = await source.ask(ExportMounts(name, mounts, tuple(each.id for each in group.connections)))
        except WorkerError as error:
            if isinstance(error, WorkerGone):  # it may have frozen them after all
                source.tell(ResumeExported(name))
            raise MoveError(f"worker {source.index} could not let go of it: {error}") from error
        assert isinstance(reply, Exported | Entangled)
        return reply

    async def _import(self, exported: Exported, source: Worker, target: Worker, name: str) -> Worker:
        """Let the target take over; gives the worker that has all then.

        Raises:
            MoveError: the source has resumed.
        """
        descriptors = source.channel.claim(name)
        try:
            if len(descriptors) != exported.descriptors:
                raise WorkerGone(
                    f"{len(descriptors)} of {exported.descriptors} descriptors came: the front may have too few left"
                )
            async with asyncio.timeout(TAKEN_WITHIN_S):
                await target.channel.send(name, *descriptors)
                await target.ask(ImportMounts(name, exported.image))
                await target.ask(StartImported(name))
        except (WorkerError, OSError, TimeoutError) as error:
            reason = f"{TAKEN_WITHIN_S:g} s were too short" if isinstance(error, TimeoutError) else str(error)
            if await self._resumed(source, target, name):
                raise MoveError(f"worker {target.index} could not take it: {reason}") from error
            log.warning("a move was done, though not all of it was heard of", target=target.index, reason=reason)
        finally:
            close_all(descriptors)
        source.tell(ForgetMove(name))
        return target

    async def _resumed(self, source: Worker, target: Worker, name: str) -> bool:
        """Call a move off, unless it is done: the workers settle between themselves who goes on."""
        target.tell(ForgetMove(name))
        try:
            await source.ask(ResumeExported(name))
        except WorkerRefused:
            return False
        except WorkerGone:
            return not source.is_lost or target.is_lost
        return True

    def _settle(self, group: _Group, source: Worker, winner: Worker, gone: Collection[str]) -> None:
        """Say of all who has them now, and pass on what they were told meanwhile."""
        for mount in group.mounts:
            mount.placement.arrived(winner)
            if winner is not source:
                mount.moved = asyncio.get_running_loop().time()
        for connection in group.connections:
            connection.placement.arrived(winner if connection.id in gone else source)
        if winner is not source:
            source.lent = None
        for worker in {source, winner}:
            if worker.is_lost:
                self._on_lost(worker)


def _tell(group: _Group, source: Worker, target: Worker, reason: str, moved: Moved) -> None:
    paused_ms = round(moved.paused_ms, 1)
    for mount in group.mounts:
        log.info(
            "mount moved",
            mount=mount.path,
            source=source.index,
            target=target.index,
            reason=reason,
            readers=len(mount.readers),
            paused_ms=paused_ms,
        )
