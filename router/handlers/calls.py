"""Calls of a user's own functions: sync or async, limited in time, in order, and unable to harm anybody.

What such a function raises or takes too long for is logged here, with its traceback, and becomes a `UserCodeError`.
"""

import asyncio
import inspect
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import Any

from router.logs import get_logger

log = get_logger(__name__)

MAX_SYNC_CALLS = 64
"""Sync functions of one object that run at a time, each on a thread; others wait. One that hangs keeps its thread."""
MAX_TOLD = 10_000
"""Notifications that wait for one object. Functions that are slower than what they are told of for so long never
catch up."""


MAX_TOLD_OF_ONE = 64
"""Notifications of one connection that wait before its next request does: a client that asks faster than somebody hears
of it would make everybody else unheard."""


class UserCodeError(Exception):
    """A user's own code can't be loaded, raised, took too long, or gave what it may not give."""


class Calls:
    """The calls of one object's functions; `owner` says in the log what they are.

    Without `timeout_s` they may take for ever.
    """

    def __init__(self, owner: str, timeout_s: float | None) -> None:
        self._owner = owner
        self._timeout_s = timeout_s
        self._threads = asyncio.Semaphore(MAX_SYNC_CALLS)
        self._last: dict[Hashable, asyncio.Task[None]] = {}
        """The last notification that concerns a key."""
        self._waiting: Counter[Hashable] = Counter()
        """Notifications that wait, or are being told, by what they concern."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._given_up = False
        """Whether nothing that waits is told any more: the time for that is over."""

    async def ask(self, name: str, function: Callable[..., Any], *arguments: object) -> Any:
        """Call a function and give what it gives.

        Raises:
            UserCodeError: it failed, which is in the log by then.
        """
        limit = asyncio.timeout(self._timeout_s)
        try:
            async with limit:
                if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__):
                    return await function(*arguments)
                result = await self._on_thread(function, arguments)
                return await result if inspect.isawaitable(result) else result
        except (UserCodeError, KeyboardInterrupt, GeneratorExit):
            raise  # of a function inside of this one, and logged there; or the whole program ends
        except BaseException as error:  # a user's code may raise anything
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # it is we who are cancelled, not something that the function waited for
            hung = limit.expired()
            what = "took too long" if hung else "failed"
            # Of one that hangs, where it was when it was given up.
            log.error(f"{self._owner} {what}", function=name, exc_info=error.__cause__ if hung else error)
            raise UserCodeError(f"{name} {what}") from error

    def tell(self, keys: Sequence[Hashable], name: str, function: Callable[..., Any], *arguments: object) -> None:
        """Call a function that only hears of something, and don't wait for it.

        It is called after all that was told before of any of the `keys`: a connection, a session, a path.
        """
        if len(self._tasks) >= MAX_TOLD:
            log.error(f"{self._owner} not called: too many wait", function=name, concerns=keys)
            return
        before = {self._last[key] for key in keys if key in self._last}
        task = asyncio.get_running_loop().create_task(self._tell(before, name, function, arguments))
        self._tasks.add(task)
        for key in keys:
            self._last[key] = task
            self._waiting[key] += 1
        task.add_done_callback(lambda done: self._forget(done, keys))

    async def _tell(
        self, before: set[asyncio.Task[None]], name: str, function: Callable[..., Any], arguments: tuple[object, ...]
    ) -> None:
        if before:
            await asyncio.wait(before)
        if self._given_up:
            return
        with suppress(UserCodeError):  # logged already; there is nothing to deny
            await self.ask(name, function, *arguments)

    def _forget(self, task: asyncio.Task[None], keys: Sequence[Hashable]) -> None:
        self._tasks.discard(task)
        for key in keys:
            self._waiting[key] -= 1
            if self._last.get(key) is task:
                del self._last[key], self._waiting[key]

    async def caught_up(self, keys: Sequence[Hashable]) -> None:
        """Wait until everything has been told that concerns these keys."""
        before = {self._last[key] for key in keys if key in self._last}
        if before:
            await asyncio.wait(before)

    async def room(self, key: Hashable) -> None:
        """Wait, where too much waits to be told of it, until that is told."""
        if self._waiting[key] >= MAX_TOLD_OF_ONE:
            await self.caught_up((key,))

    async def told(self) -> None:
        """Wait for what was told so far, and nothing that comes meanwhile; each call has its time limit."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def settle(self) -> None:
        """Wait for all that was told; each call has its time limit. If cancelled, no further call is begun."""
        try:
            while self._tasks:
                await asyncio.wait(self._tasks)
        except asyncio.CancelledError:
            self._given_up = True
            raise

    async def _on_thread(self, function: Callable[..., Any], arguments: tuple[object, ...]) -> Any:
        """Run a sync function on a thread of its own: one that hangs must hold up neither the front nor its exit."""
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
                else:  # sys.exit() in it ends the function alone, and StopIteration no future may hold
                    failure = RuntimeError(f"{type(error).__name__}: {error}").with_traceback(error.__traceback__)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(finish, result, failure)

        thread = threading.Thread(target=run, name=self._owner, daemon=True)
        try:
            thread.start()
        except BaseException:  # no threads or no memory left, for now
            self._threads.release()
            raise
        try:
            return await future
        except asyncio.CancelledError as error:
            frame = sys._current_frames().get(thread.ident or 0)
            error.add_note("The thread is here:\n" + "".join(traceback.format_stack(frame)) if frame else "It is done.")
            raise
