"""The workers as the front sees them: what they are told when they come, what their loss means, which ports are lent.

Messages come and go through `link`; what they mean for sessions and mounts is decided in `lifecycle`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from router.connections.table import Connections
from router.fleet.crashes import MOST_DEATHS, WITHIN_S, CrashCounter
from router.fleet.events import Events
from router.fleet.lending import Slices, lent
from router.fleet.placing import Placing
from router.fleet.repair import Repair
from router.fleet.replicas import Replicas
from router.fleet.restore import Restore
from router.fleet.shared_listeners import SharedListeners
from router.link.placement import PlacementState
from router.link.worker import Worker, WorkerState
from router.link.workers import Asked, WorkersLink
from router.logs import get_logger
from router.settings import Settings
from router.state.lifecycle import Lifecycle
from router.state.mounts import Mounts
from router.state.sessions import Sessions
from router.tasks import Tasks
from workers.contract.commands import LendPorts, ReportState, Welcome
from workers.contract.messages import Message
from workers.contract.reports import StateReport

log = get_logger(__name__)

LEND_INTERVAL_S = 1.0
"""How often it is looked at which ports are lent: those of a closed mount come back so much later."""
NOBODY = -1
"""Has the ports of mounts whose worker died: its successor must not take them."""
STATUS_REPORT_S = 1.0
"""How long `status` waits for a worker's own figures: it is wanted most when one hangs."""


class Fleet:
    """All workers. `first_ready` and `all_ready` are set when the first of them, and each of them, has been there."""

    def __init__(
        self,
        settings: Settings,
        sessions: Sessions,
        mounts: Mounts,
        connections: Connections,
        lifecycle: Lifecycle,
        restore: Restore,
        told: Callable[[], Awaitable[None]],
        on_asked: Callable[[Asked, Callable[[Message], None]], None],
    ) -> None:
        """`told` waits until handlers have heard of what has ended so far.

        `on_asked` is given an administrator's message, and a function that sends an answer to whoever asked.
        """
        self._settings = settings
        self._mounts = mounts
        self._restore = restore
        self._tasks = Tasks()
        self._slices = Slices.share(settings.rtp_port_start, settings.rtp_port_count, settings.worker_count)
        self._lent_at = 0.0
        self.on_drain_wanted: Callable[[Worker], None] = lambda worker: None
        self.on_worker_lost: Callable[[Worker, str], None] = lambda worker, reason: None
        self.on_worker_ready: Callable[[], None] = lambda: None
        self.deaths = CrashCounter()
        self.first_ready = asyncio.Event()
        self.all_ready = asyncio.Event()
        self.link = WorkersLink(
            settings.endpoints,
            worker_count=settings.worker_count,
            command_timeout_s=settings.command_timeout_s,
            welcome=self._welcome,
            on_ready=self._ready,
            on_lost=self._lost,
            on_event=lambda worker, event: self.events.take(worker, event),
            on_asked=on_asked,
        )
        self.placing = Placing(self.link, mounts)
        self.replicas = Replicas(settings, sessions, mounts, lifecycle, self.placing)
        restore.on_broken = self.replicas.end
        self.listeners = SharedListeners(self.link, self._tasks)
        self.repair = Repair(self.link, sessions, mounts, connections, lifecycle, self.replicas, restore)
        self.events = Events(
            sessions,
            mounts,
            connections,
            lifecycle,
            self.replicas,
            self._tasks,
            heartbeat_interval_s=settings.heartbeat_interval_s,
            told=told,
            on_drain_wanted=lambda worker: self.on_drain_wanted(worker),
        )

    def _welcome(self, index: int) -> Welcome:
        settings = self._settings
        return Welcome(
            rtp_port_start=self._slices.first(index),
            rtp_port_count=self._slices.size,
            bind_host=settings.host,
            heartbeat_interval_s=settings.heartbeat_interval_s,
            orphan_timeout_s=settings.orphan_timeout_s,
            stale_after_s=settings.stale_after_s,
            write_timeout_s=settings.write_timeout_s,
            write_queue_bytes=settings.write_queue_bytes,
            # Three chances before the session would time out.
            life_sign_interval_s=settings.session_timeout_s / 4,
            batch_window_s=settings.batch_window_ms / 1000,
            port_rest_s=settings.port_rest_s,
            max_line_bytes=settings.limits.line_bytes,
            max_head_bytes=settings.limits.head_bytes,
            max_body_bytes=settings.limits.body_bytes,
            drain_timeout_s=settings.stop_timeout_s,
            close_slow_readers=settings.slow_reader_policy == "close",
            lent_ports=self._lent().get(index, ()),
        )

    def _ready(self, worker: Worker, reports: list[StateReport]) -> None:
        worker.lent = reports[-1].lent_ports
        log.info("worker ready", worker=worker.index, pid=worker.pid)
        now = asyncio.get_running_loop().time()
        self.listeners.take(worker, reports[-1])
        self._restore.take(worker, reports, now)
        self.repair.repair(worker, reports, now)
        self.listeners.send(worker)
        if self.deaths.is_given_up(worker.index):
            worker.become(WorkerState.GIVEN_UP)
        else:
            self.on_worker_ready()
        self.first_ready.set()
        if len(self.link.ready()) == self._settings.worker_count:
            self.all_ready.set()

    async def close(self) -> None:
        """Let go of the workers and of the sockets between the processes."""
        await self._tasks.cancel()
        self.link.close()

    def _lost(self, worker: Worker, reason: str) -> None:
        if worker.told_to_end or (worker.heartbeat is not None and worker.heartbeat.draining):
            log.info("worker ended", worker=worker.index, pid=worker.pid)
        else:
            log.error("worker lost", worker=worker.index, pid=worker.pid, reason=reason)
            now = asyncio.get_running_loop().time()
            if self.deaths.note(worker.index, now):
                log.error(
                    "worker given up", worker=worker.index, reason=f"it died {MOST_DEATHS} times in {WITHIN_S:g} s"
                )
        self.on_worker_lost(worker, reason)

    def lost_with_moved(self, worker: Worker) -> None:
        """Note that something was moved to a worker, or back, that is lost by now."""
        self.on_worker_lost(worker, "it died during a move")

    # -- time ------------------------------------------------------------------------------------------------------

    def tick(self, now: float, late_s: float) -> None:
        """Give up workers that have been silent for too long; `late_s` of it this process stood still itself."""
        self.link.forgive(now, late_s)
        self.link.expire(now, self._settings.heartbeat_timeout_s)
        for worker in self.link.alive():
            if worker.state is WorkerState.GIVEN_UP and self.deaths.stayed_up(worker.index, now - worker.ready_at):
                log.info("worker gets mounts again", worker=worker.index)
                worker.become(WorkerState.READY)
                self.on_worker_ready()
        self.replicas.tick(now)
        self._restore.tick(now, complete=len(self.link.alive()) == self._settings.worker_count)
        if now - self._lent_at >= LEND_INTERVAL_S:
            self._lent_at = now
            self._lend()

    def _lent(self) -> Mapping[int, tuple[int, ...]]:
        return lent(
            self._slices,
            (
                (NOBODY if mount.placement.index is None else mount.placement.index, mount.rtp_ports)
                for mount in self._mounts
                if mount.placement.state is not PlacementState.UNPLACED
            ),
        )

    def _lend(self) -> None:
        """Tell workers which of their ports mounts elsewhere have, and which no longer."""
        alive = self.link.alive()
        if len(alive) < self._settings.worker_count or any(worker.moves for worker in alive):
            return  # those that are not here yet may have mounts that nobody knows of
        lent_ports = self._lent()
        for worker in alive:
            ports = lent_ports.get(worker.index, ())
            if ports != worker.lent:
                worker.lent = ports
                worker.tell(LendPorts(ports))

    # -- status ----------------------------------------------------------------------------------------------------

    async def reports(self) -> list[StateReport]:
        """Collect what the workers themselves say, as far as they answer in time."""
        asked = (asyncio.wait_for(worker.report(ReportState()), STATUS_REPORT_S) for worker in self.link.alive())
        answers = await asyncio.gather(*asked, return_exceptions=True)
        return [report for parts in answers if not isinstance(parts, BaseException) for report in parts]
