"""Bursts are read ahead in a thread, in order, and the reading ends with whoever wanted it."""

import asyncio
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any, cast

import pytest

from router.files.ahead import READ_AHEAD_BURSTS, READ_AHEAD_S, read_ahead


class Film:
    """Bursts whose times are `step_s` apart; notes how many were read, where, and whether it was closed."""

    def __init__(self, count: int, step_s: float = 0.1, error: Exception | None = None) -> None:
        self.read = 0
        self.threads: set[int] = set()
        self.closed = False
        self._count, self._step_s, self._error = count, step_s, error

    def bursts(self) -> Generator[Any]:
        try:
            for number in range(self._count):
                self.threads.add(threading.get_ident())
                self.read += 1
                yield SimpleNamespace(due=number * self._step_s, number=number)
            if self._error is not None:
                raise self._error
        finally:
            self.closed = True


def taken(film: Film, most: int = 10**6) -> list[int]:
    async def program() -> list[int]:
        found: list[int] = []
        with ThreadPoolExecutor(1) as reader:
            async with aclosing(read_ahead(reader, cast(Any, film.bursts()))) as ahead:
                async for each in ahead:
                    found.append(cast(Any, each).number)
                    if len(found) == most:
                        break
        return found

    return asyncio.run(program())


@pytest.mark.parametrize("count", [0, 1, 5, 100])
def test_all_come_in_order_read_elsewhere(count: int) -> None:
    film = Film(count)
    assert taken(film) == list(range(count))
    assert threading.get_ident() not in film.threads
    assert film.closed


@pytest.mark.parametrize(("step_s", "most"), [(0.1, 2 * (READ_AHEAD_S / 0.1 + 2)), (0.0, 3 * READ_AHEAD_BURSTS)])
def test_no_more_is_read_than_is_soon_due(step_s: float, most: float) -> None:
    film = Film(100_000, step_s)
    assert taken(film, most=1) == [0]
    assert film.read <= most
    assert film.closed


def test_what_reading_raises_comes_after_what_was_read() -> None:
    film = Film(3, error=ValueError("broken"))
    found: list[int] = []

    async def program() -> None:
        with ThreadPoolExecutor(1) as reader:
            async for each in read_ahead(reader, cast(Any, film.bursts())):
                found.append(cast(Any, each).number)

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(program())
    assert film.closed
