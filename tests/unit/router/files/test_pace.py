"""Media time beside the clock."""

from router.files.pace import LATE_S, Numbers, Pace, restamped
from tests.support.rtp import Rtp, build_rtp


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
    assert pace.rested_s == 60.0


def test_after_a_rest_it_goes_on_from_now_and_timestamps_stand_for_the_same_time() -> None:
    pace = Pace(first=5.0, now=0.0, wall=1e9)
    pace.go_on(6.0, 1.5)
    pace.go_on(7.0, 10.0)
    assert pace.rested_s == 8.0
    assert pace.wait_s(7.5, 10.0) == 0.5
    for time_s in (7.0, 8.0):
        assert pace.ntp(time_s) - pace.rested_s == 1e9 + time_s - 5.0
    pace.go_on(9.0, 11.0)  # what came before was never sent
    assert pace.wait_s(9.0, 11.0) == 0
    assert pace.rested_s == 7.0
    assert pace.ntp(9.0) == 1e9 + 11.0


def test_packets_are_stamped_later_and_numbered_lower() -> None:
    packet = Rtp(96, True, 7, 2**32 - 10, 1, b"payload")
    assert restamped([build_rtp(packet)], 15, 8) == [build_rtp(Rtp(96, True, 2**16 - 1, 5, 1, b"payload"))]


def test_packets_that_were_read_and_never_sent_leave_no_gap() -> None:
    packets = [build_rtp(Rtp(96, True, number % 2**16, 0, 1, b"")) for number in range(65_530, 65_560)]
    numbers, sent, pace = Numbers(90_000), list[bytes](), Pace(first=0.0, now=0.0, wall=1e9)
    for first, last in [(0, 3), (3, 5), (15, 18), (18, 20), (29, 30)]:
        sent += numbers.stamped(packets[first:last], pace)
    assert sent == packets[:11]
