"""Workers that die again and again are given up, and get another chance once they have stayed up."""

from router.fleet.crashes import MOST_DEATHS, WITHIN_S, CrashCounter


def test_an_index_is_given_up_with_the_last_of_many_deaths_in_a_short_time() -> None:
    deaths = CrashCounter()
    assert [deaths.note(0, float(each)) for each in range(MOST_DEATHS)] == [False] * (MOST_DEATHS - 1) + [True]
    assert deaths.is_given_up(0)
    assert not deaths.is_given_up(1)
    assert not deaths.note(0, MOST_DEATHS), "that is said once"


def test_deaths_long_ago_don_t_count() -> None:
    deaths = CrashCounter()
    for number in range(3 * MOST_DEATHS):
        assert not deaths.note(0, number * WITHIN_S / (MOST_DEATHS - 1))
    assert not deaths.is_given_up(0)


def test_who_has_stayed_up_gets_mounts_again_and_begins_anew() -> None:
    deaths = CrashCounter()
    for _ in range(MOST_DEATHS):
        deaths.note(0, 0.0)
    assert not deaths.stayed_up(0, WITHIN_S - 1)
    assert deaths.is_given_up(0)
    assert deaths.stayed_up(0, WITHIN_S)
    assert not deaths.is_given_up(0)
    assert not deaths.stayed_up(0, WITHIN_S), "that is said once"
    assert not deaths.note(0, 1.0)
