"""Gates: many inside, or closed and empty."""

import asyncio

import pytest

from router.fleet import gate as gates
from router.fleet.gate import Gate, GateClosed, closed


def test_whoever_comes_waits_while_it_is_closed() -> None:
    async def program() -> None:
        gate, order = Gate(), list[str]()

        async def visit(name: str) -> None:
            async with gate.inside():
                order.append(name)

        async with closed([gate], 1.0):
            waiting = [asyncio.create_task(visit(name)) for name in ("a", "b")]
            await asyncio.sleep(0)
            order.append("closed")
        await asyncio.gather(*waiting)
        assert order[0] == "closed"
        assert sorted(order[1:]) == ["a", "b"]

    asyncio.run(program())


def test_it_is_closed_only_once_all_have_left() -> None:
    async def program() -> None:
        gate, left, empty = Gate(), asyncio.Event(), list[bool]()

        async def visit() -> None:
            async with gate.inside(), gate.inside():
                await left.wait()

        visitor = asyncio.create_task(visit())
        await asyncio.sleep(0)

        async def close() -> None:
            async with closed([Gate(), gate], 10.0):
                empty.append(visitor.done())

        closing = asyncio.create_task(close())
        await asyncio.sleep(0)
        assert not empty
        left.set()
        await asyncio.gather(visitor, closing)
        assert len(empty) == 1

    asyncio.run(program())


def test_two_may_close_it_and_both_must_open_it() -> None:
    async def program() -> None:
        gate = Gate()
        gate.close()
        async with closed([gate], 1.0):
            assert not gate.is_open
        assert not gate.is_open
        gate.open()
        assert gate.is_open
        async with gate.inside():
            pass

    asyncio.run(program())


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "OPEN_WITHIN_S", 0.01)

    async def program() -> None:
        gate = Gate()
        gate.close()
        with pytest.raises(GateClosed):
            async with gate.inside():
                raise AssertionError("it is closed")
        gate.open()
        async with gate.inside():
            with pytest.raises(TimeoutError):
                async with closed([gate], 0.01):
                    raise AssertionError("somebody is inside")
            async with gate.inside():  # and open it is again
                pass

    asyncio.run(program())


def test_a_gate_that_two_keep_closed_opens_with_the_second() -> None:
    async def scenario() -> list[str]:
        gate, seen = Gate(), list[str]()

        async def enter() -> None:
            async with gate.inside():
                seen.append("inside")

        gate.close()
        gate.close()
        task = asyncio.create_task(enter())
        gate.open()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        seen.append("opened once")
        gate.open()
        await task
        return seen

    assert asyncio.run(scenario()) == ["opened once", "inside"]
