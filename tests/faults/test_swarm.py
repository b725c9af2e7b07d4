"""The swarm itself: it loses nothing of its own, and sees what is lost, late, closed or refused."""

import os
import signal
from collections.abc import Callable
from copy import deepcopy

import pytest

from tests.faults.test_deaths import worker_of
from tests.support.invariants import Invariants
from tests.support.programs import Status
from tests.support.router import RouterProcess, StartRouter
from tests.support.swarm import Swarm, SwarmError
from tests.support.waiting import eventually


def test_a_sound_router_loses_nothing_at_20000_packets_a_second(start_router: StartRouter) -> None:
    router = start_router()
    with Swarm(router, mounts=50, readers=4) as swarm:
        swarm.mark()
        before = sum(swarm.sent)
        eventually(lambda: sum(swarm.sent) - before > 5_000, "5,000 packets in")
        eventually(lambda: swarm.report().all_answered, "an answered request on every session", interval_s=0.2)
        report = swarm.settle()
        report.assert_whole()
        assert len(report.sessions) == 250
        first = [each for each in report.readers if each.mount == 0]
        swarm.leave(each.number for each in first[:2])
        swarm.vanish_readers(each.number for each in first[2:])
        swarm.read([0, 1])
        swarm.settle().only(lambda each: each.open).assert_whole()
        swarm.vanish([0])
        swarm.publish([0])
        swarm.read([0], ["udp"])
        assert not swarm.settle().waiting
        report = swarm.stop()
        assert not report.lost + report.damaged + report.reordered + report.duplicated
        assert report.dropped_by_swarm == 0
        assert {each.gone for each in report.readers if each.mount == 0} == {"left", "vanished", ""}
    assert router.status()["front"]["sessions"] == 0


def drop_mount(status: Status) -> None:
    status["mounts"].pop()


def drop_session(status: Status) -> None:
    status["sessions"].pop()


def add_reader(status: Status) -> None:
    status["workers"][0]["readers"] += 1


def move_mount(status: Status) -> None:
    status["mounts"][0]["worker"] ^= 1


def lend_port(status: Status) -> None:
    status["workers"][1]["ports_used"] += 2


def forget_process(status: Status) -> None:
    status["workers"][1]["pid"] = status["workers"][0]["pid"]


def forget_connection(status: Status) -> None:
    status["front"]["connections"] -= 1


def start_task(status: Status) -> None:
    status["front"]["tasks"] += 1


DISAGREEMENTS: list[tuple[Callable[[Status], None], str]] = [
    (drop_mount, "not needed"),
    (drop_session, "that only clients know"),
    (add_reader, "worker 0 has 5 readers"),
    (move_mount, "ports open that are not its own"),
    (lend_port, "6 ports are used, 4 are needed"),
    (forget_process, "but status speaks of"),
    (forget_connection, "the front has"),
    (start_task, "tasks"),
]


def test_whatever_disagrees_is_told(router: RouterProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    invariants = Invariants(router)
    with Swarm(router, mounts=2, readers=4) as swarm:
        sessions = swarm.report().sessions
        agreed = invariants.check(sessions)
        assert len(agreed["sessions"]) == 10
        for change, complaint in DISAGREEMENTS:
            status = deepcopy(agreed)
            change(status)
            monkeypatch.setattr(router, "status", lambda status=status: status)
            with pytest.raises(AssertionError, match=complaint):
                invariants.check(sessions, timeout_s=0)
        monkeypatch.undo()
        swarm.stop()
        invariants.check(set())


def test_it_sees_what_goes_wrong(start_router: StartRouter) -> None:
    router = start_router(settings={"heartbeat_timeout_s": 60}, workers=1)
    with Swarm(router, mounts=2, readers=2, keep_alive_s=0.1) as swarm:
        swarm.mark()
        worker = worker_of(router, f"{swarm.path}0")["pid"]
        os.kill(worker, signal.SIGSTOP)
        try:
            report = swarm.settle(timeout_s=0.5)
            assert len(report.waiting) == 4
            with pytest.raises(AssertionError, match="4 of 4 readers"):
                report.assert_whole()
        finally:
            os.kill(worker, signal.SIGCONT)
        report = swarm.settle()
        report.assert_whole()
        assert report.gap_ms >= 500
        assert report.delay_ms >= 450
        swarm.vanish([1])
        router.wait_until(lambda status: len(status["mounts"]) == 1, "the end of the mount without a publisher")
        with pytest.raises(SwarmError, match="answered 404"):
            swarm.read([1])
        assert {each.mount for each in swarm.report().closed} == {1}
