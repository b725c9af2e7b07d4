"""Tasks that end with their owner."""

import asyncio
import gc

import pytest

from router import tasks
from router.tasks import Tasks


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    logged: list[BaseException] = []

    class Log:
        def error(self, text: str, exc_info: BaseException) -> None:
            logged.append(exc_info)

    monkeypatch.setattr(tasks, "log", Log())
    return logged


def test_a_task_that_nobody_holds_is_carried_out() -> None:
    async def scene() -> bool:
        done = asyncio.Event()
        tasks = Tasks()

        async def work() -> None:
            await asyncio.sleep(0)
            done.set()

        tasks.run(work())
        gc.collect()
        return await asyncio.wait_for(done.wait(), 10)

    assert asyncio.run(scene())


def test_what_fails_is_logged_and_the_others_go_on(errors: list[BaseException]) -> None:
    async def scene() -> None:
        tasks, done = Tasks(), asyncio.Event()

        async def fail() -> None:
            raise ValueError("broken")

        async def work() -> None:
            await asyncio.sleep(0)
            done.set()

        tasks.run(fail())
        tasks.run(work())
        await done.wait()
        await tasks.cancel()

    asyncio.run(scene())
    assert [str(each) for each in errors] == ["broken"]


def test_cancelling_waits_for_the_ends_and_logs_none_of_them(errors: list[BaseException]) -> None:
    async def scene() -> list[str]:
        tasks, ended = Tasks(), []
        started = asyncio.Event()

        async def work() -> None:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)  # an end that takes a while
                ended.append("work")

        tasks.run(work())
        await started.wait()
        await tasks.cancel()
        await tasks.cancel()
        return ended

    assert asyncio.run(scene()) == ["work"]
    assert errors == []
