"""Workers that are told to end by SIGTERM, as supervisors do it: their mounts move first, and no packet is lost."""

import os
import signal

from tests.conftest import Figure
from tests.support.processes import alive
from tests.support.router import RouterProcess, StartRouter
from tests.support.swarm import Swarm
from tests.support.waiting import eventually


def tell_to_end(router: RouterProcess, index: int) -> int:
    """Send SIGTERM to a worker, and wait for its end only; gives its pid."""
    pid: int = router.status()["workers"][index]["pid"]
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: not alive(pid), f"the end of worker {index}", 20, interval_s=0.005)
    return pid


def test_one_right_after_the_other(start_router: StartRouter, figure: Figure) -> None:
    """The second has nowhere to go until the first is back: it waits for that."""
    router = start_router()
    with Swarm(router, mounts=20, readers=4, packets_per_s=250) as swarm:
        swarm.mark()
        ended = [tell_to_end(router, index) for index in (0, 1)]
        figure("longest gap while two workers ended one after the other, ms", round(swarm.gap_ms))
        router.wait_until(
            lambda status: (
                all(each["state"] == "ready" for each in status["workers"])
                and not {each["pid"] for each in status["workers"]} & set(ended)
            ),
            "others in their places",
        )
        swarm.settle().assert_whole()
        swarm.stop().assert_whole()
    assert "before it was drained" not in router.log
    router.stop()


def test_the_only_worker_serves_on_until_its_time_is_over(start_router: StartRouter) -> None:
    router = start_router(workers=1, settings={"stop_timeout_s": 1})
    with Swarm(router, mounts=2, readers=2) as swarm:
        tell_to_end(router, 0)
        eventually(lambda: "worker ended before it was drained" in router.log, "a warning")
        assert "there is no other worker that could take them" in router.log
        swarm.stop()
