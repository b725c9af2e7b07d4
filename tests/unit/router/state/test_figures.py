"""Totals never fall, whoever counts."""

from router.state.figures import MountTotals, Total
from workers.contract.reports import TrackState


def track(packets: int, lost: int = 0, jitter: float = 0.0) -> TrackState:
    return TrackState(10_000, packets, 100 * packets, lost, jitter, 7)


def test_a_worker_that_begins_anew_adds_to_what_was_before() -> None:
    total = Total()
    total.take(5)
    total.begin_anew()
    assert total.value == 5
    total.take(2)
    assert total.value == 7
    total.begin_anew()
    total.begin_anew()  # nothing was told since
    total.take(1)
    assert (total.before, total.told, total.value) == (7, 1, 8)


def test_what_a_worker_said_earlier_takes_nothing_away() -> None:
    total = Total(before=3)
    for count in (4, 6, 5):
        total.take(count)
    assert total.value == 9


def test_tracks_are_known_before_anything_is_told_of_them() -> None:
    figures = MountTotals()
    assert figures.track(1).now is None
    assert figures.packets == 0


def test_a_mounts_figures_outlive_worker_and_front() -> None:
    figures = MountTotals()
    figures.take((track(10, lost=2), track(20)))
    figures.take(())  # nothing has changed
    figures.begin_anew()
    figures.take((track(1, jitter=2.5), track(2)))
    assert figures.packets == 33
    assert figures.counted_before == ((10, 1000, 2), (20, 2000, 0))
    later = MountTotals.restored(figures.counted_before)
    later.take((track(3), track(4)))
    assert later.packets == 37
    assert later.track(0).lost.value == 2
    assert figures.tracks[0].now == track(1, jitter=2.5)
