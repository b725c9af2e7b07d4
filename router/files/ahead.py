"""Reads a file ahead of what is sent of it, in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import Executor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.files.playback import FramePackets  # the extra that it needs need not be installed

READ_AHEAD_S = 0.5
"""Read at a time, while the half second before is sent: a disk that has to spin up first delays nothing."""
READ_AHEAD_BURSTS = 2000
"""So many at the most, where timestamps stand still: they are in memory."""


async def read_ahead(reader: Executor, bursts: Generator[FramePackets]) -> AsyncGenerator[FramePackets, None]:
    """Give what `bursts` gives, which runs in `reader`, and is closed there too. Raises what it raises."""
    loop = asyncio.get_running_loop()
    ahead = loop.run_in_executor(reader, _chunk, bursts)
    try:
        while chunk := await ahead:
            ahead = loop.run_in_executor(reader, _chunk, bursts)
            for burst in chunk:
                yield burst
    finally:
        await asyncio.wait([ahead])
        await loop.run_in_executor(reader, bursts.close)


def _chunk(bursts: Generator[FramePackets]) -> list[FramePackets]:
    chunk: list[FramePackets] = []
    for burst in bursts:
        chunk.append(burst)
        if burst.due - chunk[0].due >= READ_AHEAD_S or len(chunk) >= READ_AHEAD_BURSTS:
            break
    return chunk
