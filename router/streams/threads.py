"""Calls from other threads: a sync handler runs on one, and a program has its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")

LOOKED_AT_S = 1.0
"""How often a thread that waits looks whether there is still a loop to wait for."""


def call_in(loop: asyncio.AbstractEventLoop | None, function: Callable[[], Result]) -> Result:
    """Call a function in an event loop: from another thread by waiting for it. Without a loop nothing runs yet.

    Raises:
        RuntimeError: the loop is closed.
    """
    if loop is None or asyncio._get_running_loop() is loop:
        return function()
    done: Future[Result] = Future()

    def call() -> None:
        try:
            done.set_result(function())
        except Exception as error:  # it is the caller's
            done.set_exception(error)

    loop.call_soon_threadsafe(call)
    while True:
        try:
            return done.result(LOOKED_AT_S)
        except TimeoutError:
            if done.done():
                raise
            if loop.is_closed():
                raise RuntimeError("the server's event loop has ended") from None
