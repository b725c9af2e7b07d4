"""The workers as the front sees them: what they are told when they come, what their events and their loss mean.

Messages come and go through `workers_link`; what they mean for sessions and mounts is decided in `lifecycle`.
"""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import assert_never

from router.connection import Connection
from router.connections import Connections
from router.fleet.deaths import MOST_DEATHS, WITHIN_S, Deaths
from router.fleet.handoff import close_all
from router.fleet.lending import Slices, lent
from router.fleet.link import Asked, WorkersLink
from router.fleet.placing import Placing
from router.fleet.reconcile import DesiredMount, compare
from router.fleet.replicas import Replicas
from router.fleet.restore import Restore
from router.fleet.transit import Transit
from router.fleet.worker import Worker, WorkerError
from router.lifecycle import Lifecycle
from router.listener import Passed
from router.logs import get_logger
from router.mounts import Mounts, Place, Replica
from router.rtsp.session_state import SessionState
from router.sessions import Sessions
from router.settings import Settings
from router.tasks import Tasks
from workers.contract.messages import (
    ChannelEnded,
    ConnectionClosed,
    DrainWanted,
    Event,
    ForgetConnections,
    Heartbeat,
    Hello,
    KeepListeners,
    LendPorts,
    MediaHeard,
    MediaSilent,
    Message,
    MountState,
    ReportState,
    RequestReceived,
    SessionHeard,
    SessionTrouble,
    StateReport,
    StreamBroken,
    StreamsFollow,
    Welcome,
)

log = get_logger(__name__)

LEND_INTERVAL_S = 1.0
"""How often it is looked at which ports are lent: those of a closed mount come back so much later."""
RECONCILE_INTERVAL_S = 10.0
"""How often desired and actual state are compared without a reason."""
SETTLED_AFTER_S = 1.0
"""How old a change must be before a report can contradict it: both travel on the same way, and this is far longer."""
ACKNOWLEDGE_AFTER_S = 0.1
"""How long ended connections gather before they are acknowledged together."""
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
        self._sessions = sessions
        self._mounts = mounts
        self._connections = connections
        self._lifecycle = lifecycle
        self._restore = restore
        self._told = told
        self._listeners: dict[str, socket.socket] | None = None
        """What workers are to hold; None: whatever they hold since an earlier front, until this one has it too."""
        self._ended: list[tuple[Worker | Transit, str]] = []
        self._tasks = Tasks()
        self.kept: list[Passed] = []
        """Listening sockets of a front that died, as workers have kept them: whoever takes one, takes it out."""
        self._slices = Slices.share(settings.rtp_port_start, settings.rtp_port_count, settings.worker_count)
        self._lent_at = 0.0
        self.on_drain_wanted: Callable[[Worker], None] = lambda worker: None
        self.on_worker_lost: Callable[[Worker, str], None] = lambda worker, reason: None
        self.on_worker_ready: Callable[[], None] = lambda: None
        self.deaths = Deaths()
        self.first_ready = asyncio.Event()
        self.all_ready = asyncio.Event()
        self.link = WorkersLink(
            settings.endpoints,
            worker_count=settings.worker_count,
            command_timeout_s=settings.command_timeout_s,
            welcome=self._welcome,
            on_ready=self._ready,
            on_lost=self._lost,
            on_event=self._event,
            on_asked=on_asked,
        )
        self.placing = Placing(self.link, mounts)
        self.replicas = Replicas(settings, sessions, mounts, lifecycle, self.placing)
        restore.on_broken = self.replicas.end

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
        self._keep_listeners(worker, reports[-1])
        self._restore.take(worker, reports, now)
        self._repair(worker, reports, now)
        self._send_listeners(worker)
        if self.deaths.is_given_up(worker.index):
            worker.state = "given up"
        else:
            self.on_worker_ready()
        self.first_ready.set()
        if len(self.link.ready()) == self._settings.worker_count:
            self.all_ready.set()

    async def close(self) -> None:
        """Let go of the workers and of the sockets between the processes."""
        await self._tasks.cancel()
        self.link.close()

    # -- the listening sockets -------------------------------------------------------------------------------------

    def _keep_listeners(self, worker: Worker, report: StateReport) -> None:
        descriptors = worker.channel.claim(report.listeners_token) if report.listeners_token else []
        if self._listeners or self.kept or len(descriptors) != len(report.listeners):
            close_all(descriptors)
            return
        self.kept = [
            Passed(name, socket.socket(fileno=each)) for name, each in zip(report.listeners, descriptors, strict=True)
        ]

    def share_listeners(self, listeners: Mapping[str, socket.socket]) -> None:
        """Let every worker hold duplicates of these sockets, now and as they come: clients can connect though this
        front dies. None: those of before are let go of, and nobody can connect any more."""
        self._listeners = dict(listeners)
        for passed in self.kept:
            passed.listener.close()
        self.kept = []
        for worker in self.link.ready():
            self._send_listeners(worker)

    def _send_listeners(self, worker: Worker) -> None:
        if self._listeners is None:
            return
        if self._listeners:
            self._tasks.run(self._send_duplicates(worker, dict(self._listeners)))
        else:
            worker.tell(KeepListeners((), ""))

    async def _send_duplicates(self, worker: Worker, listeners: Mapping[str, socket.socket]) -> None:
        token = secrets.token_hex(8)
        with contextlib.suppress(OSError):  # the worker is gone, or the listeners are
            await worker.channel.send(token, *(each.fileno() for each in listeners.values()))
            worker.tell(KeepListeners(tuple(listeners), token))

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
            if worker.state == "given up" and self.deaths.stayed_up(worker.index, now - worker.ready_at):
                log.info("worker gets mounts again", worker=worker.index)
                worker.state = "ready"
                self.on_worker_ready()
        self.replicas.tick(now)
        self._restore.tick(now, complete=len(self.link.alive()) == self._settings.worker_count)
        if now - self._lent_at >= LEND_INTERVAL_S:
            self._lent_at = now
            self._lend()

    def _lent(self) -> Mapping[int, tuple[int, ...]]:
        return lent(
            self._slices, ((mount.worker.index, mount.rtp_ports) for mount in self._mounts if mount.worker is not None)
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

    async def reconcile(self) -> None:
        """Compare desired and actual state now and then; whatever was lost on the way is put right here."""
        while True:
            await asyncio.sleep(RECONCILE_INTERVAL_S)
            for worker in self.link.alive():
                asked = asyncio.get_running_loop().time()
                try:
                    self._repair(worker, await worker.report(ReportState()), asked)
                except WorkerError:
                    pass  # its loss is noticed elsewhere
                except Exception:  # the next round must come all the same
                    log.error("reconciling failed", worker=worker.index, exc_info=True)

    def _repair(self, worker: Worker, reports: list[StateReport], asked: float) -> None:
        """Make a worker's state what it should be.

        What a report lacks may just be on its way; what two reports in a row lack is lost.
        """
        if worker.moves or worker.moved_at >= asked:
            return  # what it tells of may have moved since
        mounts = {place.path: self._desired(place) for place in self._mounts.places() if place.worker is worker}
        held = {each.id: each for each in self._connections if each.holder is worker}
        difference = compare(mounts, held, reports, self._restore.undecided(worker))
        lost, worker.missing = difference.missing & worker.missing, difference.missing
        for command in difference.commands:
            log.warning("worker told to let go of what nobody wants", worker=worker.index, command=command)
            worker.tell(command)
        reason = f"worker {worker.index} does not know it"
        for replica in [each for each in self._mounts.replicas() if each.worker is worker]:
            if lost & {replica.path, replica.name}:
                self.replicas.end(replica, reason)
        for name in lost:
            if mount := self._mounts.get(name):
                self._lifecycle.mount_lost(mount, reason)
            if session := self._sessions.get(name):
                self._lifecycle.close_session(session, reason)
            if connection := held.get(name):
                connection.abort(reason)
        for report in reports:
            for state in report.mounts:
                self._hear(state, asked)

    def _desired(self, place: Place) -> DesiredMount:
        readers = {each: self._sessions.get(each) for each in place.readers}
        here = {name: each for name, each in readers.items() if each is None or each.place is place}
        if isinstance(place, Replica):
            publisher = place.name
        else:
            session = self._sessions.get(place.publisher)
            records = session is not None and session.state is SessionState.RECORDING
            publisher = place.publisher if records else ""
        return DesiredMount(
            place.generation,
            publisher,
            {name: each is not None and each.state is SessionState.PLAYING for name, each in here.items()},
            frozenset(readers.keys() - here.keys()),
        )

    def _hear(self, state: MountState, asked: float) -> None:
        """Take a report's word on whether a publisher is heard, where an event about it was lost."""
        mount = self._mounts.get(state.path)
        if mount is None or mount.generation != state.generation or mount.recording_since is None:
            return
        if mount.waiting_since is not None:
            return
        changed = max(mount.recording_since, mount.heard or 0.0, mount.silent_since or 0.0)
        silent = mount.heard is None or mount.silent_since is not None
        if silent == state.silent or asked - changed < SETTLED_AFTER_S:
            return
        tell = self._lifecycle.media_silent if state.silent else self._lifecycle.media_heard
        tell(mount.path, mount.generation, asked)

    # -- events ----------------------------------------------------------------------------------------------------

    def _event(self, worker: Worker, event: Event) -> None:
        now = asyncio.get_running_loop().time()
        match event:
            case Heartbeat():
                self._heartbeat(worker, event)
            case DrainWanted():
                worker.told_to_end = True
                log.info("worker was told to end, and asks to be drained", worker=worker.index, within_s=event.within_s)
                self.on_drain_wanted(worker)
            case RequestReceived():
                if connection := self._held(worker, event.connection):
                    connection.receive(event.message)
            case StreamBroken():
                if connection := self._held(worker, event.connection):
                    connection.receive_broken(event.status, event.reason)
            case ConnectionClosed():
                if connection := self._held(worker, event.connection):
                    if event.unserved:
                        self._lifecycle.unserved(connection, event.reason)
                    connection.receive_end(event.reason)
                else:
                    self._acknowledge(worker, event.connection)
            case MediaHeard():
                self._lifecycle.media_heard(event.path, event.generation, now)
            case MediaSilent():
                self._lifecycle.media_silent(event.path, event.generation, now)
            case StreamsFollow():
                mount = self._mounts.get(event.path)
                if mount is not None and mount.generation == event.generation:
                    mount.streams = event.streams
            case ChannelEnded():  # of a program's, this process has the other end, and knows
                self.replicas.channel_ended(event.path, event.name)
            case SessionHeard():
                session = self._sessions.get(event.session)
                if session is not None:
                    session.heard = now
            case SessionTrouble():
                self._lifecycle.troubled(event)
            case Hello():
                pass  # served before it comes here
            case _:
                assert_never(event)

    def connection_ended(self, connection: Connection) -> None:
        """Let a connection's worker forget it, once everybody was told who has to know."""
        if connection.holder is not None:
            self._acknowledge(connection.holder, connection.id)

    def _acknowledge(self, worker: Worker | Transit, connection_id: str) -> None:
        self._ended.append((worker, connection_id))
        if len(self._ended) == 1:
            self._tasks.run(self._acknowledge_all())

    async def _acknowledge_all(self) -> None:
        """Tell workers which of their ended connections need not be told to another front any more."""
        await asyncio.sleep(ACKNOWLEDGE_AFTER_S)
        ended, self._ended = self._ended, []
        await self._told()
        by_worker: dict[Worker | Transit, list[str]] = {}
        for worker, connection_id in ended:
            by_worker.setdefault(worker, []).append(connection_id)
        for worker, names in by_worker.items():
            worker.tell(ForgetConnections(tuple(names)))

    def _held(self, worker: Worker, connection_id: str) -> Connection | None:
        """Find a connection that this worker may speak for."""
        connection = self._connections.get(connection_id)
        return connection if connection is not None and connection.held_by(worker) else None

    def _heartbeat(self, worker: Worker, beat: Heartbeat) -> None:
        before, worker.heartbeat = worker.heartbeat, beat
        self.replicas.heard(worker, beat, asyncio.get_running_loop().time())
        if before is not None:
            fresh = max(0, beat.packets_out - before.packets_out) / self._settings.heartbeat_interval_s
            worker.packets_per_s += (fresh - worker.packets_per_s) / 2

    # -- status ----------------------------------------------------------------------------------------------------

    async def reports(self) -> list[StateReport]:
        """Collect what the workers themselves say, as far as they answer in time."""
        asked = (asyncio.wait_for(worker.report(ReportState()), STATUS_REPORT_S) for worker in self.link.alive())
        answers = await asyncio.gather(*asked, return_exceptions=True)
        return [report for parts in answers if not isinstance(parts, BaseException) for report in parts]
