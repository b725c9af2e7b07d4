"""Calls of a user's functions: their order, and what a failure leaves behind."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import pytest

from router.handlers import calls as module
from router.handlers.calls import Calls, UserCodeError


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 10))


def test_what_shares_a_key_stays_in_order_and_nothing_else_waits() -> None:
    heard: list[str] = []

    async def scenario() -> None:
        gate = asyncio.Event()
        calls = Calls("test", None)

        async def slow(word: str) -> None:
            await gate.wait()
            heard.append(word)

        async def quick(word: str) -> None:
            heard.append(word)

        calls.tell(("connection", "session"), "slow", slow, "1")
        calls.tell(("session",), "quick", quick, "2")
        calls.tell(("connection",), "quick", quick, "3")
        calls.tell(("session", "connection"), "quick", quick, "4")
        calls.tell(("other",), "quick", quick, "unheld")
        await calls.caught_up(("other",))
        assert heard == ["unheld"]
        gate.set()
        await calls.caught_up(("session",))
        assert heard == ["unheld", "1", "2", "3", "4"]
        await calls.settle()

    run(scenario())


def test_one_that_fails_does_not_stop_the_next(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    async def scenario() -> None:
        calls = Calls("test", 0.05)

        async def hang(word: str) -> None:
            await asyncio.Event().wait()

        calls.tell(("a",), "broken", int, "no number")
        calls.tell(("a",), "hang", hang, "")
        calls.tell(("a",), "append", heard.append, "heard")
        await calls.settle()

    run(scenario())
    assert heard == ["heard"]
    assert "no number" in caplog.text
    assert "took too long" in caplog.text


def test_what_nobody_catches_up_with_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TOLD", 3)
    heard: list[int] = []

    async def scenario() -> None:
        calls = Calls("test", 1)
        for number in range(5):
            calls.tell(("a",), "append", heard.append, number)
        await calls.settle()
        calls.tell(("a",), "append", heard.append, 5)
        await calls.settle()

    run(scenario())
    assert heard == [0, 1, 2, 5]


def test_its_own_timeout_is_no_hang(caplog: pytest.LogCaptureFixture) -> None:
    async def own() -> None:
        raise TimeoutError("of a database")

    with pytest.raises(UserCodeError, match="own failed"):
        run(Calls("test", 5).ask("own", own))
    assert "of a database" in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_of_a_sync_function_that_ends_its_thread_the_log_says_where(caplog: pytest.LogCaptureFixture) -> None:
    def leaves() -> None:
        raise SystemExit("this_very_line")

    async def scenario() -> None:
        with pytest.raises(UserCodeError):
            await Calls("test", 5).ask("leaves", leaves)

    run(scenario())
    assert 'raise SystemExit("this_very_line")' in caplog.text


def test_whoever_gives_up_waiting_for_the_last_calls_leaves_those_alone_that_have_begun() -> None:
    heard: list[str] = []

    async def scenario() -> None:
        calls = Calls("test", None)
        gate = asyncio.Event()

        async def slow(word: str) -> None:
            await gate.wait()
            heard.append(word)

        for word in ("begun", "never begun", "nor this"):
            calls.tell(("a",), "slow", slow, word)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await calls.settle()
        gate.set()
        await calls.settle()

    run(scenario())
    assert heard == ["begun"]
