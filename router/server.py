"""The front: wires everything together, and the only module that does. `async with Server(settings): ...`"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self

from router.access import Access
from router.admin.desk import Desk
from router.admin.orders import Orders
from router.clients import Clients, ServerConnection, ServerSession
from router.connection import Connection, ConnectionCallbacks
from router.connections import Connections
from router.dispatcher import Dispatcher, public
from router.doors import Doors, raise_descriptor_limit
from router.farewell import Farewell
from router.files.served import serve_files
from router.fleet.balancing import Balancer
from router.fleet.fleet import Fleet
from router.fleet.moving import Mover
from router.fleet.recovery import Recovery
from router.fleet.restore import Restore
from router.fleet.upkeep import Upkeep
from router.handlers.calls import UserCodeError
from router.handlers.decisions import Decisions
from router.handlers.handlers import Handler, Handlers
from router.handlers.hook_handlers import handlers_of
from router.handlers.hooks import Hooks, load
from router.handlers.interface import Handler as ProgramHandler
from router.handlers.notices import Notices
from router.lifecycle import Lifecycle
from router.listener import Listeners, Passed, StartError
from router.logs import get_logger
from router.mounts import Mounts
from router.multicast import Multicast
from router.programs import commands, runtime_dir
from router.requests import Requests
from router.rtsp.message import MessageLimits
from router.sessions import Role, Sessions
from router.settings import Settings
from router.setup import Setup
from router.streams.errors import StreamError
from router.streams.streams import Streams
from router.tasks import Tasks
from router.watch import Watch

__all__ = ["Server", "StartError"]

log = get_logger(__name__)


class Server:
    """A router: the front in this process and its event loop, workers in processes of their own.

    `async with Server(publish_port=0, client_port=0) as server: ...`, or `start`, `close` and `wait_closed`.
    Several may run in one program.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        hooks: object | None = None,
        *,
        handler: ProgramHandler | None = None,
        relay: bool = True,
        workers_elsewhere: bool = False,
        passed: Sequence[Passed] = (),
        **values: Any,
    ) -> None:
        """Take the settings as one object, or their values by name; `hooks` count where the settings name none.

        `handler` is any object with one or more of the methods of `router.handlers.interface`. Without `relay` clients
        can publish only where it has `on_announce`, and read only where it has `on_describe` or `on_setup`.

        Without `runtime_dir` among them, values by name get a directory that is made and removed with the server.
        With `workers_elsewhere`, somebody else starts the workers (`python -m workers`), and they outlive the server.
        `passed` are sockets that listen already, to be used in place of those ports.

        Raises:
            StartError: a file can't be served, or the hooks can't be loaded, or are none; so is the handler.
            ValueError: a value is not allowed (pydantic's ValidationError, which names it).
            TypeError: settings were given both ways.
        """
        if settings is not None and values:
            raise TypeError("Server takes a Settings object or values by name, not both")
        own_directory = settings is None and "runtime_dir" not in values
        if own_directory:
            values["runtime_dir"] = runtime_dir.temporary()
        self.settings = settings = Settings(**values) if settings is None else settings
        self._directory = runtime_dir.OwnDirectory(settings.runtime_dir, temporary=own_directory)
        self._own_workers = None if workers_elsewhere else commands.own_workers(settings)
        try:
            self._hooks = Hooks(load(settings.hooks) if settings.hooks else hooks, settings.hook_timeout_s)
            own = [] if handler is None else [Handler.of_program(handler, settings.hook_timeout_s)]
        except UserCodeError as error:
            raise StartError(str(error)) from error
        self._handlers = Handlers([*handlers_of(self._hooks), *own])
        self._wire_core()
        self._wire_requests(
            publishing=relay or any("on_announce" in each for each in own),
            reading=relay or any("on_describe" in each or "on_setup" in each for each in own),
        )
        self._wire_life(passed)
        serve_files(self)

    def _wire_core(self) -> None:
        """Construct who holds the state of sessions, mounts, connections and workers, and tells handlers of it."""
        settings, limits = self.settings, self.settings.limits
        self._sessions = Sessions(settings)
        self._mounts = Mounts(limits.mounts)
        self._connections = Connections(limits.connections, limits.connections_per_host)
        self._listeners = Listeners()
        self._multicast = Multicast(settings, time.monotonic)
        self._clients = Clients(
            self, self._sessions, lambda session, reason: self._lifecycle.close_session(session, reason)
        )
        self._notices = Notices(self._handlers, self._clients)
        self._lifecycle = Lifecycle(settings, self._sessions, self._mounts, self._multicast, self._notices)
        self._callbacks = ConnectionCallbacks(
            framing=limits.framing,
            pipelined_requests=limits.pipelined_requests,
            opened=self._connection_opened,
            message=self._serve,
            broken=lambda connection, status, reason: self._dispatcher.refuse(connection, status, reason),
            ended=self._connection_ended,
        )
        self._fleet = Fleet(
            settings,
            self._sessions,
            self._mounts,
            self._connections,
            self._lifecycle,
            Restore(self._sessions, self._mounts, self._connections, self._lifecycle, self._multicast, self._callbacks),
            self._told,
            lambda message, answer: self._tasks.run(self._desk.serve(message, answer)),
        )
        self.streams = Streams(self._mounts, self._sessions, self._lifecycle, self._fleet.placing, limits.tracks)
        """For `ServerStream`, which puts itself there."""

    def _wire_requests(self, *, publishing: bool, reading: bool) -> None:
        """Construct who answers requests."""
        settings, limits = self.settings, self.settings.limits
        setup = Setup(
            self._sessions,
            self._mounts,
            self._fleet.placing,
            self._multicast,
            self._lifecycle,
            self._fleet.replicas,
            limits.tracks,
        )
        requests = Requests(
            sessions=self._sessions,
            mounts=self._mounts,
            lifecycle=self._lifecycle,
            setup=setup,
            max_tracks=limits.tracks,
        )
        decisions = Decisions(
            handlers=self._handlers,
            clients=self._clients,
            notices=self._notices,
            lifecycle=self._lifecycle,
            setup=setup,
            methods=requests.methods(),
            access={
                Role.PUBLISHER: Access(self._handlers.of(Role.PUBLISHER), settings.auth.publish_users, settings.auth),
                Role.READER: Access(self._handlers.of(Role.READER), settings.auth.client_users, settings.auth),
            },
            max_tracks=limits.tracks,
        )
        self._dispatcher = Dispatcher(
            MessageLimits(line_bytes=limits.line_bytes, headers=limits.headers),
            self._sessions,
            decisions.methods(),
            self._listeners.port_of,
            public(publishing=publishing, reading=reading),
            self._notices,
        )

    def _wire_life(self, passed: Sequence[Passed]) -> None:
        """Construct who starts, looks after, repairs, moves, answers administrators, and ends."""
        settings, fleet = self.settings, self._fleet
        workers_stay = self._own_workers is None
        mover = Mover(self._mounts, self._sessions, self._connections, fleet.lost_with_moved)
        self._balancer: Balancer | None = None
        if settings.rebalance == "on":
            self._balancer = Balancer(settings, fleet.link, self._mounts, self._sessions, mover)
        let_go = self.let_go if workers_stay else None
        self._upkeep = Upkeep(settings, fleet.link, self._mounts, fleet.placing, mover, let_go)
        self._recovery = Recovery(
            self._mounts, self._sessions, self._connections, self._lifecycle, fleet.placing, fleet.replicas
        )
        fleet.on_worker_lost = self._recovery.worker_lost
        fleet.on_worker_ready = self._recovery.worker_ready
        fleet.on_drain_wanted = self._upkeep.drain_wanted
        orders = Orders()
        for verb, order in self._upkeep.orders().items():
            orders.add(verb, order)
        self._desk = Desk(settings, fleet, self._connections, self._sessions, self._mounts, self._dispatcher, orders)
        self._watch = Watch(settings, fleet, self._lifecycle, self._connections, self._sessions)
        self._doors = Doors(settings, self._listeners, fleet, self.streams, passed, workers_stay=workers_stay)
        self._farewell = Farewell(
            self._listeners,
            self._connections,
            fleet,
            self._lifecycle,
            self._handlers,
            self._hooks,
            settings.stop_timeout_s / 2,
        )
        self._begun = False
        self._start_error: StartError | None = None
        self._close_task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._closed = asyncio.Event()
        self._tasks = Tasks()

    # -- life ------------------------------------------------------------------------------------------------------

    @property
    def publish_url(self) -> str:
        """Where publishers connect to; known once started."""
        return self._listeners.publish_url

    @property
    def client_url(self) -> str:
        """Where readers connect to; known once started."""
        return self._listeners.client_url

    @property
    def connections(self) -> tuple[ServerConnection, ...]:
        """All RTSP connections."""
        return tuple(self._clients.connection(each) for each in self._connections)

    @property
    def sessions(self) -> tuple[ServerSession, ...]:
        """All sessions, of publishers and readers."""
        return self._clients.all_sessions()

    async def start(self) -> None:
        """Take the ports and the runtime directory, and start the workers: clients are served when this returns.

        With workers from elsewhere it doesn't wait for them, see `wait_ready`; clients wait in the backlog meanwhile.

        Raises:
            StartError: a port or the runtime directory is taken, or a stream can't be opened.
            OSError: a worker can't be started.
            RuntimeError: it was started before.
        """
        if self._begun:
            raise RuntimeError("a Server starts once; make another one")
        self._begun = True
        raise_descriptor_limit()
        try:
            await self._take_hold()
            self._desk.begin()
            self._clients.begin()
            self._tasks.run(self._watch.run())
            self._tasks.run(self._fleet.repair.run())
            if self._balancer is not None:
                self._tasks.run(self._balancer.run())
            self._tasks.run(self._open_doors())
            if self._own_workers is not None:
                await self._own_workers.start()
                await self.wait_ready()
        except BaseException:
            await self.close()
            raise

    async def _take_hold(self) -> None:
        """Take what only one front can have: the runtime directory, the sockets in it, and the ports."""
        try:
            self._directory.hold()
            self._fleet.link.start()
            await self._doors.listen()
        except runtime_dir.RuntimeDirError as error:
            raise StartError(str(error)) from error
        except OSError as error:
            directory = self.settings.runtime_dir
            raise StartError(f"runtime directory {directory} can't be used: {error.strerror}") from error

    async def _open_doors(self) -> None:
        try:
            await self._doors.open(self._callbacks)
        except StreamError as error:
            self._start_error = StartError(str(error))
            self._closing.set()  # ends the start; what has begun is let go of by `close`

    async def wait_ready(self) -> None:
        """Wait until every worker has been there and clients are served.

        Raises:
            StartError: the server was closed before that, or a stream can't be opened.
        """
        tasks = [asyncio.ensure_future(each.wait()) for each in (self._doors.ready, self._closing)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        if not self._doors.ready.is_set():
            raise self._start_error or StartError("the server was closed before it was ready")

    async def close(self) -> None:
        """End every session in order, stop the workers that are ours, and let go of everything.

        It goes on to its end also where the caller is cancelled; calling it again waits for the same end.
        """
        await self._close_once(self._farewell.end_sessions)

    async def let_go(self) -> None:
        """End this front and no stream: workers go on with every session that plays or records, clients wait in the
        backlog, and the next front on this runtime directory takes it all up. Sessions before that end.

        Requests that are being served get `LET_GO_S`; those without an answer by then get it from the next front.

        Raises:
            RuntimeError: the workers are this server's own, and would end with it.
        """
        if self._own_workers is not None:
            raise RuntimeError("this server's workers end with it")
        await self._close_once(self._farewell.leave_sessions)

    async def _close_once(self, end: Callable[[], Awaitable[None]]) -> None:
        self._begun = True
        if self._close_task is None:
            self._close_task = asyncio.get_running_loop().create_task(self._close(end))
        await asyncio.shield(self._close_task)

    async def _close(self, end: Callable[[], Awaitable[None]]) -> None:
        self._closing.set()
        try:
            await end()
            await self._tasks.cancel()
        finally:
            await self._recovery.close()
            await self._fleet.close()
            try:
                if self._own_workers is not None:
                    await self._own_workers.stop()
            finally:
                self._directory.let_go()
                self._closed.set()

    async def wait_closed(self) -> None:
        """Wait until `close` has done its work."""
        await self._closed.wait()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    # -- connections -----------------------------------------------------------------------------------------------

    def _connection_opened(self, connection: Connection) -> str | None:
        refusal = self._connections.add(connection)
        self._notices.connection_opened(connection)
        return refusal

    async def _told(self) -> None:
        """Wait until everybody has heard what they were told so far: hooks hear it from a handler."""
        await self._handlers.told()
        await self._hooks.told()

    async def _serve(self, connection: Connection, message: bytes) -> None:
        """Answer a request, once it is known what there is: those that a front before this one left unanswered are here
        before the last worker has told."""
        await self._doors.opened.wait()
        await self._dispatcher.serve(connection, message)

    def _connection_ended(self, connection: Connection, reason: str) -> None:
        known = self._connections.remove(connection)
        log.debug("connection ended", connection=connection.id, peer=connection.peer, reason=reason)
        self._lifecycle.connection_ended(connection, reason, asyncio.get_running_loop().time())
        if known:
            self._notices.connection_closed(connection, reason)
        self._fleet.events.connection_ended(connection)
