"""What is told on the way arrives, in order, and once."""

import asyncio
from typing import cast

from router.fleet.pending import PendingWorker
from router.link.worker import Worker
from workers.contract.commands import CloseMount, ReportState, Respond
from workers.contract.messages import Command, Reply
from workers.contract.replies import Done
from workers.contract.reports import StateReport


class Held:
    """A worker that keeps what it is told."""

    def __init__(self, index: int) -> None:
        self.index, self.state = index, "ready"
        self.told: list[Command] = []

    def tell(self, command: Command) -> None:
        self.told.append(command)

    async def ask(self, command: Command) -> Reply:
        self.told.append(command)
        return Done()

    async def report(self, command: Command) -> list[StateReport]:
        return [StateReport((), (str(self.index),), more=False)]


def test_commands_wait_for_the_end_of_the_way() -> None:
    async def program() -> None:
        source, target, other = (cast(Worker, Held(index)) for index in range(3))
        transit = PendingWorker(source, target)
        assert transit.index == 0
        assert [transit.speaks(each) for each in (source, target, other)] == [True, True, False]
        first, second, third = Respond("c", b"1", close=False), Respond("c", b"2", close=True), CloseMount("/a", 1)
        transit.tell(first)
        transit.tell(second)
        asked = asyncio.create_task(transit.ask(third))
        reported = asyncio.create_task(transit.report(ReportState()))
        await asyncio.sleep(0)
        transit.arrive(target)
        assert cast(Held, target).told == [first, second]
        assert await asked == Done()
        assert (await reported)[0].connections == ("1",)
        transit.tell(first)
        assert cast(Held, target).told == [first, second, third, first]
        assert cast(Held, source).told == []

    asyncio.run(program())
