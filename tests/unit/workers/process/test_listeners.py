"""Listening sockets that are kept for the next front."""

import os

from workers.process.listeners import KeptListeners


def descriptors(count: int) -> list[int]:
    found = []
    for _ in range(count):
        reading, writing = os.pipe()
        os.close(writing)
        found.append(reading)
    return found


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def test_the_last_ones_that_came_are_kept() -> None:
    kept, first, second = KeptListeners(), descriptors(2), descriptors(1)
    kept.keep(("publish", "client"), first)
    assert all(map(is_open, first))
    kept.keep(("publish",), second)
    assert not any(map(is_open, first))
    assert (kept.names, kept.descriptors) == (("publish",), second)
    kept.close()
    kept.close()
    assert not any(map(is_open, second))


def test_where_one_is_missing_none_is_kept() -> None:
    kept, came = KeptListeners(), descriptors(1)
    kept.keep(("publish", "client"), came)
    assert (kept.names, kept.descriptors) == ((), [])
    assert not any(map(is_open, came))
