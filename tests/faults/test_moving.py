"""Mounts move between workers while media flows: nobody who publishes or reads notices anything."""

from tests.support.programs import Status, run_program
from tests.support.router import RouterProcess, StartRouter
from tests.support.swarm import Swarm
from tests.support.waiting import eventually


def operate(router: RouterProcess, *arguments: str, code: int = 0, timeout_s: float = 60.0) -> str:
    """Run one of the operator's commands to its end; give what it says."""
    done = run_program(*arguments, "--runtime-dir", str(router.runtime_dir), timeout_s=timeout_s)
    assert done.returncode == code, f"{arguments}: {done.returncode} {done.stdout} {done.stderr}\n{router.log_tail()}"
    return done.stdout if code == 0 else done.stderr


def worker_of(router: RouterProcess, path: str) -> int:
    """Find the worker that has a mount."""
    mount = router.mount(path)
    assert mount is not None
    index: int = mount["worker"]
    return index


def test_a_mount_moves_to_and_fro_under_load(start_router: StartRouter) -> None:
    router = start_router()
    with Swarm(router, mounts=2, readers=4, packets_per_s=500) as swarm:
        before = swarm.report()
        path = f"{swarm.path}0"
        for _ in range(4):
            target = 1 - worker_of(router, path)
            swarm.mark()
            said = operate(router, "move", path, "--to", str(target))
            assert said.startswith("moved 1 mount"), said
            assert worker_of(router, path) == target
            print(said, swarm.gap_ms)
        swarm.settle().assert_whole()
        after = swarm.report()
        assert after.sessions == before.sessions
        assert [each.server_port for each in after.readers] == [each.server_port for each in before.readers]
        swarm.stop().assert_whole()
    router.wait_until(lambda status: not status["front"]["sessions"], "the end of all")


def test_a_drained_worker_is_replaced_and_nobody_notices(start_router: StartRouter) -> None:
    router = start_router()
    with Swarm(router, mounts=10, readers=4, packets_per_s=250) as swarm:
        before = router.status()
        swarm.mark()
        said = operate(router, "drain", "0")
        print(said, swarm.gap_ms)
        assert "worker 0: 5 of 5 mounts moved" in said
        after = router.status()
        assert after["workers"][0]["pid"] != before["workers"][0]["pid"]
        assert after["workers"][1]["pid"] == before["workers"][1]["pid"]
        assert {each["worker"] for each in after["mounts"]} == {1}
        swarm.settle().assert_whole()
        eventually(lambda: swarm.report().all_answered, "an answered request on every session", interval_s=0.2)
        swarm.stop().assert_whole()
    router.wait_until(lambda status: not any(each["ports_used"] for each in status["workers"]), "all ports back")


def test_a_rolling_restart_at_20000_packets_a_second(start_router: StartRouter) -> None:
    router = start_router()
    with Swarm(router, mounts=50, readers=4, packets_per_s=100) as swarm:
        before = router.status()
        swarm.mark()
        sent = sum(swarm.sent)
        said = operate(router, "restart", "workers", "--rolling", timeout_s=120)
        print(said, swarm.gap_ms, (sum(swarm.sent) - sent) * 4)
        after = router.status()
        assert not {each["pid"] for each in before["workers"]} & {each["pid"] for each in after["workers"]}
        assert len(after["mounts"]) == 50
        report = swarm.settle()
        report.assert_whole()
        assert report.dropped_by_swarm == 0
        swarm.stop().assert_whole()
    router.wait_until(lambda status: not any(each["ports_used"] for each in status["workers"]), "all ports back")


def test_another_front_takes_over_by_order(start_router: StartRouter) -> None:
    router = start_router(one_port=True)
    with Swarm(router, mounts=10, readers=4, packets_per_s=250) as swarm:
        before = router.status()
        swarm.mark()
        said = operate(router, "restart", "front")
        after = router.status()
        assert said.endswith(f"front {after['front']['pid']} has taken over\n"), said
        assert after["front"]["pid"] != before["front"]["pid"]
        assert [each["pid"] for each in after["workers"]] == [each["pid"] for each in before["workers"]]
        print(said, swarm.gap_ms)
        swarm.settle().assert_whole()
        swarm.stop().assert_whole()


def test_an_upgrade_replaces_every_program_and_nobody_notices(start_router: StartRouter) -> None:
    router = start_router(one_port=True)
    assert router.process is not None
    with Swarm(router, mounts=20, readers=4, packets_per_s=250) as swarm:
        before = router.status()
        swarm.mark()
        said = operate(router, "upgrade", timeout_s=120)
        print(said, swarm.gap_ms)
        after = router.status()
        assert f"launcher {router.process.pid} is the installed code now" in said
        assert after["front"]["pid"] != before["front"]["pid"]
        assert not {each["pid"] for each in before["workers"]} & {each["pid"] for each in after["workers"]}
        swarm.settle().assert_whole()
        swarm.stop().assert_whole()
    router.note_processes()


def test_load_that_is_uneven_evens_out_and_stays_so(start_router: StartRouter) -> None:
    """Four mounts of equal load, all on one worker: two of them move, and none goes back."""
    router = start_router(
        settings={
            "rebalance_threshold": 10,
            "rebalance_hold_s": 2,
            "rebalance_rest_s": 3600,
            "heartbeat_interval_s": 0.2,
        }
    )
    with Swarm(router, mounts=4, readers=6, packets_per_s=1000, burst=10, publish=("udp",)) as swarm:
        for index in range(4):
            if worker_of(router, f"{swarm.path}{index}") != 0:
                operate(router, "move", f"{swarm.path}{index}", "--to", "0")

        def two_each(status: Status) -> bool:
            return sorted(mount["worker"] for mount in status["mounts"]) == [0, 0, 1, 1]

        router.wait_until(two_each, "two mounts on each worker", 60)
        swarm.settle().assert_whole()
        swarm.stop().assert_whole()
    moves = [line for line in router.log.splitlines() if "mount moved" in line and "reason=ordered" not in line]
    assert len(moves) == 2, moves
    assert all("worker 0 is loaded" in line for line in moves), moves
