"""A router as a program has it: `async with Server(settings): ...`"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self

from router.connections.listeners import Passed, StartError
from router.files.served import serve_files
from router.front import Front
from router.handlers.calls import UserCodeError
from router.handlers.clients import ServerConnection, ServerSession
from router.handlers.handlers import Handler
from router.handlers.hooks import Hooks, load
from router.handlers.interface import Handler as ProgramHandler
from router.logs import get_logger
from router.programs import runtime_dir
from router.programs.own_workers import own_workers
from router.settings import Settings
from router.startup import raise_descriptor_limit
from router.streams.errors import StreamError

__all__ = ["Server", "StartError"]

log = get_logger(__name__)

LOOK_AT_FILES_S = 1.0
"""How often the files of the runtime directory are looked at: who cleans up by age comes once a day."""


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
        can publish only where it has `on_announce`, and read only where it has `on_describe` or `on_setup`; or, where
        nobody can publish, what streams and files of this program have a path.

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
        self.settings = settings = (Settings(**values) if settings is None else settings).counted()
        self._directory = runtime_dir.OwnDirectory(settings.runtime_dir, temporary=own_directory)
        self._own_workers = None
        if not workers_elsewhere:
            self._own_workers = own_workers(settings, self._fail_start, self._is_ready)
        try:
            hooked = Hooks(load(settings.hooks) if settings.hooks else hooks, settings.hook_timeout_s)
            own = [] if handler is None else [Handler.of_program(handler, settings.hook_timeout_s)]
        except UserCodeError as error:
            raise StartError(str(error)) from error
        let_go = None if self._own_workers is not None else self.let_go
        self._front = Front(self, hooked, own, relay=relay, let_go=let_go)
        self.streams = self._front.streams
        """For `ServerStream`, which puts itself there."""
        self._passed = passed
        self._begun = False
        self._start_error: StartError | None = None
        self._close_task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._closed = asyncio.Event()
        serve_files(self)

    # -- life ------------------------------------------------------------------------------------------------------

    @property
    def publish_url(self) -> str:
        """Where publishers connect to; known once started."""
        return self._front.listeners.publish_url

    @property
    def client_url(self) -> str:
        """Where readers connect to; known once started."""
        return self._front.listeners.client_url

    @property
    def connections(self) -> tuple[ServerConnection, ...]:
        """All RTSP connections."""
        return tuple(self._front.clients.connection(each) for each in self._front.connections)

    @property
    def sessions(self) -> tuple[ServerSession, ...]:
        """All sessions, of publishers and readers."""
        return self._front.clients.all_sessions()

    async def start(self) -> None:
        """Take the ports and the runtime directory, and start the workers: clients are served when this returns.

        With workers from elsewhere it doesn't wait for them, see `wait_ready`; clients wait in the backlog meanwhile.

        Raises:
            StartError: a port or the runtime directory is taken, a worker ends before it is ready, or a stream can't
                be opened.
            OSError: a worker can't be started.
            RuntimeError: it was started before.
        """
        if self._begun:
            raise RuntimeError("a Server starts once; make another one")
        self._begun = True
        raise_descriptor_limit()
        try:
            await self._take_hold()
            self._front.taps.loop = asyncio.get_running_loop()
            self._front.tasks.run(self._front.expiry.run())
            self._front.tasks.run(self._front.fleet.repair.run())
            if self._front.balancer is not None:
                self._front.tasks.run(self._front.balancer.run())
            self._front.tasks.run(self._stay_reachable())
            self._front.tasks.run(self._open_doors())
            if self._own_workers is not None:
                await self._own_workers.start()
                await self.wait_ready()
        except BaseException:
            await self.close()
            raise

    async def _take_hold(self) -> None:
        """Take what only one front can have: the runtime directory, the ports, and the sockets in the directory.

        The ports come first: who has them may be a front that lives, and lost its files to somebody who cleans up.
        """
        try:
            self._directory.hold()
            has_ports = self._front.startup.take_ports(self._passed)
            self._front.status.begin()
            self._front.fleet.link.start()
            if not has_ports:
                await self._front.startup.wait_for_ports()
        except runtime_dir.RuntimeDirError as error:
            raise StartError(str(error)) from error
        except OSError as error:
            directory = self.settings.runtime_dir
            raise StartError(f"runtime directory {directory} can't be used: {error.strerror}") from error

    async def _stay_reachable(self) -> None:
        """Make the files of the runtime directory again where somebody removes them."""
        said = ""
        while True:
            await asyncio.sleep(LOOK_AT_FILES_S)
            try:
                self._directory.restore()
                if self._front.fleet.link.stay_reachable():
                    log.warning(
                        "runtime directory restored: its files were removed", path=str(self.settings.runtime_dir)
                    )
                said = ""
            except (runtime_dir.RuntimeDirError, OSError) as error:
                if str(error) != said:
                    said = str(error)
                    log.error("runtime directory can't be restored", reason=said)

    async def _open_doors(self) -> None:
        try:
            await self._front.startup.open()
        except Exception as error:
            self._fail_start(str(error) or type(error).__name__)
            if not isinstance(error, StreamError | OSError):
                raise  # nobody's word but ours: it is logged whole

    def _is_ready(self) -> bool:
        return self._front.startup.ready.is_set()

    def _fail_start(self, reason: str) -> None:
        """End the start; what has begun is let go of by `close`."""
        self._start_error = StartError(reason)
        self._closing.set()

    async def wait_ready(self) -> None:
        """Wait until every worker has been there and clients are served.

        Raises:
            StartError: the server was closed before that, a worker can't start, or a stream can't be opened.
        """
        tasks = [asyncio.ensure_future(each.wait()) for each in (self._front.startup.ready, self._closing)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        if not self._front.startup.ready.is_set():
            raise self._start_error or StartError("the server was closed before it was ready")

    async def close(self) -> None:
        """End every session in order, stop the workers that are ours, and let go of everything.

        It goes on to its end also where the caller is cancelled; calling it again waits for the same end.
        """
        await self._close_once(self._front.shutdown.end_sessions, self._front.status.end)

    async def let_go(self) -> None:
        """End this front and no stream: workers go on with every session that plays or records, clients wait in the
        backlog, and the next front on this runtime directory takes it all up. Sessions before that end.

        Requests that are being served get `LET_GO_S`; those without an answer by then get it from the next front.

        Raises:
            RuntimeError: the workers are this server's own, and would end with it.
        """
        if self._own_workers is not None:
            raise RuntimeError("this server's workers end with it")
        await self._close_once(self._front.shutdown.leave_sessions, self._front.status.save)

    async def _close_once(self, end: Callable[[], Awaitable[None]], leave_totals: Callable[[], None]) -> None:
        self._begun = True
        if self._close_task is None:
            self._close_task = asyncio.get_running_loop().create_task(self._close(end, leave_totals))
        await asyncio.shield(self._close_task)

    async def _close(self, end: Callable[[], Awaitable[None]], leave_totals: Callable[[], None]) -> None:
        self._closing.set()
        try:
            await end()
            await self._front.tasks.cancel()
        finally:
            await self._front.fleet.close()
            try:
                if self._own_workers is not None:
                    await self._own_workers.stop()
            finally:
                leave_totals()
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
