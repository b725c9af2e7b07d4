"""The launcher's watchdog, with small programs that live, hang, and are watched by one that hangs itself."""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from router.programs import watchdog
from router.programs.process import Program
from router.programs.supervisor import Supervisor
from router.programs.watchdog import Watchdog

TIMEOUT_S = 20.0
WATCHDOG_S = 0.6
PROGRAM = """
import sys, time
from workers.shared.notify import notifier
supervisor = notifier()
supervisor.ready("works")
while True:
    supervisor.alive()
    time.sleep(supervisor.alive_every_s)
"""


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(watchdog, "LOOK_S", 0.05)
    with tempfile.TemporaryDirectory(prefix="tl-", dir="/tmp") as directory:  # pytest's own paths are too long
        yield Path(directory)


class Watch:
    """One program under a watchdog."""

    def __init__(self, directory: Path, source: str = PROGRAM, found: bool = False) -> None:
        self.ready: list[int] = []
        self.dog = Watchdog(directory / "notices", lambda: self.programs.running, self.ready.append)
        self.found = found
        root = str(Path(__file__).parents[4])
        variables = os.environ | self.dog.environment(WATCHDOG_S) | {"PYTHONPATH": root}
        program = Program("it", (sys.executable, "-c", source), variables, watchdog_s=WATCHDOG_S)
        self.programs = Supervisor([program], stop_timeout_s=0)

    @property
    def pid(self) -> int:
        ((_, running),) = self.programs.running
        return running.pid

    async def until(self, fact: Callable[[], object]) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while not fact():  # noqa: ASYNC110  # processes set no events
                await asyncio.sleep(0.01)

    def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def all_of_it() -> None:
            try:
                if self.found:
                    await self.programs.start()
                    self.dog.start([self.pid])
                else:
                    self.dog.start()
                    await self.programs.start()
                await work()
            finally:
                self.dog.close()
                self.programs.kill()
                await self.programs.stop()

        asyncio.run(all_of_it())


def test_what_hangs_is_killed_and_started_again(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(directory)

    async def work() -> None:
        await watch.until(lambda: watch.ready)
        (first,) = watch.ready
        assert first == watch.pid
        os.kill(first, signal.SIGSTOP)
        await watch.until(lambda: len(watch.ready) == 2)
        assert watch.pid == watch.ready[1] != first

    watch.run(work)
    assert "program hangs, and is killed name=it" in caplog.text
    assert not list(directory.iterdir())


def test_what_lives_is_left_alone_also_by_a_watchdog_that_stood_still(directory: Path) -> None:
    watch = Watch(directory)

    async def work() -> None:
        await watch.until(lambda: watch.ready)
        first = watch.pid
        await asyncio.sleep(3 * WATCHDOG_S)
        time.sleep(3 * WATCHDOG_S)  # noqa: ASYNC251  # as if it were stopped
        await asyncio.sleep(3 * WATCHDOG_S)
        assert watch.pid == first

    watch.run(work)


def test_notices_that_found_no_room_while_the_watchdog_stood_still_are_not_missed(directory: Path) -> None:
    """The kernel keeps a few notices for whoever reads none (net.unix.max_dgram_qlen), and refuses the rest."""
    watch = Watch(directory, PROGRAM.replace("sleep(supervisor.alive_every_s)", "sleep(0.001)"))

    async def work() -> None:
        await watch.until(lambda: watch.ready)
        first = watch.pid
        time.sleep(3 * WATCHDOG_S)  # noqa: ASYNC251  # as if it were stopped
        await asyncio.sleep(3 * WATCHDOG_S)
        assert watch.pid == first

    watch.run(work)


def test_one_that_was_found_running_and_hangs_is_killed_too(directory: Path) -> None:
    watch = Watch(directory, "import signal; signal.pause()", found=True)

    async def work() -> None:
        first = watch.pid
        await watch.until(lambda: watch.programs.running and watch.pid != first)

    watch.run(work)


def test_one_that_has_said_nothing_yet_may_take_its_time(directory: Path) -> None:
    watch = Watch(directory, "import signal; signal.pause()")

    async def work() -> None:
        first = watch.pid
        await asyncio.sleep(3 * WATCHDOG_S)
        assert watch.pid == first

    watch.run(work)
