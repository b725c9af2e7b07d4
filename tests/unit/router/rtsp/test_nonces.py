"""Nonces: whose, how old, how often."""

import pytest

from router.rtsp.nonces import MAX_COUNTED, Nonces

HOST = "192.0.2.1"


def nonces() -> Nonces:
    return Nonces(b"secret", "Trunkline", 60)


def test_a_nonce_is_fresh_at_its_host_for_its_life_time() -> None:
    nonce = nonces().make(HOST, 1000)
    assert nonces().fresh(nonce, HOST, 1060)
    assert not nonces().fresh(nonce, HOST, 1060.001)
    assert not nonces().fresh(nonce, "192.0.2.2", 1000)
    assert not Nonces(b"other", "Trunkline", 60).fresh(nonce, HOST, 1000)


@pytest.mark.parametrize(
    ("uses", "good"),
    [
        ([("a", 1), ("a", 2), ("a", 7)], [True, True, True]),
        ([("a", 1), ("a", 1)], [True, False]),
        ([("a", 5), ("a", 4)], [True, False]),
        ([("a", 0)], [False]),
        ([("a", 1), ("b", 1), ("a", 1)], [True, True, False]),  # two connections of a client
    ],
)
def test_a_count_that_was_seen_is_seen(uses: list[tuple[str, int]], good: list[bool]) -> None:
    all, nonce = nonces(), nonces().make(HOST, 1000)
    assert [all.count(nonce, *use) for use in uses] == good


def test_what_is_forgotten_is_refused() -> None:
    all = nonces()
    old, new = all.make(HOST, 1000), all.make(HOST, 1001)
    assert all.count(old, "a", 1)
    for index in range(MAX_COUNTED):
        assert all.count(new, str(index), 1)
    assert not all.count(old, "a", 1)
    assert not all.count(old, "b", 1)
    assert all.count(new, "0", 2)
