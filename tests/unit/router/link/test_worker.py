"""One worker: who asks it is answered, or told why not; and its state changes as the table says."""

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any, cast

import pytest

from router.link.worker import Worker, WorkerGone, WorkerRefused, WorkerState
from workers.contract.commands import CloseMount, ReportState
from workers.contract.messages import Message
from workers.contract.parts import Refusal
from workers.contract.replies import Done, Refused
from workers.contract.reports import StateReport

COMMAND = CloseMount("/a", 1)


class Link:
    """Numbers commands, and keeps what is sent."""

    def __init__(self, command_timeout_s: float = 5.0) -> None:
        self.command_timeout_s = command_timeout_s
        self.sent: list[tuple[int, Message]] = []
        self._requests = 0

    def next_request(self) -> int:
        self._requests += 1
        return self._requests

    def send(self, worker: Worker, request: int, message: Message) -> None:
        self.sent.append((request, message))


def with_worker(
    scenario: Callable[[Worker, Link], Coroutine[None, None, None]], command_timeout_s: float = 5.0
) -> None:
    async def program() -> None:
        link = Link(command_timeout_s)
        await scenario(Worker(3, "incarnation", cast(Any, SimpleNamespace(pid=1)), link, 0.0), link)

    asyncio.run(program())


def test_a_reply_comes_to_whoever_asked() -> None:
    async def scenario(worker: Worker, link: Link) -> None:
        first, second = asyncio.ensure_future(worker.ask(COMMAND)), asyncio.ensure_future(worker.ask(COMMAND))
        await asyncio.sleep(0)
        worker.take_reply(2, Done())
        worker.take_reply(7, Done())
        assert await second == Done()
        assert not first.done()
        worker.take_reply(1, Refused(Refusal.STALE, "too old"))
        with pytest.raises(WorkerRefused, match="too old"):
            await first
        worker.take_reply(1, Done())
        assert link.sent == [(1, COMMAND), (2, COMMAND)]

    with_worker(scenario)


def test_a_report_is_whole_with_its_last_part() -> None:
    async def scenario(worker: Worker, link: Link) -> None:
        asked = asyncio.ensure_future(worker.report(ReportState()))
        await asyncio.sleep(0)
        parts = [StateReport((), ("a",), more=True), StateReport((), ("b",), more=False)]
        for part in parts:
            assert not asked.done()
            worker.take_reply(1, part)
        assert await asked == parts

    with_worker(scenario)


def test_who_asks_a_lost_worker_is_told() -> None:
    async def scenario(worker: Worker, link: Link) -> None:
        asked = asyncio.ensure_future(worker.ask(COMMAND))
        await asyncio.sleep(0)
        worker.lose()
        with pytest.raises(WorkerGone, match="worker 3 died"):
            await asked
        with pytest.raises(WorkerGone, match="worker 3 is gone"):
            await worker.ask(COMMAND)
        assert len(link.sent) == 1

    with_worker(scenario)


def test_who_asks_a_worker_that_hangs_is_told() -> None:
    async def scenario(worker: Worker, link: Link) -> None:
        with pytest.raises(WorkerGone, match=r"worker 3 did not answer CloseMount in 0\.01 s"):
            await worker.ask(COMMAND)

    with_worker(scenario, 0.01)


def test_a_lost_worker_never_comes_back() -> None:
    async def scenario(worker: Worker, link: Link) -> None:
        for state in (WorkerState.READY, WorkerState.DRAINING, WorkerState.READY, WorkerState.GIVEN_UP):
            worker.become(state)
        worker.lose()
        assert worker.is_lost
        for state in WorkerState:
            with pytest.raises(AssertionError):
                worker.become(state)

    with_worker(scenario)
