"""A worker's figures: all of them, again and again until it ends."""

import logging
from types import SimpleNamespace
from typing import cast

from tests.support.worker_parts import Parts
from workers.contract.events import FiguresChanged, Heartbeat
from workers.contract.messages import Event
from workers.contract.reports import MountReport, TrackState
from workers.process.active_worker import ActiveWorker
from workers.process.heartbeats import Heartbeats
from workers.process.link import FrontLink
from workers.runtime.counters import Drop
from workers.runtime.logs import OncePerMinute
from workers.runtime.runtime import Runtime


class Mount:
    def __init__(self, path: str) -> None:
        self.path = path
        self.packets = 0

    def describe(self) -> MountReport:
        return MountReport(self.path, 1, "p", False, (TrackState(10_000, self.packets, 0, 0, 0.0, None),), ())


class Mounts(list[Mount]):
    reader_count = 3

    def busiest(self) -> tuple[str, float]:
        return "/cam", 0.75


class Scene:
    def __init__(self) -> None:
        self.parts = Parts()
        resources = self.parts.resources
        self.parts.loop.longest_turn_s = 0.25  # type: ignore[attr-defined]  # a Loop has it
        logger = logging.getLogger("test")
        runtime = Runtime("w", resources.loop, resources.counters, logger, OncePerMinute(logger))
        self.told: list[Heartbeat] = []
        self.changes: list[list[str]] = []
        self.link = SimpleNamespace(tell=self._tell, is_behind=False)
        self.heartbeats = Heartbeats(runtime, cast("FrontLink", self.link))
        self.mounts = Mounts([Mount("/a"), Mount("/b")])
        self.active = SimpleNamespace(resources=resources, mounts=self.mounts, draining=False, ending=False)

    def _tell(self, event: Event) -> None:
        if isinstance(event, Heartbeat):
            self.told.append(event)
        elif isinstance(event, FiguresChanged):
            self.changes.append([each.path for each in event.mounts])

    def beat(self, now: float) -> None:
        self.heartbeats.keep_beating(cast("ActiveWorker", self.active), now)


def test_it_tells_what_there_is_and_the_longest_turn_since_the_last_time() -> None:
    scene = Scene()
    scene.parts.counters.packets_out = 7
    scene.parts.counters.drop(Drop.QUEUE_FULL, 5)
    port = scene.parts.resources.ports.take(0.0)
    assert port is not None
    scene.beat(100.0)
    (told,) = scene.told
    assert (told.mounts, told.readers, told.packets_out, told.busiest, told.busiest_share) == (2, 3, 7, "/cam", 0.75)
    assert (told.ports_used, told.ports_free, told.draining) == (2, 98, False)
    assert dict(told.drops)["queue_full"] == 5
    assert len(told.drops) == len(Drop)
    assert told.loop_lag_ms == 250
    scene.beat(101.0)
    assert scene.told[1].loop_lag_ms == 0


def test_it_beats_on_until_the_worker_ends() -> None:
    scene = Scene()
    interval_s = scene.parts.resources.settings.heartbeat_interval_s
    scene.beat(100.0)
    assert scene.parts.loop.due == [100.0 + interval_s]
    scene.active.draining = True
    scene.beat(101.0)
    assert scene.told[-1].draining
    scene.active.ending = True
    scene.beat(102.0)
    assert (len(scene.told), len(scene.parts.loop.due)) == (2, 2)


def test_what_has_changed_of_mounts_is_told_with_a_heartbeat_once_a_second() -> None:
    scene = Scene()
    for tick in range(5):
        scene.mounts[1].packets += 1
        scene.beat(100.0 + tick / 2)
    assert scene.changes == [["/a", "/b"], ["/b"], ["/b"]]


def test_a_front_that_reads_too_slowly_is_told_later() -> None:
    scene = Scene()
    scene.beat(100.0)
    scene.link.is_behind = True
    scene.mounts[0].packets += 1
    scene.beat(101.0)
    assert len(scene.changes) == 1
    scene.link.is_behind = False
    scene.beat(101.5)
    assert scene.changes[1:] == [["/a"]]


def test_another_front_is_told_all() -> None:
    scene = Scene()
    scene.beat(100.0)
    scene.heartbeats.tell_all(cast("ActiveWorker", scene.active), 100.1)
    assert scene.changes == [["/a", "/b"]] * 2
    assert len(scene.told) == 2
