"""A pool at its edges; `tests/property/test_ports.py` and `test_groups.py` have the rest."""

import pytest

from workers.shared.resting_pool import RestingPool


def take_all(pool: RestingPool, now: float) -> list[int]:
    taken = []
    while (member := pool.take(now)) is not None:
        taken.append(member)
    return taken


@pytest.mark.parametrize("members", [range(0), range(5, 5), range(4, 9, 2), range(4, 10, 2), range(7, 8)])
def test_all_members_are_given_once(members: range) -> None:
    pool = RestingPool(members, 0.0, used_first=True)
    assert pool.count_free(0.0) == len(members)
    assert take_all(pool, 0.0) == list(members)
    assert pool.count_free(0.0) == 0


@pytest.mark.parametrize(("used_first", "order"), [(True, [0, 1, 2]), (False, [1, 2, 0])])
def test_a_member_rests_and_then_comes_first_or_last(used_first: bool, order: list[int]) -> None:
    pool = RestingPool(range(3), 5.0, used_first=used_first)
    assert pool.take(0.0) == 0
    pool.give_back(0, 1.0)
    assert pool.count_free(5.9) == 2
    assert take_all(pool, 6.0) == order


def test_what_was_never_used_needs_no_rest() -> None:
    pool = RestingPool(range(1), 5.0, used_first=True)
    pool.give_back(pool.take(0.0) or 0, 0.0, rested=True)
    assert pool.take(0.0) == 0


def test_a_range_may_be_larger_than_memory() -> None:
    pool = RestingPool(range(2**64, 2**112), 0.0, used_first=True)
    pool.claim(2**64 + 1)
    assert pool.count_free(0.0) == 2**112 - 2**64 - 1
    assert [pool.take(0.0) for _ in range(2)] == [2**64, 2**64 + 2]
    assert 2**112 not in pool
