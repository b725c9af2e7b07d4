"""The front: wires everything together, and the only module that does. `async with Server(settings): ...`"""

import asyncio
import contextlib
import json
import os
import resource
import secrets
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, assert_never

from router.access import Access
from router.admin.orders import Orders
from router.clients import Clients, ServerConnection, ServerSession
from router.connection import Connection, ConnectionCallbacks
from router.exchange import Dispatcher, public
from router.files.errors import FileError
from router.fleet.balancing import Balancer
from router.fleet.fleet import Fleet
from router.fleet.link import Asked
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
from router.listener import Connections, Listeners, Passed, PortTaken, StartError, belongs_to
from router.logs import get_logger
from router.mounts import Mounts
from router.multicast import Multicast
from router.programs import commands, runtime_dir
from router.requests import Requests
from router.rtsp.message import MessageLimits
from router.sessions import Role, Sessions
from router.settings import Settings
from router.setup import Setup
from router.status.document import compose
from router.streams.errors import StreamError
from router.streams.streams import Streams
from workers.contract.messages import AdminCommand, Message, StatusAnswer, StatusQuery
from workers.framing import FramingLimits

__all__ = ["Server", "StartError"]

log = get_logger(__name__)

TICK_S = 0.25
"""How often life times are looked at: a quarter of the shortest that makes sense."""
LISTEN_AGAIN_S = 0.02
"""How often a port that is taken is tried again: clients wait meanwhile."""
WORKERS_COME_S = 0.5
"""How long the workers of a dead front take to find this one: they try ten times a second."""
LISTENERS_BACK_S = 5.0
"""How long workers that were found may take to bring the listening sockets: as long as for any command."""
LET_GO_S = 1.0
"""How long requests may take that are being served when the front lets go of everything: most take milliseconds."""
WORKERS_MISSING_S = 2.0
"""How long clients wait for the rest of the workers once one is there."""


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
        self._own_directory = settings is None and "runtime_dir" not in values
        if self._own_directory:
            name = f"trunkline-{os.getpid()}-{secrets.token_hex(4)}"
            values["runtime_dir"] = Path(tempfile.gettempdir()) / name
        if settings is None:
            settings = Settings(**values)
        self.settings = settings
        self._own_workers = None if workers_elsewhere else commands.own_workers(settings)
        try:
            self._hooks = Hooks(load(settings.hooks) if settings.hooks else hooks, settings.hook_timeout_s)
            own = [] if handler is None else [Handler.of_program(handler, settings.hook_timeout_s)]
        except UserCodeError as error:
            raise StartError(str(error)) from error
        limits = settings.limits
        self._sessions = Sessions(settings)
        self._mounts = Mounts(limits.mounts)
        self._connections = Connections(limits.connections, limits.connections_per_host)
        self._listeners = Listeners()
        self._passed = passed
        multicast = Multicast(settings, time.monotonic)
        self._handlers = Handlers([*handlers_of(self._hooks), *own])
        self._clients = Clients(
            self, self._sessions, lambda session, reason: self._lifecycle.close_session(session, reason)
        )
        self._notices = Notices(self._handlers, self._clients)
        self._lifecycle = Lifecycle(settings, self._sessions, self._mounts, multicast, self._notices)
        self._callbacks = ConnectionCallbacks(
            framing=framing_limits(settings),
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
            Restore(self._sessions, self._mounts, self._connections, self._lifecycle, multicast, self._callbacks),
            self._told,
            self._asked,
        )
        placing, replicas = self._fleet.placing, self._fleet.replicas
        self.streams = Streams(self._mounts, self._sessions, self._lifecycle, placing, limits.tracks)
        """For `ServerStream`, which puts itself there."""
        setup = Setup(self._sessions, self._mounts, placing, multicast, self._lifecycle, replicas, limits.tracks)
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
            failure=Dispatcher.failure,
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
            public(
                publishing=relay or any("on_announce" in each for each in own),
                reading=relay or any("on_describe" in each or "on_setup" in each for each in own),
            ),
            self._notices,
        )
        self._orders = Orders()
        mover = Mover(self._mounts, self._sessions, self._connections, self._fleet.lost_with_moved)
        self._balancer: Balancer | None = None
        if settings.rebalance == "on":
            self._balancer = Balancer(settings, self._fleet.link, self._mounts, self._sessions, mover)
        let_go = None if self._own_workers is not None else self.let_go
        self._upkeep = Upkeep(settings, self._fleet.link, self._mounts, placing, mover, let_go)
        for verb, order in self._upkeep.orders().items():
            self._orders.add(verb, order)
        self._recovery = Recovery(self._mounts, self._sessions, self._connections, self._lifecycle, placing, replicas)
        self._fleet.on_worker_lost = self._recovery.worker_lost
        self._fleet.on_worker_ready = self._recovery.worker_ready
        self._fleet.on_drain_wanted = self._upkeep.drain_wanted
        self._lock = -1
        self._started = 0.0
        self._begun = False
        self._start_error: StartError | None = None
        self._close_task: asyncio.Task[None] | None = None
        self._stood_still = False
        self._doors_open = asyncio.Event()
        self._emptied = asyncio.Event()
        self._ready = asyncio.Event()
        self._closing = asyncio.Event()
        self._closed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._add_files()

    def _add_files(self) -> None:
        for path, each in self.settings.files.items():
            from router.files.stream import FileStream  # the extra that it needs need not be installed

            try:
                FileStream(self, each.file, path, loop=each.loop, on_demand=each.on_demand)
            except FileError as error:
                raise StartError(f"{path} can't be served: {error}") from error

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
            self._hold_runtime_dir()
            self._fleet.link.start()
            await self._listen()
        except OSError as error:
            await self.close()
            directory = self.settings.runtime_dir
            raise StartError(f"runtime directory {directory} can't be used: {error.strerror}") from error
        except BaseException:
            await self.close()
            raise
        self._started = asyncio.get_running_loop().time()
        self._clients.begin()
        self._run(self._watch())
        self._run(self._fleet.reconcile())
        if self._balancer is not None:
            self._run(self._balancer.run())
        self._run(self._open_doors())
        if self._own_workers is not None:
            try:
                await self._own_workers.start()
                await self.wait_ready()
            except BaseException:
                await self.close()
                raise

    async def wait_ready(self) -> None:
        """Wait until every worker has been there and clients are served.

        Raises:
            StartError: the server was closed before that, or a stream can't be opened.
        """
        tasks = [asyncio.ensure_future(each.wait()) for each in (self._ready, self._closing)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        if not self._ready.is_set():
            raise self._start_error or StartError("the server was closed before it was ready")

    async def _listen(self) -> None:
        """Take the ports. Those that are taken may be a dead front's: its workers hold them, and bring them back.

        Raises:
            StartError: a port stays taken.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        passed = self._passed
        while True:
            try:
                self._listeners.bind(self.settings, passed)
                return
            except PortTaken:
                waited_s = loop.time() - begun
                expected_s = LISTENERS_BACK_S if self._fleet.link.has_workers else WORKERS_COME_S
                if self._own_workers is not None or self._passed or waited_s > expected_s:
                    raise
            await asyncio.sleep(LISTEN_AGAIN_S)
            passed = [
                Passed("", each.listener.dup()) for each in self._fleet.kept if belongs_to(each.listener, self.settings)
            ]

    async def _open_doors(self) -> None:
        """Let clients in once all workers are there: the first mounts would all go to the first worker otherwise."""
        if self._own_workers is None:  # else nobody is left to wait for when this process dies
            self._fleet.share_listeners(self._listeners.sockets)
        await self._fleet.first_ready.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WORKERS_MISSING_S):
                await self._fleet.all_ready.wait()
        try:
            await self.streams.open_all()
        except StreamError as error:
            self._start_error = StartError(str(error))
            self._closing.set()  # ends the start; what has begun is let go of by `close`
            return
        await self._listeners.accept(self._callbacks)
        self._doors_open.set()
        await self._fleet.all_ready.wait()
        self._ready.set()

    async def close(self) -> None:
        """End every session in order, stop the workers that are ours, and let go of everything.

        It goes on to its end also where the caller is cancelled; calling it again waits for the same end.
        """
        self._begun = True
        if self._close_task is None:
            self._close_task = asyncio.get_running_loop().create_task(self._close(self._end_sessions))
        await asyncio.shield(self._close_task)

    async def let_go(self) -> None:
        """End this front and no stream: workers go on with every session that plays or records, clients wait in the
        backlog, and the next front on this runtime directory takes it all up. Sessions before that end.

        Requests that are being served get `LET_GO_S`; those without an answer by then get it from the next front.

        Raises:
            RuntimeError: the workers are this server's own, and would end with it.
        """
        if self._own_workers is not None:
            raise RuntimeError("this server's workers end with it")
        self._begun = True
        if self._close_task is None:
            self._close_task = asyncio.get_running_loop().create_task(self._close(self._leave_sessions))
        await asyncio.shield(self._close_task)

    async def _leave_sessions(self) -> None:
        self._listeners.release()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LET_GO_S):
                await asyncio.gather(*(each.served() for each in self._connections))
        for connection in self._connections:
            if connection.holder is None:
                connection.abort("the front is started again")
            else:
                connection.let_be()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.settings.stop_timeout_s / 2):
                await self._handlers.settle()
                await self._hooks.settle()

    async def _close(self, end: Callable[[], Awaitable[None]]) -> None:
        self._closing.set()
        try:
            await end()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            await self._recovery.close()
            await self._fleet.close()
            try:
                if self._own_workers is not None:
                    await self._own_workers.stop()
            finally:
                self._let_runtime_dir_go()
                self._closed.set()

    async def _end_sessions(self) -> None:
        self._listeners.release()
        self._fleet.share_listeners({})
        self._lifecycle.close_all("the server stops")
        for connection in self._connections:
            connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.settings.stop_timeout_s / 2):
                await self._handlers.settle()
                await self._hooks.settle()
                if len(self._connections):
                    self._emptied.clear()
                    await self._emptied.wait()
        for connection in self._connections:
            connection.abort("the server stops")

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

    def _hold_runtime_dir(self) -> None:
        try:
            self._lock = runtime_dir.hold(self.settings.runtime_dir)
        except runtime_dir.RuntimeDirError as error:
            raise StartError(str(error)) from error

    def _let_runtime_dir_go(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
            if self._own_directory:
                shutil.rmtree(self.settings.runtime_dir, ignore_errors=True)

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task failed", exc_info=error)

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
        await self._doors_open.wait()
        await self._dispatcher.serve(connection, message)

    def _connection_ended(self, connection: Connection, reason: str) -> None:
        known = self._connections.remove(connection)
        if not len(self._connections):
            self._emptied.set()
        log.debug("connection ended", connection=connection.id, peer=connection.peer, reason=reason)
        self._lifecycle.connection_ended(connection, reason, asyncio.get_running_loop().time())
        if known:
            self._notices.connection_closed(connection, reason)
        self._fleet.connection_ended(connection)

    async def _watch(self) -> None:
        """Look after everything that ends by time."""
        loop = asyncio.get_running_loop()
        ticked = loop.time()
        while True:
            await asyncio.sleep(TICK_S)
            now = loop.time()
            late_s, ticked = now - ticked - TICK_S, now
            try:
                self._tick(now, late_s)
            except Exception:  # the watch itself must go on
                log.error("watch failed", exc_info=True)

    def _tick(self, now: float, late_s: float) -> None:
        self._fleet.tick(now, late_s)
        # Where this process stood still, the signs of life of all others wait unread, and are read by the next tick.
        self._stood_still = late_s > TICK_S and not self._stood_still
        if self._stood_still:
            return
        self._lifecycle.expire(now)
        limit, write_limit = self.settings.handshake_timeout_s, self.settings.write_timeout_s
        for connection in self._connections:
            if connection.stalled_since is not None and now - connection.stalled_since > write_limit:
                connection.abort(f"it read nothing for {write_limit:g} s")
                continue
            idle = now - connection.last_request > limit and not (connection.busy or connection.closing)
            if idle and not self._sessions.of(connection):
                log.info("idle connection closed", connection=connection.id, peer=connection.peer)
                connection.close()

    # -- administration --------------------------------------------------------------------------------------------

    def _asked(self, message: Asked, answer: Callable[[Message], None]) -> None:
        match message:
            case StatusQuery():
                self._run(self._status(answer))
            case AdminCommand():
                self._run(self._orders.carry_out(message, answer))
            case _:
                assert_never(message)

    async def _status(self, answer: Callable[[Message], None]) -> None:
        reports = await self._fleet.reports()
        document = compose(
            now=asyncio.get_running_loop().time(),
            started=self._started,
            worker_count=self.settings.worker_count,
            link=self._fleet.link,
            deaths=self._fleet.deaths,
            connections=self._connections,
            sessions=self._sessions,
            mounts=self._mounts,
            counts=self._dispatcher.counts,
            reports=reports,
        )
        answer(StatusAnswer(json.dumps(document)))


def framing_limits(settings: Settings) -> FramingLimits:
    """Say how the bytes of a connection are bounded, here and on the workers."""
    limits = settings.limits
    return FramingLimits(line_bytes=limits.line_bytes, head_bytes=limits.head_bytes, body_bytes=limits.body_bytes)


def raise_descriptor_limit() -> None:
    """Allow as many descriptors as the system lets us have: each connection takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
