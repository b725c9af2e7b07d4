"""`serve` itself dies, or becomes new code: the streams go on, and the next one looks after them."""

import os
import signal
import time
from pathlib import Path

import pytest

from router.programs import watchdog
from router.programs.runtime_dir import launcher_pid
from tests.support.processes import alive
from tests.support.programs import Status, run_program
from tests.support.publisher import Publisher
from tests.support.reader import Reader, receive_all
from tests.support.router import RouterProcess, StartRouter
from tests.support.waiting import eventually


def lockstep(publisher: Publisher, readers: list[Reader], packets: int = 10) -> None:
    """Send, and wait until all readers have it."""
    publisher.send(packets)
    receive_all(readers, lambda: all(len(r.tracks[0].packets) == publisher.tracks[0].counter for r in readers))
    for reader in readers:
        reader.check(publisher)


def pids(status: Status) -> list[int]:
    """List the front's pid, then the workers'."""
    return [status["front"]["pid"], *(worker["pid"] for worker in status["workers"])]


def kill_launcher(router: RouterProcess) -> None:
    """Kill the launcher, and only that."""
    assert router.process is not None
    router.process.kill()
    router.process.wait()
    assert router.process.stdout is not None
    router.process.stdout.close()


@pytest.mark.parametrize("killed_too", [None, "front", "worker"], ids=["alone", "with the front", "with a worker"])
def test_the_next_launcher_takes_over_what_runs(start_router: StartRouter, path: str, killed_too: str | None) -> None:
    router = start_router()
    with (
        Publisher(router.publish(path), transport="udp").start() as publisher,
        Reader(router.read(path), transport="udp").start() as over_udp,
        Reader(router.read(path), transport="tcp").start() as over_tcp,
    ):
        readers = [over_udp, over_tcp]
        lockstep(publisher, readers)
        before, urls = router.status(), (router.publish_url, router.client_url)
        (mount,) = before["mounts"]
        front, *workers = pids(before)
        kill_launcher(router)
        if killed_too == "front":
            os.kill(front, signal.SIGKILL)
        elif killed_too == "worker":
            os.kill(workers[1 - mount["worker"]], signal.SIGKILL)
        lockstep(publisher, readers)
        router.start()
        assert (router.publish_url, router.client_url) == urls
        router.wait_until(lambda status: all(each["state"] == "ready" for each in status["workers"]), "all workers")
        after = router.status()
        same = [old == new for old, new in zip(pids(before), pids(after), strict=True)]
        expected = [killed_too != "front", True, True]
        if killed_too == "worker":
            expected[1 + 1 - mount["worker"]] = False
        assert same == expected
        lockstep(publisher, readers)
        sessions: list[Publisher | Reader] = [publisher, *readers]
        for session in sessions:
            session.connection.expect(200, "GET_PARAMETER", session.url)
        # What was taken over is looked after as if it were its own.
        for victim in pids(after):
            os.kill(victim, signal.SIGKILL)
        router.wait_until(
            lambda status: (
                not set(pids(status)) & set(pids(after)) and all(each["state"] == "ready" for each in status["workers"])
            ),
            "all started again",
            30,
        )
        router.note_processes()
    router.stop()
    assert sorted(each.name for each in router.runtime_dir.iterdir()) == ["front.lock", "launcher.lock"]


def test_a_launcher_that_was_killed_before_it_was_ready_leaves_nothing_that_is_in_the_way(
    start_router: StartRouter,
) -> None:
    router = start_router(workers=1)
    front, worker = pids(router.status())
    kill_launcher(router)
    note = router.runtime_dir / "programs.json"
    note.write_text(
        note.read_text().replace('"ready": "trunkline', '"was": "trunkline').replace("{", '{"ready": "",', 1)
    )
    router.start()
    assert not alive(front)
    assert not alive(worker)
    router.stop()


def test_the_number_of_workers_stays_while_they_run(start_router: StartRouter) -> None:
    router = start_router(workers=2)
    before = pids(router.status())
    kill_launcher(router)
    router.command[router.command.index("--workers") + 1] = "3"
    router.start()
    assert "workers stay as many as they are" in router.log
    assert pids(router.status()) == before
    router.stop()


def test_a_second_launcher_is_refused_while_the_first_lives(start_router: StartRouter, runtime_dir: Path) -> None:
    router = start_router(workers=1)
    before = pids(router.status())
    done = run_program("serve", "--publish-port", "0", "--client-port", "0", "--runtime-dir", str(router.runtime_dir))
    assert done.returncode == 1
    assert f"runtime directory {router.runtime_dir} is another instance's" in done.stderr
    assert done.stdout == ""
    assert pids(router.status()) == before
    assert router.process is not None
    assert launcher_pid(router.runtime_dir) == router.process.pid


def upgrade(router: RouterProcess) -> None:
    """Tell the launcher to become the code that is installed now."""
    assert router.process is not None
    router.process.send_signal(signal.SIGUSR2)


def test_a_launcher_becomes_new_code_and_keeps_pid_and_programs(start_router: StartRouter, path: str) -> None:
    router = start_router()
    with (
        Publisher(router.publish(path), transport="udp").start() as publisher,
        Reader(router.read(path), transport="tcp").start() as reader,
    ):
        lockstep(publisher, [reader])
        before = pids(router.status())
        for _ in range(2):
            taken_over = router.log.count("program taken over")
            upgrade(router)
            router.wait_ready()
            assert router.log.count("program taken over") == taken_over + 3
            assert pids(router.status()) == before
            lockstep(publisher, [reader])
        os.kill(before[1 + (1 - router.status()["mounts"][0]["worker"])], signal.SIGKILL)
        router.wait_until(
            lambda status: pids(status) != before and all(each["state"] == "ready" for each in status["workers"]),
            "a new worker",
            20,
        )
        assert "reason=SIGKILL" in router.log  # it is still its child
        lockstep(publisher, [reader])
    router.stop()


@pytest.mark.parametrize("turns", range(4))
def test_an_end_in_the_middle_of_an_upgrade_is_not_forgotten(start_router: StartRouter, turns: int) -> None:
    """Whatever the upgrade is at: the moment moves a bit with each turn."""
    router = start_router(workers=1)
    upgrade(router)
    if turns:
        eventually(lambda: "--check" in " ".join(router.note_processes().values()), "the trial of the new code")
    if turns > 1:
        eventually(lambda: "upgrading pid=" in router.log, "the end of the trial", 20, interval_s=0)
    if turns > 2:
        eventually(lambda: "program taken over" in router.log, "the new code", 20, interval_s=0)
    router.stop()


def test_a_launcher_stays_what_it_is_where_the_new_code_is_refused(start_router: StartRouter) -> None:
    router = start_router(settings={"stop_timeout_s": 5}, workers=1)
    before = pids(router.status())
    config = Path(router.command[router.command.index("--config") + 1])
    config.write_text("no_such_setting = 1\n")
    upgrade(router)
    eventually(lambda: "can't upgrade" in router.log, "a refusal", 20)
    assert "no_such_setting" in router.log
    assert pids(router.status()) == before
    router.stop()


WATCHDOG_S = 8
IMPATIENT = f"""
from dataclasses import replace
from router.programs import kinds
kinds.KINDS = (replace(kinds.FRONT, watchdog_s={WATCHDOG_S}), kinds.WORKER)
from router.cli import main
main()
"""


def test_a_front_that_hangs_is_replaced_and_one_that_lives_is_not(path: str) -> None:
    """The launcher is stopped first, for longer than any front may be silent: it must not take its own silence for
    the front's."""
    router = RouterProcess()
    router.command[1:3] = ["-c", IMPATIENT]
    with (
        router,
        Publisher(router.publish(path), transport="udp").start() as publisher,
        Reader(router.read(path), transport="udp").start() as over_udp,
        Reader(router.read(path), transport="tcp").start() as over_tcp,
    ):
        readers = [over_udp, over_tcp]
        assert router.process is not None
        front, *workers = pids(router.status())
        router.process.send_signal(signal.SIGSTOP)
        time.sleep(WATCHDOG_S + 2)
        router.process.send_signal(signal.SIGCONT)
        time.sleep(2 * watchdog.LOOK_S)
        assert pids(router.status()) == [front, *workers]
        os.kill(front, signal.SIGSTOP)
        lockstep(publisher, readers)
        eventually(lambda: not alive(front), "the end of the front", WATCHDOG_S + 20)
        router.wait_until(lambda status: all(each["state"] == "ready" for each in status["workers"]), "all workers")
        assert pids(router.status())[1:] == workers
        assert "program hangs, and is killed" in router.log
        lockstep(publisher, readers)
        sessions: list[Publisher | Reader] = [publisher, *readers]
        for session in sessions:
            session.connection.expect(200, "GET_PARAMETER", session.url)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one CPU can't be made fewer")
def test_a_front_bound_to_fewer_cpus_has_as_many_workers_as_before(start_router: StartRouter) -> None:
    cpus = os.sched_getaffinity(0)
    router = start_router(workers=len(cpus), options=["--workers", "auto"])
    assert router.process is not None
    before = pids(router.status())
    assert len(before) == 1 + len(cpus)
    os.sched_setaffinity(router.process.pid, {min(cpus)})
    os.kill(before[0], signal.SIGKILL)
    router.wait_until(lambda status: pids(status)[0] != before[0], "another front", 20)
    router.wait_until(lambda status: all(each["state"] == "ready" for each in status["workers"]), "all workers")
    assert pids(router.status())[1:] == before[1:]
    router.stop()
