"""The slice of ports at its edges; `tests/property/test_ports.py` has the rest."""

import pytest

from workers.sockets.ports import PortPairs


@pytest.mark.parametrize(
    ("start", "count", "ports"),
    [(10, 4, [10, 12]), (10, 5, [10, 12]), (11, 4, [12]), (11, 5, [12, 14]), (10, 1, []), (10, 0, []), (10, 2, [10])],
)
def test_pairs_are_even_and_within_the_slice(start: int, count: int, ports: list[int]) -> None:
    pairs = PortPairs(start, count, 0.0)
    taken = []
    while (port := pairs.take(0.0)) is not None:
        taken.append(port)
    assert taken == ports
    assert pairs.count_used == 2 * len(ports)


def test_a_freed_pair_rests() -> None:
    pairs = PortPairs(10, 2, 5.0)
    assert pairs.take(0.0) == 10
    pairs.give_back(10, 1.0)
    assert pairs.count_free(5.9) == 0
    assert pairs.take(5.9) is None
    assert pairs.take(6.0) == 10


def test_claims_and_strangers() -> None:
    pairs = PortPairs(10, 4, 0.0)
    pairs.claim(12)
    pairs.claim(12)
    pairs.claim(99)
    assert (pairs.count_free(0.0), pairs.count_used) == (2, 2)
    pairs.give_back(99, 0.0)
    pairs.give_back(10, 0.0)
    assert (pairs.count_free(0.0), pairs.count_used) == (2, 2)


def test_a_pair_that_was_lent_comes_home_with_its_mount() -> None:
    pairs = PortPairs(10, 4, 5.0)
    assert pairs.take(0.0) == 10
    pairs.lend([10], 0.0)  # the mount moves away ...
    pairs.give_back(10, 0.0)
    assert (pairs.lent, pairs.count_used, pairs.count_free(100.0)) == ((10,), 2, 2)
    pairs.claim(10)  # ... and comes back
    pairs.lend([], 1.0)
    assert (pairs.lent, pairs.count_used, pairs.count_free(100.0)) == ((), 2, 2)
    pairs.give_back(10, 200.0)
    assert (pairs.count_used, pairs.count_free(204.9), pairs.count_free(205.0)) == (0, 2, 4)
