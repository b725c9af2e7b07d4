"""Between two workers: what mounts and connections on the way are told, kept until they have arrived."""

import asyncio

from router.link.worker import Worker
from workers.contract.messages import Command, Reply
from workers.contract.reports import StateReport


class PendingWorker:
    """Stands where a mount's or connection's worker stands, while that changes."""

    def __init__(self, source: Worker, target: Worker | None) -> None:
        """`target` is None where the source has died and the next worker is not known yet."""
        self._source = source
        self._target = target
        self._waiting: list[Command] = []
        self._holder: Worker | None = None
        self._arrived = asyncio.Event()

    @property
    def index(self) -> int:
        """The worker that they are on their way from: until they have arrived they count as its own. Those of one that
        died are nobody's (-1), so that its successor gives none of their ports away."""
        return self._source.index if self._source.state != "lost" else -1

    def speaks(self, worker: Worker) -> bool:
        """Tell whether what this worker says may be about them: what it said before they left, or after they came."""
        return worker in (self._source, self._target)

    def tell(self, command: Command) -> None:
        """Keep a command that nobody waits for. As many come as requests that wait for an answer, and those are few."""
        if self._holder is not None:
            self._holder.tell(command)
        else:
            self._waiting.append(command)

    async def ask(self, command: Command) -> Reply:
        """Send a command once they have arrived. Raises as `Worker.ask` does."""
        return await (await self._arrival()).ask(command)

    async def report(self, command: Command) -> list[StateReport]:
        """Get a report of whoever has them then. Raises as `Worker.report` does."""
        return await (await self._arrival()).report(command)

    async def _arrival(self) -> Worker:
        await self._arrived.wait()
        assert self._holder is not None
        return self._holder

    def arrive(self, holder: Worker) -> None:
        """Say who has them: in order, all that was kept goes there first."""
        self._holder = holder
        waiting, self._waiting = self._waiting, []
        for command in waiting:
            holder.tell(command)
        self._arrived.set()
