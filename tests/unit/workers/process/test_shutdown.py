"""The way to a worker's end: drained where there is a front, then with what is queued written."""

import logging
from types import SimpleNamespace
from typing import cast

import pytest

from tests.support.worker_parts import FakeLoop
from workers.contract.events import DrainWanted
from workers.contract.messages import Event
from workers.process.active_worker import ActiveWorker
from workers.process.link import FrontLink
from workers.process.shutdown import EXIT_ORPHANED, EXIT_TOLD, FLUSH_WITHIN_S, Shutdown
from workers.runtime.counters import Counters
from workers.runtime.logs import OncePerMinute
from workers.runtime.loop import Loop
from workers.runtime.runtime import Runtime

DRAIN_TIMEOUT_S = 30.0


class StoppingLoop(FakeLoop):
    stopped = False

    def stop(self) -> None:
        self.stopped = True

    def run_until(self, until: float) -> None:
        """Let time pass, timer by timer."""
        while not self.stopped:
            due = sorted((each for each in self.timers if each.callback is not None), key=lambda each: each.when)
            if not due or due[0].when > until:
                break
            timer = due[0]
            self.now = max(self.now, timer.when)
            callback, timer.callback = timer.callback, None
            assert callback is not None
            callback(self.now)


class Active:
    """A worker that carries something, and has something queued, until it is told otherwise."""

    def __init__(self) -> None:
        self.resources = SimpleNamespace(settings=SimpleNamespace(drain_timeout_s=DRAIN_TIMEOUT_S))
        self.is_empty = False
        self.is_waiting = False
        self.draining = self.ending = False
        self.reads = True

    def stop_reading(self) -> None:
        self.reads = False


class Scene:
    def __init__(self, *, front: str = "f") -> None:
        self.loop = StoppingLoop()
        self.front = front
        self.told: list[Event] = []
        self.active: Active | None = Active()
        self.ending = 0
        logger = logging.getLogger("test")
        runtime = Runtime("w", cast("Loop", self.loop), Counters(), logger, OncePerMinute(logger))
        here = self
        self.shutdown = Shutdown(
            runtime, cast("FrontLink", here), lambda: cast("ActiveWorker | None", self.active), self._on_ending
        )

    def tell(self, event: Event) -> None:
        self.told.append(event)

    def _on_ending(self) -> None:
        self.ending += 1


def test_a_worker_without_a_front_yet_ends_at_once() -> None:
    scene = Scene()
    scene.active = None
    scene.shutdown.wish()
    assert (scene.shutdown.exit_code, scene.loop.stopped, scene.ending) == (EXIT_TOLD, True, 1)


def test_it_asks_to_be_drained_and_ends_once_it_is() -> None:
    scene = Scene()
    assert scene.active is not None
    scene.shutdown.wish()
    assert scene.told == [DrainWanted(DRAIN_TIMEOUT_S)]
    assert (scene.active.draining, scene.active.ending) == (True, False)
    scene.loop.run_until(DRAIN_TIMEOUT_S / 2)
    assert (scene.shutdown.exit_code, scene.active.reads) == (None, True)
    scene.active.is_empty = True
    scene.loop.run_until(DRAIN_TIMEOUT_S)
    assert (scene.shutdown.exit_code, scene.loop.stopped) == (EXIT_TOLD, True)
    assert scene.loop.now < DRAIN_TIMEOUT_S
    assert not scene.active.reads


def test_it_waits_for_nothing_where_it_carries_nothing() -> None:
    scene = Scene()
    assert scene.active is not None
    scene.active.is_empty = True
    scene.shutdown.wish()
    assert (scene.told, scene.shutdown.exit_code) == ([], EXIT_TOLD)


@pytest.mark.parametrize("dies", [False, True])
def test_it_waits_as_long_as_there_is_a_front_and_no_longer_than_it_may(dies: bool) -> None:
    scene = Scene()
    scene.shutdown.wish()
    if dies:
        scene.front = ""
    scene.loop.run_until(DRAIN_TIMEOUT_S * 2)
    assert scene.shutdown.exit_code == EXIT_TOLD
    assert (scene.loop.now < 1.0) == dies


def test_wished_twice_it_ends_at_once_and_a_third_wish_changes_nothing() -> None:
    scene = Scene()
    for _ in range(3):
        scene.shutdown.wish()
    assert (scene.shutdown.exit_code, scene.ending) == (EXIT_TOLD, 1)


@pytest.mark.parametrize("taken", [True, False])
def test_what_is_queued_has_a_moment_to_leave(taken: bool) -> None:
    scene = Scene()
    assert scene.active is not None
    scene.active.is_waiting = True
    scene.shutdown.begin(EXIT_ORPHANED)
    assert scene.active.ending
    assert not scene.loop.stopped
    if taken:
        scene.active.is_waiting = False
    scene.loop.run_until(100.0)
    assert (scene.shutdown.exit_code, scene.loop.stopped) == (EXIT_ORPHANED, True)
    assert (scene.loop.now < FLUSH_WITHIN_S) == taken
