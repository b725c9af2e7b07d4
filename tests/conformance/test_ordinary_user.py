"""A router that root does not run: everything works, supervision and the killing of what hangs included."""

import os
import signal

import psutil
import pytest

from tests.support.processes import alive
from tests.support.publisher import Publisher
from tests.support.reader import Reader, receive_all
from tests.support.router import NOBODY, RouterProcess, StartRouter, can_become_nobody


@pytest.fixture
def router(start_router: StartRouter) -> RouterProcess:
    if not can_become_nobody():
        pytest.skip("only root can become nobody; run by somebody else, all tests are about an ordinary user")
    return start_router(unprivileged=True, settings={"heartbeat_interval_s": 0.2, "heartbeat_timeout_s": 1})


def test_an_ordinary_user_can_run_it(router: RouterProcess, path: str) -> None:
    for pid in router.note_processes():
        assert psutil.Process(pid).uids() == (NOBODY, NOBODY, NOBODY)
    assert router.runtime_dir.stat().st_uid == NOBODY
    assert router.runtime_dir.stat().st_mode & 0o777 == 0o700
    with (
        Publisher(router.publish(path), transport="udp").start() as publisher,
        Reader(router.read(path), transport="udp").start() as over_udp,
        Reader(router.read(path), transport="tcp").start() as over_tcp,
    ):
        readers = [over_udp, over_tcp]
        publisher.send(10)
        receive_all(readers, lambda: all(len(each.tracks[0].packets) == 10 for each in readers))
        before = router.status()
        hung = before["workers"][1 - before["mounts"][0]["worker"]]["pid"]
    os.kill(hung, signal.SIGSTOP)  # the front kills it, which it may: it is the same user's
    router.wait_until(
        lambda status: (
            hung not in [each["pid"] for each in status["workers"]]
            and all(each["state"] == "ready" for each in status["workers"])
        ),
        "another worker in its place",
        20,
    )
    assert not alive(hung)
    router.stop()
