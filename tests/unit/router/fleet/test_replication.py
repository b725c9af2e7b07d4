"""Who gets a mount's next reader, and when a worker counts as saturated with it."""

import pytest

from router.fleet.replication import HOT_FOR_S, Carrier, Saturation, choose, least_loaded

HOT = Carrier(1, saturated=True)
CLOSING = Carrier(0, closing=True)


@pytest.mark.parametrize(
    ("carriers", "most", "chosen"),
    [
        ([Carrier(5)], 0, 0),
        ([Carrier(4)], 5, 0),
        ([Carrier(5)], 5, None),
        ([Carrier(5), Carrier(4)], 5, 1),
        ([Carrier(4), Carrier(0)], 5, 0),
        ([Carrier(5), Carrier(3), Carrier(2), Carrier(2)], 5, 2),
        ([Carrier(5), Carrier(5)], 5, None),
        ([HOT], 0, None),
        ([HOT, Carrier(900)], 0, 1),
        ([HOT, HOT, Carrier(3)], 5, 2),
        ([HOT, CLOSING], 0, None),
    ],
)
def test_who_gets_the_next_reader(carriers: list[Carrier], most: int, chosen: int | None) -> None:
    assert choose(carriers, most) == chosen


@pytest.mark.parametrize(
    ("carriers", "chosen"),
    [
        ([HOT], 0),
        ([Carrier(5), Carrier(6)], 0),
        ([Carrier(5), Carrier(5), Carrier(4)], 2),
        ([HOT, Carrier(5)], 1),
        ([Carrier(5), CLOSING], 0),
    ],
)
def test_where_there_is_no_worker_left_the_least_loaded_gets_it(carriers: list[Carrier], chosen: int) -> None:
    assert least_loaded(carriers) == chosen


def test_a_worker_is_saturated_once_it_was_busy_with_one_mount_for_long() -> None:
    saturation = Saturation(80)
    for step in range(4):
        saturation.observe(0, 81.0, "/a", 0.6, step * HOT_FOR_S / 4)
    assert not saturation.is_with(0, "/a", HOT_FOR_S - 0.01)
    assert saturation.is_with(0, "/a", HOT_FOR_S)
    assert not saturation.is_with(0, "/b", HOT_FOR_S)
    assert not saturation.is_with(1, "/a", HOT_FOR_S)


@pytest.mark.parametrize(("cpu_percent", "busiest", "share"), [(79.0, "/a", 0.6), (90.0, "/b", 0.6), (90.0, "/a", 0.4)])
def test_a_pause_begins_the_time_anew(cpu_percent: float, busiest: str, share: float) -> None:
    saturation = Saturation(80)
    saturation.observe(0, 90.0, "/a", 0.6, 0.0)
    saturation.observe(0, cpu_percent, busiest, share, 1.0)
    saturation.observe(0, 90.0, "/a", 0.6, 2.0)
    assert not saturation.is_with(0, "/a", HOT_FOR_S + 1)
    assert saturation.is_with(0, "/a", HOT_FOR_S + 2)


def test_it_can_be_switched_off_and_forgets_workers_that_are_gone() -> None:
    off, saturation = Saturation(0), Saturation(80)
    for each in (off, saturation):
        each.observe(0, 100.0, "/a", 1.0, 0.0)
    assert not off.is_with(0, "/a", 100.0)
    assert saturation.is_with(0, "/a", 100.0)
    saturation.forget(0)
    assert not saturation.is_with(0, "/a", 100.0)
