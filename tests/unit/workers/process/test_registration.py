"""How a worker looks for a front: at once, again, and no longer than it may."""

import logging
from typing import cast

from tests.support.worker_parts import FakeLoop
from workers.contract.events import Hello
from workers.process.link import FrontLink
from workers.process.registration import HELLO_INTERVAL_S, RECONNECT_INTERVAL_S, Registration
from workers.runtime.counters import Counters
from workers.runtime.logs import OncePerMinute
from workers.runtime.loop import Loop
from workers.runtime.runtime import Runtime
from workers.sockets.descriptors import Descriptors

HELLO = Hello(0, 1, "v")


class Scene:
    """A worker; whether there is a front, and whether it has taken the worker on, is told here."""

    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.front = ""
        self.is_there = False
        self.said: list[Hello] = []
        logger = logging.getLogger("test")
        runtime = Runtime("w", cast("Loop", self.loop), Counters(), logger, OncePerMinute(logger))
        here = self
        self.registration = Registration(runtime, HELLO, cast("FrontLink", here), cast("Descriptors", here))

    def connect(self) -> bool:
        return self.is_there

    def hello(self, message: Hello) -> None:
        self.said.append(message)

    def look(self, now: float) -> None:
        """Let time come to the next look."""
        (timer,) = [each for each in self.loop.timers if each.callback is not None]
        assert timer.callback is not None
        assert timer.when <= now
        self.loop.timers.clear()
        timer.callback(now)


def test_it_looks_often_until_there_is_a_front_and_says_hello_until_it_is_taken_on() -> None:
    scene = Scene()
    scene.registration.reach(100.0)
    assert (scene.said, scene.loop.due) == ([], [100.0 + RECONNECT_INTERVAL_S])
    scene.is_there = True
    scene.look(101.0)
    assert (scene.said, scene.loop.due) == ([HELLO], [101.0 + HELLO_INTERVAL_S])
    scene.look(102.0)
    assert scene.said == [HELLO, HELLO]
    scene.front = "f"
    scene.look(103.0)
    assert (scene.said, scene.loop.due) == ([HELLO, HELLO], [])


def test_one_that_was_never_taken_on_is_never_an_orphan() -> None:
    scene = Scene()
    scene.registration.lost(100.0, None)
    assert not scene.registration.is_orphaned(1e9)


def test_an_active_worker_is_an_orphan_from_the_first_loss_on() -> None:
    scene = Scene()
    scene.registration.lost(100.0, 60.0)
    scene.registration.lost(130.0, 60.0)
    assert len(scene.loop.due) == 1
    assert not scene.registration.is_orphaned(159.9)
    assert scene.registration.is_orphaned(160.0)
    scene.registration.taken_on()
    assert not scene.registration.is_orphaned(1e9)
    scene.registration.stop()
    assert scene.loop.due == []
