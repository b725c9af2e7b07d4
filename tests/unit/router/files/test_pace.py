"""Media time beside the clock."""

from router.files.pace import LATE_S, Pace


def test_media_time_runs_beside_the_clock() -> None:
    pace = Pace(first=5.0, now=1000.0, wall=1e9)
    assert pace.wait_s(5.0, 1000.0) == 0
    assert pace.wait_s(6.5, 1000.5) == 1.0
    assert pace.ntp(6.5) == 1e9 + 1.5


def test_a_little_late_is_caught_up() -> None:
    pace = Pace(first=0.0, now=0.0, wall=1e9)
    assert pace.wait_s(1.0, 1.0 + LATE_S) == -LATE_S
    assert pace.wait_s(3.0, 2.5) == 0.5


def test_after_a_standstill_it_goes_on_from_now() -> None:
    pace = Pace(first=0.0, now=0.0, wall=1e9)
    assert pace.wait_s(1.0, 61.0) == 0
    assert pace.wait_s(2.0, 61.0) == 1.0
    assert pace.ntp(2.0) == 1e9 + 62.0
