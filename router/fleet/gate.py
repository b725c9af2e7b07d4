"""A gate that many may be inside of, and that is closed while what is behind it changes its place."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

OPEN_WITHIN_S = 10.0
"""How long whoever comes may be held back: for as long as a move may take that waits for others before."""


class GateClosed(Exception):
    """The gate stayed closed: what is behind it does not arrive."""


class Gate:
    """Belongs to one mount or connection: whoever needs it where it is, is inside meanwhile."""

    __slots__ = ("_closings", "_empty", "_inside", "_open")

    def __init__(self) -> None:
        self._inside = 0
        self._closings = 0
        self._open = asyncio.Event()
        self._open.set()
        self._empty = asyncio.Event()
        self._empty.set()

    @asynccontextmanager
    async def inside(self) -> AsyncIterator[None]:
        """Be inside for as long as the block lasts, once the gate is open.

        Raises:
            GateClosed: it stayed closed.
        """
        try:
            async with asyncio.timeout(OPEN_WITHIN_S):
                while not self._open.is_set():
                    await self._open.wait()
        except TimeoutError:
            raise GateClosed from None
        self._inside += 1
        self._empty.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    @property
    def is_open(self) -> bool:
        """Whether nobody holds others back."""
        return not self._closings

    def close(self) -> None:
        """Hold back whoever comes, until it has been opened as often as closed."""
        self._closings += 1
        self._open.clear()

    async def emptied(self) -> None:
        """Wait until nobody is inside."""
        await self._empty.wait()

    def open(self) -> None:
        """Let in again whoever waits, and all others, unless somebody else keeps it closed."""
        self._closings -= 1
        if not self._closings:
            self._open.set()


@asynccontextmanager
async def closed(gates: Iterable[Gate], within_s: float) -> AsyncIterator[None]:
    """Keep gates closed and empty for as long as the block lasts.

    Raises:
        TimeoutError: somebody stayed inside; all gates are open again.
    """
    gates = list(gates)
    for gate in gates:
        gate.close()
    try:
        async with asyncio.timeout(within_s):
            for gate in gates:
                await gate.emptied()
        yield
    finally:
        for gate in gates:
            gate.open()
