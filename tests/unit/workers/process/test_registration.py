"""How a worker looks for a front: again and again, and not for ever."""

import logging
from typing import cast

from workers.contract.events import Hello
from workers.process.link import FrontLink
from workers.process.registration import HELLO_INTERVAL_S, RECONNECT_INTERVAL_S, Registration
from workers.runtime.counters import Counters
from workers.runtime.logs import OncePerMinute
from workers.runtime.loop import Loop
from workers.runtime.runtime import Runtime
from workers.sockets.descriptors import Descriptors

HELLO = Hello(0, 1, "1.0")


class Front:
    """Both of a worker's ways to the front, which is there or not."""

    def __init__(self) -> None:
        self.there = False
        self.front = ""
        self.told: list[Hello] = []

    def connect(self) -> bool:
        return self.there

    def hello(self, message: Hello) -> None:
        self.told.append(message)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def make() -> tuple[Front, Clock, Loop, Registration]:
    log, clock, front = logging.getLogger("test"), Clock(), Front()
    loop = Loop(clock)
    loop.before_wait = lambda: True  # time passes by the test alone
    runtime = Runtime("worker", loop, Counters(), log, OncePerMinute(log))
    return front, clock, loop, Registration(runtime, HELLO, cast(FrontLink, front), cast(Descriptors, front))


def pass_time(clock: Clock, loop: Loop, seconds: float) -> None:
    clock.now += seconds
    loop.turn()


def test_hello_is_said_until_a_front_has_taken_the_worker_on() -> None:
    front, clock, loop, registration = make()
    registration.reach(clock.now)
    assert front.told == []
    front.there = True
    pass_time(clock, loop, RECONNECT_INTERVAL_S)
    assert front.told == [HELLO]
    pass_time(clock, loop, HELLO_INTERVAL_S)
    assert front.told == [HELLO, HELLO]
    front.front = "front"
    pass_time(clock, loop, HELLO_INTERVAL_S)
    pass_time(clock, loop, HELLO_INTERVAL_S)
    assert front.told == [HELLO, HELLO]
    loop.close()


def test_a_front_that_died_is_followed_by_another() -> None:
    front, clock, loop, registration = make()
    front.there, front.front = True, ""
    registration.lost(clock.now, 60.0)
    assert not registration.is_orphaned(clock.now + 59.9)
    registration.lost(clock.now + 10.0, 60.0)
    assert registration.is_orphaned(clock.now + 60.0), "the first loss counts"
    registration.taken_on()
    assert not registration.is_orphaned(clock.now + 1e6)
    registration.stop()
    pass_time(clock, loop, 10.0)
    assert front.told == []
    loop.close()


def test_a_worker_that_carries_nothing_waits_for_ever() -> None:
    _, clock, loop, registration = make()
    registration.lost(clock.now, None)
    assert not registration.is_orphaned(clock.now + 1e6)
    loop.close()
