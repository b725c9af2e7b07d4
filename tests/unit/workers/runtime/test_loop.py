"""The loop's order of things, over pipes and with a clock of its own."""

import os
from collections.abc import Callable, Iterator

import pytest

from workers.runtime.loop import READ, Loop


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Pipe:
    """A watcher of a pipe that notes when it is served."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name = name
        self.log = log
        self.error: Exception | None = None
        self.broken = False
        self.reading, self.writing = os.pipe()

    def put(self) -> None:
        os.write(self.writing, b"x")

    def ready(self, events: int, now: float) -> None:
        assert events & READ
        os.read(self.reading, 10)
        self.log.append(self.name)
        if self.broken:
            raise RuntimeError(self.name)

    def failed(self, error: Exception) -> None:
        self.error = error

    def close(self) -> None:
        os.close(self.reading)
        os.close(self.writing)


class Scene:
    def __init__(self) -> None:
        self.clock = Clock()
        self.loop = Loop(self.clock)
        self.log: list[str] = []
        self.media = [Pipe(f"media{each}", self.log) for each in range(2)]
        self.urgent = Pipe("urgent", self.log)
        for each in self.media:
            self.loop.add(each.reading, each, media=True)
        self.loop.add(self.urgent.reading, self.urgent, media=False)


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    for each in (*made.media, made.urgent):
        made.loop.remove(each.reading)
        each.close()
    made.loop.close()


def test_what_is_urgent_comes_first(scene: Scene) -> None:
    scene.media[0].put()
    scene.urgent.put()
    scene.loop.turn()
    assert scene.log == ["urgent", "media0"]


def test_one_watchers_error_reaches_no_other(scene: Scene) -> None:
    scene.media[0].broken = True
    for each in scene.media:
        each.put()
    scene.loop.turn()
    assert sorted(scene.log) == ["media0", "media1"]
    assert isinstance(scene.media[0].error, RuntimeError)
    assert scene.media[1].error is None


def test_a_watcher_that_was_removed_in_this_turn_is_not_served(scene: Scene) -> None:
    removed = scene.media[0].reading
    scene.media[0].put()
    scene.urgent.put()
    original = scene.urgent.ready

    def remove_other(events: int, now: float) -> None:
        original(events, now)
        scene.loop.remove(removed)

    scene.urgent.ready = remove_other  # type: ignore[method-assign]  # the shortest way to act within a turn
    scene.loop.turn()
    assert scene.log == ["urgent"]


def test_timers_run_in_order_and_can_be_taken_back(scene: Scene) -> None:
    def note(delay: float) -> Callable[[float], None]:
        return lambda now: scene.log.append(str(delay))

    for delay in (3.0, 1.0, 2.0):
        scene.loop.call_at(100.0 + delay, note(delay))
    taken_back = scene.loop.call_at(100.0, lambda now: scene.log.append("never"))
    taken_back.cancel()
    scene.clock.now = 102.0
    scene.urgent.put()
    scene.loop.turn()
    assert scene.log == ["urgent", "1.0", "2.0"]


def test_errors_of_timers_and_deferred_calls_end_nothing(scene: Scene) -> None:
    errors: list[Exception] = []
    scene.loop.on_error = errors.append

    def fail(now: float = 0.0) -> None:
        raise RuntimeError

    scene.loop.call_at(99.0, fail)
    scene.loop.defer(fail)
    scene.urgent.put()
    scene.loop.turn()
    assert len(errors) == 2
    assert scene.log == ["urgent"]


def test_deferred_calls_run_before_the_wait_and_settle_again(scene: Scene) -> None:
    def settle() -> bool:
        scene.log.append("settle")
        if scene.log.count("settle") == 1:
            scene.loop.defer(lambda: scene.log.append("deferred"))
        return False

    scene.loop.before_wait = settle
    scene.urgent.put()
    scene.loop.turn()
    assert scene.log == ["settle", "deferred", "settle", "urgent"]


def test_more_to_do_means_no_wait(scene: Scene) -> None:
    scene.loop.before_wait = lambda: True
    scene.loop.turn()
    assert scene.log == []
