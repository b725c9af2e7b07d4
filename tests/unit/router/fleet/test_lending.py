"""Slices of the ports, and what is lent of them."""

from router.fleet.lending import Slices, lent


def test_slices_are_equal_and_even() -> None:
    slices = Slices.share(10_000, 255, 3)
    assert slices.size == 84
    assert [slices.first(worker) for worker in range(3)] == [10_000, 10_084, 10_168]
    assert [slices.owner(port) for port in (10_000, 10_083, 10_084, 10_168, 10_250)] == [0, 0, 1, 2, 2]


def test_ports_are_lent_by_those_whose_slice_they_are_of() -> None:
    slices = Slices(100, 10)
    mounts = [(0, (100, 102)), (1, (104,)), (0, (112,)), (2, (106, 114)), (1, ())]
    assert lent(slices, mounts) == {0: (104, 106), 1: (112, 114)}
