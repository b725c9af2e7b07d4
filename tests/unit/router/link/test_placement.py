"""A placement: who may use it, who waits, and what is told on the way arrives in order, and once."""

import asyncio
from typing import cast

import pytest

from router.link import placement as placements
from router.link.placement import NotArrived, Placement, PlacementClosed, PlacementState, Unplaced, held
from router.link.worker import Worker
from workers.contract.commands import CloseMount, Respond
from workers.contract.messages import Command

FIRST, SECOND, THIRD = Respond("c", b"1", close=False), Respond("c", b"2", close=True), CloseMount("/a", 1)


class Held:
    """A worker that keeps what it is told."""

    def __init__(self, index: int) -> None:
        self.index, self.is_lost = index, False
        self.told: list[Command] = []

    def tell(self, command: Command) -> None:
        self.told.append(command)


def workers(count: int) -> list[Worker]:
    return [cast(Worker, Held(index)) for index in range(count)]


def told(worker: Worker) -> list[Command]:
    return cast(Held, worker).told


async def use(placement: Placement) -> Worker:
    async with placement.use() as worker:
        return worker


def test_commands_wait_for_the_end_of_a_move() -> None:
    async def program() -> None:
        source, target, other = workers(3)
        placement = Placement(source)
        placement.move_to(target)
        assert (placement.worker, placement.index) == (None, 0)
        assert [placement.may_speak(each) for each in (source, target, other)] == [True, True, False]
        placement.tell(FIRST)
        placement.tell(SECOND)
        user = asyncio.create_task(use(placement))
        await asyncio.sleep(0)
        assert not user.done()
        placement.arrived(target)
        assert await user is target
        placement.tell(THIRD)
        assert (told(source), told(target)) == ([], [FIRST, SECOND, THIRD])
        assert [placement.may_speak(each) for each in (source, target)] == [False, True]

    asyncio.run(program())


def test_what_is_lost_goes_on_at_the_next_worker() -> None:
    async def program() -> None:
        dead, other = workers(2)
        placement = Placement(dead)
        placement.lost()
        assert (placement.worker, placement.state) == (None, PlacementState.LOST)
        placement.tell(FIRST)
        placement.arrived(other)
        assert (told(dead), told(other), placement.worker) == ([], [FIRST], other)

    asyncio.run(program())


@pytest.mark.parametrize("state", [PlacementState.MOVING, PlacementState.LOST, PlacementState.OPENING])
def test_who_waits_is_told_when_it_closes(state: PlacementState) -> None:
    async def program() -> None:
        source, target = workers(2)
        placement = Placement(source if state is not PlacementState.OPENING else None)
        opening = placement.opening(source)
        if state is PlacementState.MOVING:
            placement.move_to(target)
        elif state is PlacementState.LOST:
            placement.lost()
        else:
            opening.__enter__()
        user = asyncio.create_task(use(placement))
        await asyncio.sleep(0)
        assert not user.done()
        placement.close()
        with pytest.raises(PlacementClosed):
            await user
        if state is PlacementState.OPENING:
            opening.__exit__(None, None, None)
        assert placement.closed

    asyncio.run(program())


def test_the_end_of_what_moves_is_told_where_it_arrives() -> None:
    async def program() -> None:
        source, target = workers(2)
        placement = Placement(source)
        placement.move_to(target)
        placement.tell(THIRD)
        placement.close()
        placement.tell(SECOND)
        placement.arrived(target)
        assert (told(source), told(target), placement.closed) == ([], [THIRD, SECOND], True)

    asyncio.run(program())


def test_opening_ends_at_the_worker_or_nowhere() -> None:
    async def program() -> None:
        first, second = workers(2)
        placement = Placement()
        with pytest.raises(Unplaced):
            await use(placement)
        refused = placement.opening(first)
        refused.__enter__()
        assert (placement.worker, placement.index) == (first, 0)
        assert not refused.__exit__(OSError, OSError("no ports"), None)
        assert placement.state is PlacementState.UNPLACED
        with placement.opening(second):
            user = asyncio.create_task(use(placement))
            await asyncio.sleep(0)
            assert not user.done()
        assert await user is second

    asyncio.run(program())


def test_a_lost_workers_index_is_nobodys() -> None:
    async def program() -> None:
        source, target = workers(2)
        placement = Placement(source)
        placement.move_to(target)
        cast(Held, source).is_lost = True
        assert placement.index is None

    asyncio.run(program())


def test_whoever_comes_while_it_is_held_waits() -> None:
    async def program() -> None:
        placement, order = Placement(*workers(1)), list[str]()

        async def visit(name: str) -> None:
            async with placement.use():
                order.append(name)

        async with held([placement], 1.0):
            waiting = [asyncio.create_task(visit(name)) for name in ("a", "b")]
            await asyncio.sleep(0)
            order.append("held")
        await asyncio.gather(*waiting)
        assert order[0] == "held"
        assert sorted(order[1:]) == ["a", "b"]

    asyncio.run(program())


def test_it_is_held_only_once_all_have_left() -> None:
    async def program() -> None:
        first, second = workers(2)
        placement, other = Placement(first), Placement(second)
        left, begun = asyncio.Event(), asyncio.Event()

        async def visit() -> None:
            async with placement.use(), placement.stay():
                await left.wait()

        visitor = asyncio.create_task(visit())
        await asyncio.sleep(0)

        async def hold() -> None:
            async with held([other, placement], 10.0):
                assert visitor.done()
                begun.set()

        holding = asyncio.create_task(hold())
        await asyncio.sleep(0)
        assert not begun.is_set()
        left.set()
        await asyncio.gather(visitor, holding)
        assert begun.is_set()

    asyncio.run(program())


def test_what_is_lost_while_it_is_held_lets_nobody_in_afterwards() -> None:
    async def program() -> None:
        first, second = workers(2)
        placement = Placement(first)
        async with held([placement], 1.0):
            placement.lost()
        user = asyncio.create_task(use(placement))
        await asyncio.sleep(0)
        assert not user.done()
        placement.arrived(second)
        assert await user is second

    asyncio.run(program())


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placements, "ARRIVES_WITHIN_S", 0.01)

    async def program() -> None:
        source, target = workers(2)
        placement = Placement(source)
        placement.move_to(target)
        with pytest.raises(NotArrived):
            await use(placement)
        placement.arrived(source)
        async with placement.use():
            with pytest.raises(TimeoutError):
                async with held([placement], 0.01):
                    raise AssertionError("somebody uses it")
            async with placement.use():
                pass

    asyncio.run(program())


def test_what_is_closed_stays_closed() -> None:
    async def program() -> None:
        source, target = workers(2)
        placement = Placement(source)
        placement.close()
        placement.close()
        placement.unplace()
        assert placement.closed
        with pytest.raises(AssertionError):
            placement.move_to(target)
        with pytest.raises(AssertionError):
            placement.lost()

    asyncio.run(program())
