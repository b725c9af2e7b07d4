"""Hooks: a user's own functions that decide who may come in, and hear who came and went.

A hooks object (or module) has a `publish` and a `client` side; one without them serves both sides itself. A side has
any of these, sync or async:

    authentication(username, password, request) -> bool     false: 401; it needs the password, so only Basic is offered
    credentials(username) -> str | HA1 | None               the password (or digest HA1) of a user, for Basic and Digest
    check_mount(request) -> bool | int                      false: 403, a number: that status
    client_close(mount)                                     a reader's session ended
    mount_now_empty(mount)                                  the last reader of a mount left
    mount_open(mount), mount_close(mount)                   a publisher's media begins, ends

A hook that raises or takes longer than the limit denies, and the log says so with its traceback.
"""

import asyncio
import importlib
import inspect
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from router.logs import get_logger

log = get_logger(__name__)

MAX_SYNC_CALLS = 64
"""Sync hooks of a side that run at a time, each on a thread; others wait. One that hangs keeps its thread."""
MAX_TOLD = 10_000
"""Notifications that wait on one side. Hooks that are slower than what they are told of for so long never catch up."""
NAMES = (
    "authentication", "credentials", "check_mount", "client_close", "mount_now_empty", "mount_open", "mount_close",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HookRequest:
    """The request that a hook decides on.

    `uri` is as it was sent, `path` and `query` are the mount's, `host` is the client's address; `user` is who
    authenticated, "" while nobody has.
    """

    method: str
    uri: str
    path: str
    query: str
    headers: Mapping[str, str]
    host: str
    user: str = ""


@dataclass(frozen=True, slots=True)
class HookMount:
    """The mount that a hook hears of, and the session that it is about: the publisher's, or the reader's that left.

    `readers` counts those that stay, `transport` is udp or tcp.
    """

    path: str
    readers: int
    session: str = ""
    user: str = ""
    host: str = ""
    transport: str = ""


class HookError(Exception):
    """A hook raised, took too long, or gave what it may not give."""


def load(reference: str) -> object:
    """Import `MODULE:NAME` (or a whole `MODULE`).

    Raises:
        HookError: there is no such module or name, or its import failed.
    """
    module_name, _, name = reference.partition(":")
    try:
        module = importlib.import_module(module_name)
        return getattr(module, name) if name else module
    except (Exception, SystemExit) as error:  # whatever a user's module does when it is imported
        raise HookError(f"hooks {reference!r} can't be loaded: {type(error).__name__}: {error}") from error


def misspelt(hooks: object | None) -> list[tuple[str, str]]:
    """Find public functions that are named much like a hook and are none, with the hook that may be meant."""
    found = []
    for source in (hooks, getattr(hooks, "publish", None), getattr(hooks, "client", None)):
        for name in dir(source) if source is not None else ():
            if not name.startswith("_") and name not in NAMES and callable(getattr(source, name, None)):
                snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
                found += [(name, meant) for meant in get_close_matches(snake, NAMES, n=1, cutoff=0.8)]
    return found


def instance_of(hooks: object | None) -> object | None:
    """Make an object of a class of hooks.

    Raises:
        HookError: its constructor raised, or wants arguments.
    """
    if not inspect.isclass(hooks):
        return hooks
    try:
        return hooks()
    except Exception as error:
        raise HookError(f"hooks {hooks.__name__} can't be made: {type(error).__name__}: {error}") from error


class HookSide:
    """The hooks of one side, publish or client."""

    def __init__(self, hooks: object | None, side: str, timeout_s: float) -> None:
        source = instance_of(getattr(hooks, side, hooks))
        self._side = side
        self._timeout_s = timeout_s
        self._functions: dict[str, Callable[..., Any]] = {
            name: function for name in NAMES if callable(function := getattr(source, name, None))
        }
        self._threads = asyncio.Semaphore(MAX_SYNC_CALLS)
        self._told: dict[str, deque[tuple[str, HookMount]]] = {}
        self._waiting = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def __contains__(self, name: str) -> bool:
        """Tell whether this side has a hook of that name."""
        return name in self._functions

    async def ask(self, name: str, *arguments: object) -> Any:
        """Call a hook that decides, and give what it gives.

        Raises:
            HookError: it failed, which is in the log by then.
        """
        function = self._functions[name]
        try:
            async with asyncio.timeout(self._timeout_s):
                if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__):
                    return await function(*arguments)
                result = await self._on_thread(function, arguments)
                return await result if inspect.isawaitable(result) else result
        except TimeoutError as error:
            log.error("hook took too long", hook=name, side=self._side, timeout_s=self._timeout_s)
            raise HookError(f"{name} took too long") from error
        except (Exception, SystemExit, asyncio.CancelledError) as error:  # a user's code may raise anything
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # it is we who are cancelled, not something that the hook waited for
            log.error("hook failed", hook=name, side=self._side, exc_info=True)
            raise HookError(f"{name} failed") from error

    def tell(self, name: str, mount: HookMount) -> None:
        """Call a hook that only hears of something, and don't wait for it. What concerns one mount stays in order."""
        if name not in self._functions:
            return
        if self._waiting >= MAX_TOLD:
            log.error("hook not called: too many wait", hook=name, side=self._side, mount=mount.path)
            return
        self._waiting += 1
        if mount.path in self._told:
            self._told[mount.path].append((name, mount))
            return
        self._told[mount.path] = deque([(name, mount)])
        task = asyncio.get_running_loop().create_task(self._tell(mount.path))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, path: str) -> None:
        told = self._told[path]
        try:
            while told:
                name, mount = told.popleft()
                self._waiting -= 1
                with suppress(HookError):  # logged already; there is nothing to deny
                    await self.ask(name, mount)
        finally:
            self._waiting -= len(told)
            del self._told[path]

    async def settle(self) -> None:
        """Wait for the hooks that were told last; each has its time limit."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _on_thread(self, function: Callable[..., Any], arguments: tuple[object, ...]) -> Any:
        """Run a sync hook on a thread of its own: one that hangs must hold up neither the front nor its exit."""
        await self._threads.acquire()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def finish(result: Any, error: Exception | None) -> None:
            self._threads.release()
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        def run() -> None:
            result: Any = None
            failure: Exception | None = None
            try:
                result = function(*arguments)
            except BaseException as error:
                if isinstance(error, Exception) and not isinstance(error, StopIteration):
                    failure = error
                else:  # sys.exit() in a hook ends the hook alone, and StopIteration no future may hold
                    failure = HookError(f"{type(error).__name__}: {error}")
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(finish, result, failure)

        try:
            threading.Thread(target=run, name=f"hook-{self._side}", daemon=True).start()
        except BaseException:  # no threads or no memory left, for now
            self._threads.release()
            raise
        return await future


class Hooks:
    """Both sides of a hooks object.

    Raises:
        HookError: it has none of the hooks: whoever meant to keep somebody out would keep out nobody.
    """

    def __init__(self, hooks: object | None, timeout_s: float) -> None:
        hooks = instance_of(hooks)
        self.publish = HookSide(hooks, "publish", timeout_s)
        self.client = HookSide(hooks, "client", timeout_s)
        if hooks is not None and not any(name in side for name in NAMES for side in (self.publish, self.client)):
            raise HookError(
                f"hooks {hooks!r:.80} have none of {', '.join(NAMES)}, neither itself nor as publish or client"
            )
        for name, meant in misspelt(hooks):
            log.warning("not a hook, is it misspelt?", name=name, hook=meant)

    async def settle(self) -> None:
        """Wait for the hooks of both sides that were told last."""
        await self.publish.settle()
        await self.client.settle()
