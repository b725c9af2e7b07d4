"""Calls into an event loop from other threads."""

import asyncio
import threading

import pytest

from router.streams import threads
from router.streams.threads import call_in


def test_from_another_thread_it_gives_what_the_function_gives_in_the_loop() -> None:
    async def program() -> None:
        loop = asyncio.get_running_loop()
        assert await asyncio.to_thread(call_in, loop, threading.get_ident) == threading.get_ident()
        assert call_in(loop, threading.get_ident) == threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(call_in, loop, lambda: 1 // 0)
        with pytest.raises(TimeoutError, match="its own"):
            await asyncio.to_thread(call_in, loop, raise_timeout)

    asyncio.run(program())


def raise_timeout() -> None:
    raise TimeoutError("its own")


def test_a_loop_that_has_ended_is_waited_for_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "LOOKED_AT_S", 0.01)
    loop = asyncio.new_event_loop()
    raised: list[str] = []

    def call() -> None:
        try:
            call_in(loop, list)
        except RuntimeError as error:
            raised.append(str(error))

    thread = threading.Thread(target=call)
    thread.start()  # the loop does not run
    loop.close()
    thread.join(10)
    assert not thread.is_alive()
    assert len(raised) == 1
