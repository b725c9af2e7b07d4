"""The router inside of a Python program: `async with Server(...)`, with workers of its own."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from router import Server, Settings, StartError
from tests.support.ports import PortSlice
from tests.support.processes import processes_with
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.waiting import eventually

PACKETS = 20
PROGRAM = """
import asyncio, sys
from router import Server

async def main():
    async with Server(publish_port=0, client_port=0, workers=1, runtime_dir=sys.argv[1],
                      rtp_port_start=int(sys.argv[2]), rtp_port_count=100) as server:
        print(server.publish_url, flush=True)
        await server.wait_closed()

asyncio.run(main())
"""


def stream(server: Server, path: str) -> None:
    """Publish and read back."""
    with (
        Publisher(f"{server.publish_url}{path}").start() as publisher,
        Reader(f"{server.client_url}{path}").start() as reader,
    ):
        publisher.send(PACKETS)
        reader.receive(PACKETS)
        reader.check(publisher)


def test_several_servers_in_one_program(path: str) -> None:
    with PortSlice.claim() as ports:

        async def program() -> list[Path]:
            half = ports.media_count // 2 & ~1
            async with (
                Server(
                    publish_port=0, client_port=0, workers=1, rtp_port_start=ports.media_start, rtp_port_count=half
                ) as one,
                Server(
                    Settings(
                        publish_port=0,
                        client_port=0,
                        workers=2,
                        rtp_port_start=ports.media_start + half,
                        rtp_port_count=half,
                        runtime_dir=Path(f"{one.settings.runtime_dir}-other"),
                    )
                ) as other,
            ):
                for server in (one, other):
                    await asyncio.to_thread(stream, server, path)
                return [one.settings.runtime_dir, other.settings.runtime_dir]

        directories = asyncio.run(program())
    for directory in directories:
        assert processes_with(str(directory)) == {}
    assert not directories[0].exists()
    directories[1].joinpath("front.lock").unlink()
    directories[1].rmdir()


def test_its_workers_end_with_the_program(runtime_dir: Path) -> None:
    with PortSlice.claim() as ports:
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(runtime_dir), str(ports.media_start)], stdout=subprocess.PIPE, text=True
        )
        with program:
            assert program.stdout is not None
            assert program.stdout.readline().startswith("rtsp://")
            (worker,) = [pid for pid, command in processes_with(str(runtime_dir)).items() if "-m workers" in command]
            program.send_signal(signal.SIGKILL)
        eventually(lambda: not os.path.exists(f"/proc/{worker}"), "the worker's end")


def test_what_is_in_the_way_is_said_and_nothing_stays(runtime_dir: Path) -> None:
    async def program() -> None:
        async with Server(publish_port=0, client_port=0, workers=1) as server:
            port = int(server.publish_url.rpartition(":")[2])
            with pytest.raises(StartError, match=str(port)):
                await Server(publish_port=port, client_port=0, workers=1, runtime_dir=runtime_dir).start()

    asyncio.run(program())
    assert processes_with(str(runtime_dir)) == {}


def test_values_and_settings_exclude_each_other() -> None:
    with pytest.raises(TypeError):
        Server(Settings(), publish_port=0)
    with pytest.raises(ValueError, match="publish_port"):
        Server(publish_port=70_000)


def test_close_disturbs_nobody_else_and_may_come_at_any_time(runtime_dir: Path) -> None:
    """Of a server that could not start, that starts still, twice at once; it starts once only."""

    async def program() -> None:
        async with Server(publish_port=0, client_port=0, workers=1, runtime_dir=runtime_dir):
            second = Server(publish_port=0, client_port=0, workers=1, runtime_dir=runtime_dir)
            with pytest.raises(StartError):
                await second.start()
            await second.close()
            assert set(os.listdir(runtime_dir)) == {"control", "descriptors", "front.lock"}
        never = Server(publish_port=0, client_port=0, workers=1)
        await never.close()
        starting = Server(publish_port=0, client_port=0, workers=1)
        start = asyncio.create_task(starting.start())
        await asyncio.sleep(0)
        await asyncio.gather(starting.close(), starting.close())
        with pytest.raises(StartError):
            await start
        await starting.wait_closed()
        with pytest.raises(RuntimeError):
            await starting.start()

    asyncio.run(asyncio.wait_for(program(), 30))
    assert processes_with(str(runtime_dir)) == {}


def test_a_hook_may_close_the_server() -> None:
    async def program() -> None:
        closed = asyncio.Event()

        async def stop(mount: object) -> None:
            await server.close()
            closed.set()

        server = Server(
            publish_port=0, client_port=0, workers=1, stop_timeout_s=1, hooks=SimpleNamespace(mount_close=stop)
        )
        await server.start()
        await asyncio.to_thread(publish_and_leave, server)
        await asyncio.wait_for(server.wait_closed(), 15)
        await asyncio.wait_for(closed.wait(), 5)

    asyncio.run(program())


def publish_and_leave(server: Server) -> None:
    with Publisher(f"{server.publish_url}/leaving").start() as publisher:
        publisher.send(1)
        publisher.teardown()
