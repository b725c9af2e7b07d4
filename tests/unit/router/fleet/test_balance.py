"""When a mount is moved, and which."""

import pytest

from router.fleet.balance import LoadHistory, MountLoad, best_move

THRESHOLD = 20.0


def mounts(*points: float, worker: int = 0, rests: bool = False) -> list[MountLoad]:
    return [MountLoad(f"/{worker}-{index}", worker, each, rests) for index, each in enumerate(points)]


@pytest.mark.parametrize(
    ("loads", "carried", "chosen"),
    [
        ({0: 60.0, 1: 10.0}, mounts(30, 22, 10), "/0-1"),
        ({0: 60.0, 1: 10.0}, mounts(24, 36), "/0-0"),
        ({0: 60.0, 1: 10.0}, mounts(60), None),  # it would only be elsewhere
        ({0: 60.0, 1: 10.0}, mounts(48, 12), "/0-1"),
        ({0: 60.0, 1: 10.0}, mounts(4, 4, 4), None),  # too little gain for each
        ({0: 60.0, 1: 10.0}, mounts(25, rests=True), None),
        ({0: 60.0, 1: 10.0}, mounts(25, worker=1), None),
        ({0: 25.0, 1: 10.0}, mounts(7), None),  # even enough
        ({0: 90.0, 1: 60.0, 2: 10.0}, mounts(90) + mounts(25, 35, worker=1), "/1-0"),  # the busiest has nothing to give
        ({0: 50.0}, mounts(25), None),
    ],
)
def test_the_mount_that_evens_best_is_moved(
    loads: dict[int, float], carried: list[MountLoad], chosen: str | None
) -> None:
    move = best_move(loads, carried, THRESHOLD)
    assert (move and move.path) == chosen


def test_a_move_says_why() -> None:
    move = best_move({0: 60.0, 1: 10.0}, mounts(24), THRESHOLD)
    assert move is not None
    assert (move.source, move.target) == (0, 1)
    assert move.reason == "worker 0 is loaded 60 %, worker 1 10 %; then 36 and 34 %"


def test_loads_must_be_uneven_for_a_while_without_a_pause() -> None:
    watch = LoadHistory(THRESHOLD, 3.0)
    uneven, even = {0: 60.0, 1: 10.0}, {0: 30.0, 1: 20.0}
    assert [watch.observe(uneven, now) for now in (0.0, 1.0, 2.0)] == [False] * 3
    assert not watch.observe(even, 3.0)
    assert watch.since is None
    assert [watch.observe(uneven, now) for now in (4.0, 5.0, 6.0)] == [False] * 3
    assert watch.observe({0: 80.0, 1: 10.0}, 7.0)
    assert watch.means() == {0: 65.0, 1: 10.0}


def test_another_set_of_workers_begins_anew() -> None:
    watch = LoadHistory(THRESHOLD, 2.0)
    assert not watch.observe({0: 60.0, 1: 10.0}, 0.0)
    assert not watch.observe({0: 60.0, 2: 10.0}, 2.0)
    assert not watch.observe({0: 60.0}, 4.0)
    assert watch.since is None
