"""The launcher with small programs in place of front and workers."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from router.programs.kinds import FRONT as FRONT_KIND
from router.programs.kinds import READY, ProgramKind
from router.programs.kinds import WORKER as WORKER_KIND
from router.programs.launcher import Launcher
from router.settings import Settings
from tests.support.processes import alive
from tests.support.waiting import Deadline
from workers.contract.endpoints import Endpoints

TIMEOUT_S = 20.0
LISTENS = """
import os, socket
notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notices.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
"""
FRONT = f"""
import json, os, signal, sys
settings = json.load(sys.stdin)
with open(settings["runtime_dir"] + "/fronts", "a") as file:
    print(os.getpid(), settings["publish_port"], settings["client_port"], file=file)
{LISTENS}
ready = "publish=rtsp://[::1]:4001 client=rtsp://[::1]:4002 workers=1 runtime=" + settings["runtime_dir"]
print("{READY}" + ready, flush=True)
signal.pause()
"""
WORKER = """
import os, signal
with open(os.environ["LOG"], "a") as file:
    print(os.getpid(), file=file)
signal.pause()
"""


def running(kind: ProgramKind, source: str) -> ProgramKind:
    """Give the kind with a small program in place of its own."""
    return replace(kind, command=lambda settings, number: (sys.executable, "-c", source))


class Fixture:
    """A launcher's settings, and the files in which its programs note their starts."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self.settings = Settings(workers=1, publish_port=0, client_port=0, runtime_dir=self.directory)
        monkeypatch.setenv("LOG", str(self.directory / "workers"))

    def launcher(self, front: str = FRONT, worker: str = WORKER) -> Launcher:
        return Launcher(self.settings, (running(FRONT_KIND, front), running(WORKER_KIND, worker)))

    async def started(self, kind: str, count: int) -> list[list[str]]:
        """Wait until a program was started so many times; give the words that each start noted."""
        deadline = Deadline(TIMEOUT_S)
        while not deadline.passed:
            path = self.directory / kind
            lines = path.read_text().splitlines(keepends=True) if path.exists() else []
            if len(lines) >= count and lines[-1].endswith("\n"):
                return [line.split() for line in lines]
            await asyncio.sleep(0.01)
        raise AssertionError(f"{kind} started less than {count} times in {TIMEOUT_S} s")

    def pids(self) -> list[int]:
        paths = [self.directory / kind for kind in ("fronts", "workers")]
        return [int(line.split()[0]) for path in paths if path.exists() for line in path.read_text().splitlines()]


@pytest.fixture
def fixture(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fixture]:
    with tempfile.TemporaryDirectory(prefix="tl-", dir="/tmp") as directory:  # pytest's own paths are too long
        yield Fixture(Path(directory), monkeypatch)


def run(launcher: Launcher, *meanwhile: Callable[[], Coroutine[Any, Any, None]]) -> int:
    async def work() -> int:
        async with asyncio.timeout(3 * TIMEOUT_S):
            running = asyncio.create_task(launcher.run())
            for each in meanwhile:
                await each()
            return await running

    return asyncio.run(work())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything(
    fixture: Fixture, number: signal.Signals, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    async def stop() -> None:
        await fixture.started("fronts", 1)
        await fixture.started("workers", 1)
        os.kill(os.getpid(), number)

    assert run(fixture.launcher(), stop) == 0
    assert capsys.readouterr().out == (
        f"trunkline ready publish=rtsp://[::1]:4001 client=rtsp://[::1]:4002 workers=1 runtime={fixture.directory}\n"
    )
    assert [record.getMessage() for record in caplog.records][-2:] == [f"stopping signal={number.name}", "stopped"]
    assert len(fixture.pids()) == 2
    assert not any(alive(pid) for pid in fixture.pids())


def test_front_and_worker_are_started_again_and_the_front_keeps_its_ports(
    fixture: Fixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async def meddle() -> None:
        (worker,) = await fixture.started("workers", 1)
        (front,) = await fixture.started("fronts", 1)
        assert front[1:] == ["0", "0"]
        os.kill(int(worker[0]), signal.SIGKILL)
        await fixture.started("workers", 2)
        os.kill(int(front[0]), signal.SIGKILL)
        assert (await fixture.started("fronts", 2))[1][1:] == ["4001", "4002"]
        os.kill(os.getpid(), signal.SIGTERM)

    assert run(fixture.launcher(), meddle) == 0
    assert capsys.readouterr().out.count("trunkline ready") == 1
    assert not any(alive(pid) for pid in fixture.pids())


def test_a_front_that_cannot_start_is_the_end_and_workers_never_meet_another_routers_front(fixture: Fixture) -> None:
    assert run(fixture.launcher(front="raise SystemExit(5)")) == 5
    assert fixture.pids() == []


def test_a_front_that_is_killed_before_it_is_ready_is_a_failure(fixture: Fixture) -> None:
    front = f"{LISTENS}\nimport signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run(fixture.launcher(front=front)) == 1


def test_a_worker_that_cannot_start_is_the_end(fixture: Fixture) -> None:
    front = FRONT.replace("print(" + repr(READY).replace("'", '"') + " + ready", "print('no'")
    assert run(fixture.launcher(front=front, worker="raise SystemExit(2)")) == 1
    assert not any(alive(pid) for pid in fixture.pids())


def test_a_second_signal_kills(fixture: Fixture) -> None:
    fixture.settings = fixture.settings.model_copy(update={"stop_timeout_s": 3600})
    note = "signal.signal(signal.SIGTERM, lambda *_: open(settings['runtime_dir'] + '/asked', 'w').write('x\\n'))"

    async def hurry() -> None:
        await fixture.started("workers", 1)
        os.kill(os.getpid(), signal.SIGTERM)
        await fixture.started("asked", 1)
        os.kill(os.getpid(), signal.SIGTERM)

    for socket in (Endpoints(fixture.directory).control_path, Endpoints(fixture.directory).descriptors_path):
        socket.touch()
    Endpoints(fixture.directory).lock_path.touch()
    assert run(fixture.launcher(front=FRONT.replace("with open", f"{note}\nwith open") + "signal.pause()"), hurry) == 0
    assert not any(alive(pid) for pid in fixture.pids())
    assert sorted(path.name for path in fixture.directory.iterdir()) == ["asked", "front.lock", "fronts", "workers"]


def test_secrets_travel_on_standard_input_only(fixture: Fixture) -> None:
    fixture.settings = Settings.model_validate(
        {**fixture.settings.model_dump(), "auth": {"client_users": {"anna": "geheim"}}}
    )
    front = FRONT.replace('settings["publish_port"]', "settings['auth']['client_users']['anna']")

    async def look() -> None:
        ((pid, password, _),) = await fixture.started("fronts", 1)
        assert password == "geheim"
        process = psutil.Process(int(pid))
        assert "geheim" not in " ".join(process.cmdline())
        assert "geheim" not in "".join(process.environ().values())
        os.kill(os.getpid(), signal.SIGTERM)

    assert run(fixture.launcher(front=front), look) == 0


def test_front_and_workers_outlive_a_launcher_that_is_killed(fixture: Fixture) -> None:
    source = (
        "import asyncio, sys; from dataclasses import replace; from router.programs.kinds import KINDS;"
        "from router.programs.launcher import Launcher; from router.settings import Settings;"
        "run = lambda source: lambda settings, number: (sys.executable, '-c', source);"
        "kinds = [replace(kind, command=run(source)) for kind, source in zip(KINDS, sys.argv[2:])];"
        "asyncio.run(Launcher(Settings(workers=1, runtime_dir=sys.argv[1]), kinds).run())"
    )
    command = [sys.executable, "-c", source, str(fixture.directory), FRONT, WORKER]
    with subprocess.Popen(command, cwd=Path(__file__).parents[4], stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        assert launcher.stdout.readline().startswith(READY)
        asyncio.run(fixture.started("workers", 1))
        launcher.kill()
    try:
        assert [alive(pid) for pid in fixture.pids()] == [True, True]
    finally:
        for pid in fixture.pids():
            os.kill(pid, signal.SIGKILL)
