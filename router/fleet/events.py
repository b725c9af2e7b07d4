"""What workers tell by themselves, and who hears of it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import assert_never

from router.connections.connection import Connection
from router.fleet.draining import Drainer
from router.fleet.figures import take_figures
from router.fleet.replicas import Replicas
from router.link.placement import Placement
from router.link.worker import Worker
from router.logs import get_logger
from router.state.state import State
from router.tasks import Tasks
from workers.contract.commands import ForgetConnections
from workers.contract.events import (
    ChannelEnded,
    ConnectionClosed,
    DrainWanted,
    FiguresChanged,
    Heartbeat,
    Hello,
    MediaHeard,
    MediaSilent,
    ReaderCorrected,
    RequestReceived,
    SessionHeard,
    SessionTrouble,
    StreamBroken,
    StreamsFollow,
)
from workers.contract.messages import Event

log = get_logger(__name__)

ACKNOWLEDGE_AFTER_S = 0.1
"""How long ended connections gather before they are acknowledged together."""


class Events:
    """Passes events on, and lets workers forget the ends of connections once everybody has heard of them."""

    def __init__(
        self,
        state: State,
        replicas: Replicas,
        drainer: Drainer,
        tasks: Tasks,
        told: Callable[[], Awaitable[None]],
    ) -> None:
        """`told` waits until handlers have heard of what has ended so far."""
        self._sessions = state.sessions
        self._mounts = state.mounts
        self._connections = state.connections
        self._lifecycle = state.lifecycle
        self._replicas = replicas
        self._drainer = drainer
        self._tasks = tasks
        self._heartbeat_interval_s = state.settings.heartbeat_interval_s
        self._told = told
        self._ended: list[tuple[Worker | Placement, str]] = []

    def take(self, worker: Worker, event: Event) -> None:
        now = asyncio.get_running_loop().time()
        match event:
            case Heartbeat():
                self._heartbeat(worker, event)
            case FiguresChanged():
                for each in event.mounts:
                    take_figures(self._mounts, self._sessions, each)
            case DrainWanted():
                worker.told_to_end = True
                log.info("worker was told to end, and asks to be drained", worker=worker.index, within_s=event.within_s)
                self._drainer.drain_wanted(worker)
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
                self._replicas.channel_ended(event.path, event.name)
            case SessionHeard():
                session = self._sessions.get(event.session)
                if session is not None:
                    session.heard = now
            case ReaderCorrected():
                session = self._sessions.get(event.session)
                if session is not None:
                    session.correct(event.transport)
            case SessionTrouble():
                self._lifecycle.troubled(event)
            case Hello():
                pass  # served before it comes here
            case _:
                assert_never(event)

    def connection_ended(self, connection: Connection) -> None:
        """Let a connection's worker forget it, once everybody was told who has to know."""
        if connection.placement.placed:
            self._acknowledge(connection.placement, connection.id)

    def _acknowledge(self, holder: Worker | Placement, connection_id: str) -> None:
        self._ended.append((holder, connection_id))
        if len(self._ended) == 1:
            self._tasks.run(self._acknowledge_all())

    async def _acknowledge_all(self) -> None:
        """Tell workers which of their ended connections need not be told to another front any more."""
        await asyncio.sleep(ACKNOWLEDGE_AFTER_S)
        ended, self._ended = self._ended, []
        await self._told()
        by_holder: dict[Worker | Placement, list[str]] = {}
        for holder, connection_id in ended:
            reached = holder if isinstance(holder, Worker) else holder.reached or holder
            by_holder.setdefault(reached, []).append(connection_id)
        for holder, names in by_holder.items():
            holder.tell(ForgetConnections(tuple(names)))

    def _held(self, worker: Worker, connection_id: str) -> Connection | None:
        connection = self._connections.get(connection_id)
        return connection if connection is not None and connection.placement.may_speak(worker) else None

    def _heartbeat(self, worker: Worker, beat: Heartbeat) -> None:
        before, worker.heartbeat = worker.heartbeat, beat
        self._replicas.on_heartbeat(worker, beat, asyncio.get_running_loop().time())
        if before is not None:
            fresh = max(0, beat.packets_out - before.packets_out) / self._heartbeat_interval_s
            worker.packets_per_s += (fresh - worker.packets_per_s) / 2
