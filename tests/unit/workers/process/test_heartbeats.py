"""A worker's figures: all of them, again and again until it ends."""

import logging
from types import SimpleNamespace
from typing import cast

from tests.support.worker_parts import Parts
from workers.contract.events import Heartbeat
from workers.process.active_worker import ActiveWorker
from workers.process.heartbeats import Heartbeats
from workers.runtime.counters import Drop
from workers.runtime.logs import OncePerMinute
from workers.runtime.runtime import Runtime


class Mounts(list[object]):
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
        self.heartbeats = Heartbeats(runtime, self.told.append)
        self.active = SimpleNamespace(resources=resources, mounts=Mounts([1, 2]), draining=False, ending=False)

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
