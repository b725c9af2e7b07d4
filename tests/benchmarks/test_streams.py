"""What it costs to write a stream: reported, never a reason to fail. `pytest -m benchmark -s` shows the figures.

That nothing was lost is asserted where the rate is one that a machine can keep up with.
"""

import asyncio
import json
import struct
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest

from router import Server, ServerStream, StreamFull
from router.description import SessionDescription
from tests.support.streams import PICTURE, serving

SECONDS = 5.0
BURST = 10
PACKET_BYTES = 1200
DELIVERED_PER_S = 60_000

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(300)]


def bursts_of(packets: int, seconds: float, per_s: float) -> list[list[bytes]]:
    """Make all bursts before the clock runs: making packets is not what is measured."""
    body = bytes(PACKET_BYTES - 12)
    header = struct.Struct("!BBHII")
    bursts = []
    for number in range(int(seconds * per_s / packets)):
        first = number * packets
        bursts.append(
            [
                header.pack(0x80, 96, each & 0xFFFF, number * 3000 & 0xFFFFFFFF, 7) + body
                for each in range(first, first + packets)
            ]
        )
    return bursts


class Readers:
    """The readers' process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def end(self) -> Any:
        """Let them read what is left, and give what they got."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        out, _ = await self._process.communicate()
        return json.loads(out)


@asynccontextmanager
async def reading(url: str, readers: int) -> AsyncIterator[Readers]:
    """Start readers and wait until they play."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.stream_readers", url, str(readers)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield Readers(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def worker_of(server: Server) -> psutil.Process:
    """Give the one worker's process."""
    (worker,) = server._front.fleet.link.ready()
    return psutil.Process(worker.pid)


def cpu_s(process: psutil.Process) -> float:
    """Give a process's CPU time, user's and system's."""
    times = process.cpu_times()
    return times.user + times.system


@pytest.mark.parametrize("readers", [10, 100])
def test_cost_of_writing_at_a_steady_rate(readers: int) -> None:
    async def program() -> None:
        async with serving() as server, ServerStream(server, SessionDescription([PICTURE]), "/bench") as stream:
            worker, mine = worker_of(server), psutil.Process()
            per_s = DELIVERED_PER_S / readers
            bursts = bursts_of(BURST, SECONDS, per_s)
            async with reading(server.client_url + "/bench", readers) as far:
                before = cpu_s(mine), cpu_s(worker)
                began = time.monotonic()
                for number, burst in enumerate(bursts):
                    late = began + number * BURST / per_s - time.monotonic()
                    if late > 0:
                        await asyncio.sleep(late)
                    stream.write_packets_rtp(PICTURE, burst)
                await stream.drain()
                took = time.monotonic() - began
                writer, carrier = cpu_s(mine) - before[0], cpu_s(worker) - before[1]
                got = await far.end()
            delivered = sum(got["packets"])
            print(
                f"\nbursts of {BURST} to {readers} readers: {delivered / took:.0f} packets/s delivered, "
                f"writer {100 * writer / took:.1f} % of a core, worker {100 * carrier / took:.1f} %, "
                f"writer by worker {100 * writer / carrier:.0f} %"
            )
            assert got == {"packets": [len(bursts) * BURST] * readers, "gaps": 0}

    asyncio.run(program())


def test_how_much_one_program_can_hand_over() -> None:
    """As fast as it goes: the readers, on the same cores, need not keep up, so losses are reported alone."""

    async def program() -> None:
        async with serving() as server, ServerStream(server, SessionDescription([PICTURE]), "/bench") as stream:
            worker, mine = worker_of(server), psutil.Process()
            bursts = bursts_of(BURST, 1, 50_000)
            async with reading(server.client_url + "/bench", 10) as far:
                before = cpu_s(mine), cpu_s(worker)
                began = time.monotonic()
                written = 0
                while time.monotonic() - began < SECONDS:
                    for burst in bursts:
                        try:
                            stream.write_packets_rtp(PICTURE, burst)
                        except StreamFull:
                            await stream.drain()
                            stream.write_packets_rtp(PICTURE, burst)
                        written += BURST
                    await asyncio.sleep(0)
                await stream.drain()
                took = time.monotonic() - began
                writer, carrier = cpu_s(mine) - before[0], cpu_s(worker) - before[1]
                got = await far.end()
            delivered = sum(got["packets"])
            print(
                f"\nas fast as it goes, bursts of {BURST} to 10 readers: {written / took:.0f} packets/s written, "
                f"{delivered / took:.0f} delivered of {10 * written / took:.0f}, "
                f"writer {100 * writer / took:.1f} % of a core ({1e6 * writer / (written / BURST):.0f} us a burst), "
                f"worker {100 * carrier / took:.1f} %"
            )

    asyncio.run(program())
