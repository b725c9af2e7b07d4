"""How a worker ends: drained where there is a front, flushed, and at once where it is told twice."""

import logging
from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

from workers.contract.events import DrainWanted
from workers.process.active_worker import ActiveWorker
from workers.process.link import FrontLink
from workers.process.shutdown import DRAIN_LOOK_S, EXIT_ORPHANED, EXIT_TOLD, FLUSH_LOOK_S, FLUSH_WITHIN_S, Shutdown
from workers.runtime.counters import Counters
from workers.runtime.logs import OncePerMinute
from workers.runtime.loop import Loop
from workers.runtime.runtime import Runtime


class Stage:
    """A worker's surroundings, with a clock of the test's own."""

    def __init__(self, active: "Carrying | None", *, front: str = "front") -> None:
        log, self.now = logging.getLogger("test"), 100.0
        self.loop = Loop(lambda: self.now)
        self.loop.before_wait = lambda: True
        self.told: list[object] = []
        self.front = SimpleNamespace(front=front, tell=self.told.append)
        self.endings = 0
        self.stopped = False
        self.loop.stop = self._stop  # type: ignore[method-assign]  # nothing runs here
        self.shutdown = Shutdown(
            Runtime("worker", self.loop, Counters(), log, OncePerMinute(log)),
            cast(FrontLink, self.front),
            lambda: cast(ActiveWorker | None, active),
            self._on_ending,
        )

    def _stop(self) -> None:
        self.stopped = True

    def _on_ending(self) -> None:
        self.endings += 1

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.loop.turn()


@dataclass
class Carrying:
    """An active worker, as a shutdown sees it."""

    is_empty: bool = False
    is_waiting: bool = False
    draining: bool = False
    ending: bool = False
    reads: bool = True

    @property
    def resources(self) -> SimpleNamespace:
        return SimpleNamespace(settings=SimpleNamespace(drain_timeout_s=5.0))

    def stop_reading(self) -> None:
        self.reads = False


def test_one_that_no_front_has_taken_on_ends_at_once() -> None:
    stage = Stage(None, front="")
    stage.shutdown.wish()
    assert (stage.shutdown.exit_code, stage.endings, stage.stopped) == (EXIT_TOLD, 1, True)


def test_one_that_carries_something_asks_to_be_drained_and_ends_when_it_is() -> None:
    active = Carrying()
    stage = Stage(active)
    stage.shutdown.wish()
    assert stage.told == [DrainWanted(5.0)]
    assert (active.draining, active.ending) == (True, False)
    stage.wait(DRAIN_LOOK_S)
    assert not active.ending
    active.is_empty = True
    stage.wait(DRAIN_LOOK_S)
    assert (active.ending, active.reads, stage.stopped) == (True, False, True)
    assert stage.shutdown.exit_code == EXIT_TOLD


def test_draining_ends_in_time_and_with_the_front() -> None:
    for seconds, front in ((5.0, "front"), (DRAIN_LOOK_S, "")):
        stage = Stage(Carrying())
        stage.shutdown.wish()
        stage.front.front = front
        stage.wait(seconds)
        assert stage.shutdown.exit_code == EXIT_TOLD


def test_told_twice_it_ends_at_once() -> None:
    stage = Stage(Carrying())
    stage.shutdown.wish()
    stage.shutdown.wish()
    stage.shutdown.wish()
    assert (stage.shutdown.exit_code, stage.endings) == (EXIT_TOLD, 1)


def test_what_is_queued_is_written_for_a_while() -> None:
    active = Carrying(is_waiting=True)
    stage = Stage(active)
    stage.shutdown.begin(EXIT_ORPHANED)
    stage.wait(FLUSH_LOOK_S)
    assert (stage.shutdown.exit_code, stage.stopped) == (EXIT_ORPHANED, False)
    stage.wait(FLUSH_WITHIN_S)
    assert stage.stopped
