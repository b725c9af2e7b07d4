"""All workers: what they are told when they come, and what their loss means. It wires the parts of this folder.

Messages come and go through `link`; what they mean for sessions and mounts is decided in `state/lifecycle.py`.
"""

import asyncio

from router.fleet.crashes import MOST_DEATHS, WITHIN_S, CrashCounter
from router.fleet.draining import Drainer
from router.fleet.events import Events
from router.fleet.loans import PortLoans
from router.fleet.moving import Mover
from router.fleet.notes import Audience, EndNotes
from router.fleet.placing import Placing
from router.fleet.recovery import Recovery
from router.fleet.repair import Repair
from router.fleet.replicas import Replicas
from router.fleet.restore import Restore
from router.fleet.shared_listeners import SharedListeners
from router.fleet.totals import WorkerTotals
from router.link.worker import Worker, WorkerState
from router.link.workers import Answer, Asked, WorkersLink
from router.logs import get_logger
from router.state.events import AdminAsked, ConnectionGone
from router.state.state import State
from router.tasks import Tasks
from workers.contract.commands import Welcome
from workers.contract.events import Heartbeat
from workers.contract.messages import Event
from workers.contract.reports import StateReport

log = get_logger(__name__)


class Fleet:
    """All workers. `first_ready` and `all_ready` are set when the first of them, and each of them, has been there."""

    def __init__(
        self,
        state: State,
        audience: Audience,
    ) -> None:
        """`audience` are the handlers that hear of ends."""
        self._settings = settings = state.settings
        self._tasks = Tasks()
        self._front_events = state.events
        self.crashes = CrashCounter()
        self.totals = {index: WorkerTotals() for index in range(settings.worker_count)}
        self.first_ready = asyncio.Event()
        self.all_ready = asyncio.Event()
        self.link = link = WorkersLink(
            settings.endpoints, settings.worker_count, settings.command_timeout_s, listener=self
        )
        self.placing = Placing(link, state.mounts)
        self.mover = Mover(state, self._lost_while_moving)
        self.drainer = Drainer(link, state.mounts, self.placing, self.mover)
        self.replicas = Replicas(state, self.placing)
        self.recovery = Recovery(state, self.placing, self.replicas)
        self.listeners = SharedListeners(link, self._tasks)
        self._loans = PortLoans(settings, link, state.mounts)
        self._restore = Restore(state, on_broken=self.replicas.end)
        self.repair = Repair(link, state, self.replicas, self._restore)
        self._events = Events(state, self.replicas, self.drainer, self._tasks, audience.told)
        self._notes = EndNotes(state, audience, self._tasks)
        state.events.subscribe(ConnectionGone, lambda event: self._events.connection_ended(event.connection))

    # -- what the link tells --------------------------------------------------------------------------------------

    def welcome(self, index: int) -> Welcome:
        settings = self._settings
        return Welcome(
            rtp_port_start=self._loans.slices.first(index),
            rtp_port_count=self._loans.slices.size,
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
            lent_ports=self._loans.of(index),
        )

    def on_ready(self, worker: Worker, reports: list[StateReport]) -> None:
        worker.lent = reports[-1].lent_ports
        log.info("worker ready", worker=worker.index, pid=worker.pid)
        now = asyncio.get_running_loop().time()
        self.listeners.take(worker, reports[-1])
        self._restore.take(worker, reports, now)
        self._notes.take(worker, (note for report in reports for note in report.notes))
        self._loans.worker_came(worker)
        self.repair.repair(worker, reports, now)
        self.listeners.send(worker)
        if self.crashes.is_given_up(worker.index):
            worker.become(WorkerState.GIVEN_UP)
        else:
            self.recovery.worker_ready()
        self.first_ready.set()
        if len(self.link.ready()) == self._settings.worker_count:
            self.all_ready.set()

    def on_lost(self, worker: Worker, reason: str) -> None:
        if worker.told_to_end or (worker.heartbeat is not None and worker.heartbeat.draining):
            log.info("worker ended", worker=worker.index, pid=worker.pid)
        else:
            log.error("worker lost", worker=worker.index, pid=worker.pid, reason=reason)
            now = asyncio.get_running_loop().time()
            if self.crashes.note(worker.index, now):
                log.error(
                    "worker given up", worker=worker.index, reason=f"it died {MOST_DEATHS} times in {WITHIN_S:g} s"
                )
        self.recovery.worker_lost(worker, reason)

    def _lost_while_moving(self, worker: Worker) -> None:
        self.recovery.worker_lost(worker, "it died during a move")

    def on_asked(self, message: Asked, answer: Answer) -> None:
        self._front_events.append(AdminAsked(message, answer))

    def on_event(self, worker: Worker, event: Event) -> None:
        if isinstance(event, Heartbeat):
            self.totals[worker.index].take(worker.incarnation, event)
        self._events.take(worker, event)

    # -- time ------------------------------------------------------------------------------------------------------

    def tick(self, now: float, late_s: float) -> None:
        """Give up workers that have been silent for too long; `late_s` of it this process stood still itself."""
        self.link.forgive(now, late_s)
        self.link.expire(now, self._settings.heartbeat_timeout_s)
        for worker in self.link.alive():
            if worker.state is WorkerState.GIVEN_UP and self.crashes.stayed_up(worker.index, now - worker.ready_at):
                log.info("worker gets mounts again", worker=worker.index)
                worker.become(WorkerState.READY)
                self.recovery.worker_ready()
        self.replicas.tick(now)
        self._restore.tick(now, complete=len(self.link.alive()) == self._settings.worker_count)
        self._loans.tick(now)

    async def close(self) -> None:
        """Let go of the workers and of the sockets between the processes."""
        await self.recovery.close()
        await self.drainer.close()
        await self._tasks.cancel()
        self._notes.close()
        self.link.close()
