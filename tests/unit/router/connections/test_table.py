"""Connections up to their limits, in all and from one host."""

import asyncio
from typing import Any

import pytest

from router.connections.table import Connections
from tests.unit.router.state.people import client


@pytest.mark.parametrize(
    ("limits", "hosts", "reason"),
    [
        ((3, 0), "abca", "all 3 connections are taken"),
        ((10, 2), "aaba", "a has 2 connections already"),
        ((2, 1), "abb", "all 2 connections are taken"),
    ],
)
def test_the_first_one_too_many_is_told_why(limits: tuple[int, int], hosts: str, reason: str) -> None:
    table = Connections(*limits)
    said = [table.add(named(host, number)) for number, host in enumerate(hosts)]
    last = len(said) - 1
    if limits == (10, 2):
        assert said == [None, None, None, reason]
    else:
        assert said == [None] * last + [reason]


def named(host: str, number: int) -> Any:
    made: Any = client(host)
    made.id = str(number)
    return made


def test_one_that_leaves_makes_room_once() -> None:
    table = Connections(10, 1)
    first = named("a", 1)
    assert table.add(first) is None
    assert table.remove(first)
    assert not table.remove(first)
    assert table.add(named("a", 2)) is None
    assert table.add(named("a", 3)) is not None
    assert (len(table), table.get("1")) == (2, None)


def test_it_may_change_while_it_is_walked_through() -> None:
    table = Connections(10, 0)
    for number in range(3):
        table.add(named("a", number))
    for each in table:
        table.remove(each)
    assert len(table) == 0


def test_the_end_of_the_last_one_is_waited_for() -> None:
    async def program() -> None:
        table = Connections(10, 0)
        await table.wait_empty()
        first, second = named("a", 1), named("a", 2)
        table.add(first)
        waiting = asyncio.ensure_future(table.wait_empty())
        await asyncio.sleep(0)
        table.remove(first)
        table.add(second)  # before whoever waits has its turn
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
        table.remove(second)
        await asyncio.wait_for(waiting, 10)

    asyncio.run(program())
