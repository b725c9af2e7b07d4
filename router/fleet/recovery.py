"""A worker has died: what it carried over UDP goes on elsewhere, with the same ports, and no client is asked.

Its sockets are gone only when its process is: so that is waited for. Then each mount is opened on another worker, or
on the next one that comes, and its publisher and readers are started there without a response to anybody. Meanwhile
requests that need the mount wait, and what is told to the dead worker is kept for the next. RTSP
connections follow last, as duplicates of the front's own. What travelled inside a connection can't go on: nobody
knows what the dead worker wrote last.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import suppress

from router.connections.connection import Connection, ConnectionEnded
from router.connections.transfer import pass_on
from router.fleet.placing import Placing
from router.fleet.replicas import Replicas
from router.link.placement import PlacementError, PlacementState
from router.link.worker import Worker, WorkerError, WorkerGone, WorkerRefused
from router.logs import get_logger
from router.rtsp.session_state import SessionState
from router.state import commands
from router.state.mount_state import PUBLISHED, MountChange
from router.state.mounts import Mount
from router.state.sessions import Session
from router.state.state import State
from router.tasks import Tasks
from workers.contract.commands import Play, Record, SetUpReader

log = get_logger(__name__)

GONE_WITHIN_S = 5.0
"""How long a killed process may take to be gone: it takes milliseconds, unless the kernel itself hangs."""
CARRIED_ON_WITHIN_S = 20.0
"""How long a mount may wait for a worker: one is started again at once, at most ten seconds later if it dies often."""
TRY_AGAIN_S = 0.25
"""How soon a mount that no worker could take tries again without news of another worker."""
MOST_DEATHS = 3
DEATHS_WITHIN_S = 60.0
"""A mount that has met so many deaths in so short a time may be what kills: it would take one worker after another."""


class Recovery:
    """Lets mounts go on whose worker died."""

    def __init__(self, state: State, placing: Placing, replicas: Replicas) -> None:
        self._replicas = replicas
        self._mounts = state.mounts
        self._sessions = state.sessions
        self._connections = state.connections
        self._lifecycle = state.lifecycle
        self._placing = placing
        self._news = asyncio.Event()
        self._tasks = Tasks()

    async def close(self) -> None:
        await self._tasks.cancel()

    def worker_ready(self) -> None:
        """Take note of a worker that can be given mounts."""
        self._news.set()

    def worker_lost(self, worker: Worker, reason: str) -> None:
        """End what can't go on, and let the rest wait for another worker."""
        now = asyncio.get_running_loop().time()
        reason = f"worker {worker.index} was lost: {reason}"
        self._replicas.worker_lost(worker, reason)
        connections = [each for each in self._connections if each.placement.worker is worker]
        for connection in connections:
            sessions = self._sessions.of(connection)
            if not sessions or any(each.interleaved for each in sessions):
                connection.abort(reason)  # with a publisher's its mount ends, or waits for another
        for mount in self._at(worker):
            if (why := self._too_often(mount, now)) is not None:
                self._lifecycle.close_mount(mount, f"{reason}, {why}")
        mounts = self._at(worker)
        connections = [each for each in connections if not each.closed]
        for mount in mounts:
            mount.placement.lost()
            self._count_anew(mount)
        for connection in connections:
            connection.worker_lost()
        if mounts or connections:
            self._tasks.run(self._go_on(worker, mounts, connections))

    def _at(self, worker: Worker) -> list[Mount]:
        return [each for each in self._mounts if each.worker is worker and each.placement.state is PlacementState.AT]

    def _count_anew(self, mount: Mount) -> None:
        mount.figures.begin_anew()
        for session in [self._sessions.get(each) for each in mount.readers]:
            if session is not None and session.replica is None:
                session.sent.begin_anew()

    @staticmethod
    async def _each(works: Iterable[Coroutine[None, None, None]]) -> None:
        """Do all of it: what one mount or connection fails at must not keep the others waiting."""
        for outcome in await asyncio.gather(*works, return_exceptions=True):
            if isinstance(outcome, Exception):
                log.error("something could not go on", exc_info=outcome)

    def _too_often(self, mount: Mount, now: float) -> str | None:
        """Note that a mount has lost its worker; say why it can't go on, or None."""
        mount.worker_lost_at = [each for each in mount.worker_lost_at if now - each < DEATHS_WITHIN_S] + [now]
        if len(mount.worker_lost_at) >= MOST_DEATHS:
            return f"the mount's {MOST_DEATHS}rd within {DEATHS_WITHIN_S:g} s: it may be what kills them"
        return None

    async def _go_on(self, dead: Worker, mounts: list[Mount], connections: list[Connection]) -> None:
        try:
            async with asyncio.timeout(GONE_WITHIN_S):
                await dead.gone.wait()
        except TimeoutError:
            log.error("a killed worker does not end, its ports are lost", worker=dead.index, pid=dead.pid)
            for mount in mounts:
                self._lifecycle.close_mount(mount, f"worker {dead.index} does not end")
        await self._each(self._place(each, dead) for each in mounts)
        await self._each(self._hand_over(each) for each in connections)

    # -- mounts ----------------------------------------------------------------------------------------------------

    async def _place(self, mount: Mount, dead: Worker) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await self._replicas.fold(mount)
            while not await self._place_somewhere(mount):
                if loop.time() - began > CARRIED_ON_WITHIN_S:
                    self._lifecycle.close_mount(mount, f"worker {dead.index} was lost, and no other could take it")
                    return
                self._news.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(TRY_AGAIN_S):
                        await self._news.wait()
        except Exception:
            self._lifecycle.close_mount(mount, f"worker {dead.index} was lost, and another could not take it")
            raise
        if not mount.closed:
            index, took_ms = mount.placement.index, round((loop.time() - began) * 1000, 1)
            log.info("mount goes on", mount=mount.path, source=dead.index, worker=index, took_ms=took_ms)

    async def _place_somewhere(self, mount: Mount) -> bool:
        for worker in self._placing.preferred():
            if mount.closed or await self._place_on(mount, worker):
                return True
        return mount.closed

    async def _place_on(self, mount: Mount, worker: Worker) -> bool:
        """Let a mount go on at this worker; False if it can't."""
        try:
            with self._placing.expecting(worker):
                await self._open(mount, worker)
        except WorkerRefused as error:
            log.warning("worker can't take a mount", mount=mount.path, worker=worker.index, reason=str(error))
            return False
        except WorkerGone as error:
            worker.tell(commands.close_mount(mount))
            now = asyncio.get_running_loop().time()
            if worker.is_lost and (why := self._too_often(mount, now)) is not None:
                self._lifecycle.close_mount(mount, f"{error}, {why}")
            return False
        if mount.closed:
            worker.tell(commands.close_mount(mount))
            return True
        replies = [(session, worker.begin(command)) for session, command in self._sessions_of(mount)]
        mount.placement.arrived(worker)
        now = asyncio.get_running_loop().time()
        mount.moved = now
        mount.change(MountChange.CARRIED_ON, now)
        if mount.source is not None:
            mount.source.worker_lost()
        for session, reply in replies:
            try:
                await reply
            except WorkerRefused as error:
                self._lifecycle.close_session(session, f"it can't go on: {error}")
            except WorkerGone:
                pass  # it died too, which is noticed elsewhere, or will be when it is compared
        return True

    @staticmethod
    async def _open(mount: Mount, worker: Worker) -> None:
        """Open a mount at a worker. Raises as `Worker.ask` does."""
        await worker.ask(commands.reopen_mount(mount))
        if worker.is_lost:  # right behind its answer, and with it went nothing that was known to be there
            raise WorkerGone(f"worker {worker.index} died")

    def _sessions_of(self, mount: Mount) -> Iterator[tuple[Session, Record | Play | SetUpReader]]:
        """Say what makes a mount's sessions go on: its publisher first, as its packets wait in the sockets."""
        publisher = self._sessions.get(mount.publisher)
        if publisher is not None and mount.state in PUBLISHED:
            yield publisher, commands.go_on(publisher)
        for session in [self._sessions.get(each) for each in mount.readers]:
            if session is None:
                continue
            session.let_corrections_be()
            for command in commands.reader_goes_on(session):
                yield session, command

    # -- connections -----------------------------------------------------------------------------------------------

    async def _hand_over(self, connection: Connection) -> None:
        """Give a connection to the worker of one of its sessions; one without any ends."""
        try:
            for session in self._sessions.of(connection):
                with suppress(PlacementError):
                    async with session.place.placement.use() as worker:
                        if await self._hand_over_with(session, connection, worker):
                            return
            connection.abort("its worker was lost, and no session of it is left")
        except (WorkerError, ConnectionEnded) as error:
            connection.abort(f"its worker was lost, and the next one did not take it: {error}")

    @staticmethod
    async def _hand_over_with(session: Session, connection: Connection, worker: Worker) -> bool:
        """Give a connection to a session's worker; False where either is gone by then. Raises as `Worker.ask` does."""
        handoff = await pass_on(connection, worker)
        if session.state is SessionState.CLOSED or worker.is_lost:
            return False
        reply = worker.begin(commands.go_on(session, handoff))
        connection.placement.arrived(worker)
        try:
            await reply
        except WorkerGone:
            if connection.placement.worker is worker:
                raise  # it hangs; if it died, that is seen to already
        return True
