"""Parcels of descriptors: whole whatever their number, and none is forgotten."""

import pytest

from workers.shared.parcels import MOST_AT_ONCE, Parcels, parcel


@pytest.mark.parametrize("count", [1, MOST_AT_ONCE, MOST_AT_ONCE + 1, 3 * MOST_AT_ONCE, 1000])
def test_a_parcel_arrives_whole_and_in_order(count: int) -> None:
    parcels = Parcels(4, 10.0)
    sent = list(range(count))
    messages = list(parcel("t", sent))
    assert all(len(descriptors) <= MOST_AT_ONCE for _, descriptors in messages)
    for label, descriptors in messages:
        assert "t" not in parcels
        assert parcels.add(label, list(descriptors), 0.0) == []
    assert "t" in parcels
    assert parcels.claim("t") == sent
    assert parcels.claim("t") == []


def test_a_token_that_comes_again_replaces_the_first() -> None:
    parcels = Parcels(4, 10.0)
    parcels.add(b"t", [1, 2], 0.0)
    assert parcels.add(b"t", [3], 0.0) == [1, 2]
    assert parcels.claim("t") == [3]


def test_beyond_the_bound_the_oldest_goes() -> None:
    parcels = Parcels(2, 10.0)
    parcels.add(b"a", [1], 0.0)
    parcels.add(b"b+", [2], 0.0)
    assert parcels.add(b"c", [3], 0.0) == [1]
    assert parcels.add(b"b", [4], 0.0) == []
    assert parcels.claim("b") == [2, 4]
    assert parcels.clear() == [3]


def test_what_nobody_claims_is_given_up() -> None:
    parcels = Parcels(2, 10.0)
    parcels.add(b"a", [1], 0.0)
    parcels.add(b"b+", [2], 5.0)
    assert parcels.expired(9.9) == []
    assert parcels.expired(10.0) == [1]
    assert parcels.expired(15.0) == [2]
    assert parcels.clear() == []
