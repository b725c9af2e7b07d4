"""A cluster that supervisord keeps running: started, hurt, restarted piece by piece under load, stopped."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.conftest import Figure
from tests.support.programs import Status, run_program
from tests.support.publisher import Publisher
from tests.support.reader import Reader, receive_all
from tests.support.supervisord import SupervisedRouter
from tests.support.swarm import Swarm
from tests.support.waiting import eventually


@pytest.fixture
def router() -> Iterator[SupervisedRouter]:
    router = SupervisedRouter(settings={"limits": {"connections": 1000}})  # few enough for any limit of descriptors
    with router:
        yield router


def lockstep(publisher: Publisher, readers: list[Reader], packets: int = 10) -> None:
    """Send, and wait until all readers have it."""
    publisher.send(packets)
    receive_all(readers, lambda: all(len(r.tracks[0].packets) == publisher.tracks[0].counter for r in readers))
    for reader in readers:
        reader.check(publisher)


def pids(status: Status) -> list[int]:
    """List the front's pid, then the workers'."""
    return [status["front"]["pid"], *(worker["pid"] for worker in status["workers"])]


def wait_replaced(router: SupervisedRouter, before: list[int], victim: int) -> None:
    """Wait until there is another process in the place of one."""
    router.wait_until(lambda status: pids(status)[victim] != before[victim], "another in its place", 30)


def test_all_programs_run_and_all_of_them_end(router: SupervisedRouter, path: str) -> None:
    names = {"trunkline:front", "trunkline:worker_0", "trunkline:worker_1"}
    eventually(lambda: router.programs() == dict.fromkeys(names, "RUNNING"), "all programs running")
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path), transport="tcp").start() as reader,
    ):
        lockstep(publisher, [reader])
        router.control("stop", "trunkline:*")
        assert router.programs() == dict.fromkeys(names, "STOPPED")
        reader.wait_ended()  # in order: it was told
    assert "killed" not in router.log
    router.control("start", "trunkline:*")
    router.wait_serving()
    assert router.control("shutdown") == "Shut down\n"
    assert router.process is not None
    assert router.process.wait(20) == 0
    router.assert_nothing_left()


def test_what_is_killed_is_started_again(router: SupervisedRouter, path: str) -> None:
    with (
        Publisher(router.publish(path), transport="udp").start() as publisher,
        Reader(router.read(path), transport="udp").start() as over_udp,
        Reader(router.read(path), transport="tcp").start() as over_tcp,
    ):
        sessions: list[Publisher | Reader] = [publisher, over_udp, over_tcp]
        lockstep(publisher, [over_udp, over_tcp])
        for victim in (0, 2 - router.status()["mounts"][0]["worker"]):  # the front; the worker without the mount
            before = pids(router.status())
            os.kill(before[victim], signal.SIGKILL)
            wait_replaced(router, before, victim)
            router.wait_serving()
            after = pids(router.status())
            assert [index for index, pid in enumerate(after) if pid != before[index]] == [victim]
            lockstep(publisher, [over_udp, over_tcp])
            for session in sessions:
                session.connection.expect(200, "GET_PARAMETER", session.url)
        # Its own worker: over UDP there is a gap and no more, interleaved sessions end.
        victim = 1 + router.status()["mounts"][0]["worker"]
        before, got = pids(router.status()), len(over_udp.tracks[0].packets)
        os.kill(before[victim], signal.SIGKILL)
        over_tcp.wait_ended()

        def media_is_back() -> bool:
            publisher.send(1)
            over_udp.pump()
            return len(over_udp.tracks[0].packets) > got

        eventually(media_is_back, "media on the same ports")
        wait_replaced(router, before, victim)
        for session in (publisher, over_udp):
            session.connection.expect(200, "GET_PARAMETER", session.url)


def test_a_rolling_restart_under_load_loses_nothing(router: SupervisedRouter, figure: Figure) -> None:
    """Workers by supervisorctl, which only says SIGTERM; the front by order: its SIGTERM is the end of all sessions."""
    with Swarm(router, mounts=50, readers=4, packets_per_s=100) as swarm:
        before = pids(router.status())
        for name in ("trunkline:worker_0", "trunkline:worker_1"):
            swarm.mark()
            assert router.control("restart", name).splitlines() == [f"{name}: stopped", f"{name}: started"]
            router.wait_serving()
            figure(f"longest gap while {name} was restarted, ms", round(swarm.gap_ms))
        said = run_program("restart", "front", "--runtime-dir", str(router.runtime_dir), timeout_s=60)
        assert said.returncode == 0, said.stderr
        router.wait_serving()
        assert not set(before) & set(pids(router.status()))
        eventually(lambda: swarm.report().all_answered, "an answered request on every session", interval_s=0.2)
        report = swarm.settle()
        report.assert_whole()
        assert report.dropped_by_swarm == 0
        swarm.stop().assert_whole()
    assert "ended before it was drained" not in router.log
    router.wait_until(lambda status: not status["front"]["sessions"], "the end of all sessions")


def test_an_upgrade_needs_no_launcher(router: SupervisedRouter) -> None:
    with Swarm(router, mounts=10, readers=4, packets_per_s=100) as swarm:
        before = pids(router.status())
        said = run_program("upgrade", "--runtime-dir", str(router.runtime_dir), timeout_s=90)
        assert said.returncode == 0, said.stdout + said.stderr
        assert not set(before) & set(pids(router.status()))
        swarm.settle().assert_whole()
        swarm.stop().assert_whole()
    eventually(lambda: set(router.programs().values()) == {"RUNNING"}, "programs that supervisord counts as running")
