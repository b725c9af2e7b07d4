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
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from router.logs import get_logger

log = get_logger(__name__)

MAX_SYNC_CALLS = 64
"""Sync hooks running at a time, each on a thread: hooks that hang must not eat threads without end."""
NAMES = (
    "authentication", "credentials", "check_mount", "client_close", "mount_now_empty", "mount_open", "mount_close",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HookRequest:
    """The request that a hook decides on. `uri` is as it was sent, `path` the mount's, `host` the client's address."""

    method: str
    uri: str
    path: str
    query: str
    headers: Mapping[str, str]
    host: str


@dataclass(frozen=True, slots=True)
class HookMount:
    """The mount that a hook hears of; `readers` are those that stay."""

    path: str
    readers: int


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
    except Exception as error:  # whatever a user's module does when it is imported
        raise HookError(f"hooks {reference!r} can't be loaded: {type(error).__name__}: {error}") from error


class HookSide:
    """The hooks of one side, publish or client."""

    def __init__(self, hooks: object | None, side: str, timeout_s: float) -> None:
        source = getattr(hooks, side, hooks)
        if inspect.isclass(source):
            source = source()
        self._side = side
        self._timeout_s = timeout_s
        self._functions: dict[str, Callable[..., Any]] = {
            name: function for name in NAMES if callable(function := getattr(source, name, None))
        }
        self._sync_calls = 0
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
        except Exception as error:  # a user's code may raise anything, and must not reach the client
            log.error("hook failed", hook=name, side=self._side, exc_info=True)
            raise HookError(f"{name} failed") from error

    def tell(self, name: str, mount: HookMount) -> None:
        """Call a hook that only hears of something, and don't wait for it."""
        if name in self._functions:
            task = asyncio.get_running_loop().create_task(self._tell(name, mount))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell(self, name: str, mount: HookMount) -> None:
        with suppress(HookError):  # logged already; there is nothing to deny
            await self.ask(name, mount)

    async def settle(self) -> None:
        """Wait for the hooks that were told last; each has its time limit."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def _on_thread(self, function: Callable[..., Any], arguments: tuple[object, ...]) -> Any:
        """Run a sync hook on a thread of its own: one that hangs must hold up neither the front nor its exit."""
        if self._sync_calls >= MAX_SYNC_CALLS:
            raise HookError(f"{MAX_SYNC_CALLS} calls of sync hooks are running already")
        self._sync_calls += 1
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def finish(result: Any, error: BaseException | None) -> None:
            self._sync_calls -= 1
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        def run() -> None:
            result, failure = None, None
            try:
                result = function(*arguments)
            except BaseException as error:
                failure = error
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(finish, result, failure)

        threading.Thread(target=run, name=f"hook-{self._side}", daemon=True).start()
        return await future


class Hooks:
    """Both sides of a hooks object."""

    def __init__(self, hooks: object | None, timeout_s: float) -> None:
        if inspect.isclass(hooks):
            hooks = hooks()
        self.publish = HookSide(hooks, "publish", timeout_s)
        self.client = HookSide(hooks, "client", timeout_s)

    async def settle(self) -> None:
        """Wait for the hooks of both sides that were told last."""
        await self.publish.settle()
        await self.client.settle()
