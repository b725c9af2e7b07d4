"""Supervision of small real programs: started, started again, stopped, killed."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from router.programs.process import Program
from router.programs.supervisor import RestartDelay, Supervisor, ending
from tests.support.processes import alive
from tests.support.waiting import eventually

TIMEOUT_S = 20.0
FOREVER = "import signal; print('up', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + FOREVER


class Lines:
    """What a program said, and a way to wait for more."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._news = asyncio.Event()

    def hear(self, line: str) -> None:
        self.all.append(line)
        self._news.set()

    async def wait(self, count: int) -> list[str]:
        async with asyncio.timeout(TIMEOUT_S):
            while len(self.all) < count:
                self._news.clear()
                await self._news.wait()
        return self.all


def python(name: str, source: str, **rest: Any) -> Program:
    return Program(name, (sys.executable, "-c", source), **rest)


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(work())


def test_the_first_restart_is_immediate_and_later_ones_wait_longer() -> None:
    delays = RestartDelay(first_s=0.5, most_s=3, stable_s=30)
    assert [delays.after(0) for _ in range(6)] == [0, 0.5, 1, 2, 3, 3]
    assert delays.after(29.9) == 3
    assert [delays.after(30), delays.after(0), delays.after(0)] == [0, 0.5, 1]


def test_ends_in_order_cost_no_time_unless_they_come_at_once() -> None:
    delays = RestartDelay(first_s=0.5, most_s=3, stable_s=30)
    assert [delays.after(1, in_order=True) for _ in range(6)] == [0] * 6
    assert [delays.after(0.9, in_order=True) for _ in range(3)] == [0, 0.5, 1]
    assert [delays.after(1, in_order=True), delays.after(0)] == [0, 2]


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0, "exit status 0"),
        (3, "exit status 3"),
        (-9, "SIGKILL"),
        (-40, "signal 40"),
        (None, "unknown, it was another's child"),
    ],
)
def test_endings_have_names(status: int, text: str) -> None:
    assert ending(status) == text


def test_what_dies_is_started_again_and_stopped_at_the_end() -> None:
    async def work() -> None:
        lines = Lines()
        statuses: list[int | None] = []

        def ended(status: int | None) -> bool:
            statuses.append(status)
            return True

        source = "import os; print(os.getpid(), flush=True); " + FOREVER
        supervisor = Supervisor([python("one", source, on_line=lines.hear, on_exit=ended)], stop_timeout_s=TIMEOUT_S)
        await supervisor.start()
        os.kill(int((await lines.wait(2))[0]), signal.SIGKILL)
        os.kill(int((await lines.wait(4))[2]), signal.SIGTERM)
        said = await lines.wait(6)
        await supervisor.stop()
        assert statuses == [-signal.SIGKILL, -signal.SIGTERM]  # its end while everything stops is no news
        assert len(said) == 6
        assert not any(alive(int(pid)) for pid in said[::2])

    run(work)


@pytest.mark.parametrize(("status", "level"), [(0, "INFO"), (1, "WARNING")])
def test_an_end_that_was_asked_for_is_no_warning(status: int, level: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def work() -> None:
        lines = Lines()
        source = f"print('up', flush=True); raise SystemExit({status})"
        supervisor = Supervisor([python("one", source, on_line=lines.hear)], stop_timeout_s=TIMEOUT_S)
        await supervisor.start()
        await lines.wait(2)
        await supervisor.stop()

    run(work)
    ended = next(record for record in caplog.records if record.getMessage().startswith("program ended name=one"))
    assert ended.levelname == level


def test_a_program_whose_end_is_final_is_left_alone() -> None:
    async def work() -> None:
        ended: asyncio.Queue[int | None] = asyncio.Queue()

        def final(status: int | None) -> bool:
            ended.put_nowait(status)
            return False

        supervisor = Supervisor([python("one", "raise SystemExit(3)", on_exit=final)], stop_timeout_s=TIMEOUT_S)
        await supervisor.start()
        assert await asyncio.wait_for(ended.get(), TIMEOUT_S) == 3
        await supervisor.stop()
        assert ended.empty()

    run(work)


def test_what_does_not_end_in_time_is_killed_with_what_it_started() -> None:
    async def work() -> None:
        lines = Lines()
        source = (
            "import subprocess, sys;"
            f"child = subprocess.Popen([sys.executable, '-c', {FOREVER!r}], stdout=subprocess.PIPE);"
            "child.stdout.readline(); print(child.pid, flush=True);" + STUBBORN
        )
        supervisor = Supervisor([python("one", source, on_line=lines.hear)], stop_timeout_s=0.05)
        await supervisor.start()
        grandchild = int((await lines.wait(2))[0])
        await supervisor.stop()
        eventually(lambda: not alive(grandchild), "the end of what the program started", TIMEOUT_S)

    run(work)


def test_stopping_ends_a_wait_for_the_next_start() -> None:
    async def work() -> None:
        starts: asyncio.Queue[int | None] = asyncio.Queue()

        def ended(status: int | None) -> bool:
            starts.put_nowait(status)
            return True

        supervisor = Supervisor([python("one", "raise SystemExit(1)", on_exit=ended)], stop_timeout_s=TIMEOUT_S)
        await supervisor.start()
        async with asyncio.timeout(TIMEOUT_S):
            for _ in range(3):  # now it waits for a second
                await starts.get()
            await supervisor.stop()
        assert starts.empty()

    run(work)


def test_killing_hurries_a_stop() -> None:
    async def work() -> None:
        lines = Lines()
        supervisor = Supervisor([python("one", STUBBORN, on_line=lines.hear)], stop_timeout_s=3600)
        await supervisor.start()
        await lines.wait(1)
        stopping = asyncio.create_task(supervisor.stop())
        await asyncio.sleep(0)
        supervisor.kill()
        await asyncio.wait_for(stopping, TIMEOUT_S)

    run(work)


def test_each_start_finds_its_standard_input_anew() -> None:
    async def work() -> None:
        lines = Lines()
        inputs = iter([b"first", b"x" * 200_000, b"third"])
        source = "import sys; data = sys.stdin.read(); print(len(data), data[:5], flush=True)"
        program = python(
            "one", source, stdin=lambda: next(inputs), on_line=lines.hear, on_exit=lambda status: len(lines.all) < 3
        )
        supervisor = Supervisor([program], stop_timeout_s=TIMEOUT_S)
        await supervisor.start()
        assert await lines.wait(3) == ["5 first", "200000 xxxxx", "5 third"]
        await supervisor.stop()

    run(work)


def test_every_line_is_heard_before_the_end() -> None:
    async def work() -> None:
        lines = Lines()
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def final(status: int | None) -> bool:
            ended.set_result(len(lines.all))
            return False

        source = "import sys; sys.stdout.write('line\\n' * 50_000 + 'x' * 100_000 + '\\nrest')"
        supervisor = Supervisor([python("one", source, on_line=lines.hear, on_exit=final)], stop_timeout_s=TIMEOUT_S)
        await supervisor.start()
        assert await asyncio.wait_for(ended, TIMEOUT_S) >= 50_000
        await supervisor.stop()
        assert lines.all[:50_000] == ["line"] * 50_000

    run(work)


def test_output_that_a_grandchild_keeps_open_delays_nothing() -> None:
    async def work() -> None:
        lines = Lines()
        ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

        def final(status: int | None) -> bool:
            ended.set_result(status)
            return False

        source = (
            "import subprocess, sys;"
            f"child = subprocess.Popen([sys.executable, '-c', {'import signal; signal.pause()'!r}]);"
            "print(child.pid, flush=True)"
        )
        supervisor = Supervisor([python("one", source, on_line=lines.hear, on_exit=final)], stop_timeout_s=TIMEOUT_S)
        await supervisor.start()
        assert await asyncio.wait_for(ended, TIMEOUT_S) == 0
        (grandchild,) = lines.all
        os.kill(int(grandchild), signal.SIGKILL)
        await supervisor.stop()

    run(work)


def test_programs_are_out_of_the_terminals_reach_and_have_no_input() -> None:
    async def work() -> None:
        lines = Lines()
        source = "import os, sys; print(os.getsid(0) == os.getpid(), repr(sys.stdin.read()), flush=True)"
        program = python("one", source, on_line=lines.hear, on_exit=lambda status: False)
        supervisor = Supervisor([program], stop_timeout_s=TIMEOUT_S)
        await supervisor.start()
        assert await lines.wait(1) == ["True ''"]
        await supervisor.stop()

    run(work)


def test_a_program_that_is_not_there_is_an_error_and_the_others_stop(tmp_path: Path) -> None:
    async def work() -> None:
        lines = Lines()
        missing = Program("two", (str(tmp_path / "missing"),), stdin=lambda: b"x")
        source = "import os; print(os.getpid(), flush=True); " + FOREVER
        supervisor = Supervisor([python("one", source, on_line=lines.hear), missing], stop_timeout_s=TIMEOUT_S)
        with pytest.raises(FileNotFoundError):
            await supervisor.start()
        pid = int((await lines.wait(1))[0])
        await supervisor.stop()
        assert not alive(pid)

    run(work)


def test_a_start_that_fails_for_now_is_tried_again(tmp_path: Path) -> None:
    async def work() -> None:
        lines = Lines()
        program = tmp_path / "program"
        program.write_text("#!/bin/sh\necho up\n")
        program.chmod(0o700)
        tried: asyncio.Queue[None] = asyncio.Queue()

        def stdin() -> bytes:
            tried.put_nowait(None)
            return b""

        def ended(status: int | None) -> bool:
            if len(lines.all) == 1:
                program.rename(tmp_path / "away")
            return len(lines.all) < 2

        supervisor = Supervisor(
            [Program("one", (str(program),), stdin=stdin, on_line=lines.hear, on_exit=ended)], stop_timeout_s=TIMEOUT_S
        )
        await supervisor.start()
        async with asyncio.timeout(TIMEOUT_S):
            for _ in range(2):
                await tried.get()
        (tmp_path / "away").rename(program)
        assert await lines.wait(2) == ["up", "up"]
        await supervisor.stop()

    run(work)
