"""Programs that die or hang: what the others' streams notice of it, and what comes back."""

import os
import signal
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from tests.support.processes import alive
from tests.support.publisher import Publisher
from tests.support.reader import Reader, receive_all
from tests.support.router import RouterProcess, StartRouter
from tests.support.rtsp import RtspConnection
from tests.support.waiting import eventually


def worker_of(router: RouterProcess, path: str) -> dict[str, Any]:
    """Find the worker that has a mount."""
    status = router.status()
    (index,) = [each["worker"] for each in status["mounts"] if each["path"] == path]
    worker: dict[str, Any] = status["workers"][index]
    return worker


def lockstep(publisher: Publisher, readers: list[Reader], packets: int = 10) -> None:
    """Send, and wait until all readers have it."""
    publisher.send(packets)
    receive_all(readers, lambda: all(len(r.tracks[0].packets) == publisher.tracks[0].counter for r in readers))
    for reader in readers:
        reader.check(publisher)


def wait_replaced(router: RouterProcess, old: dict[str, Any], publisher: Publisher, readers: list[Reader]) -> None:
    """Keep another mount's media going until a worker is replaced; it must lose nothing meanwhile."""

    def replaced() -> bool:
        lockstep(publisher, readers)
        worker = router.status()["workers"][old["index"]]
        return bool(worker["state"] == "ready" and worker["pid"] != old["pid"])

    eventually(replaced, "another worker in its place", 20)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
def test_a_worker_that_dies_hurts_its_own_mounts_only(
    start_router: StartRouter, path: str, how: signal.Signals
) -> None:
    router = start_router(settings={"heartbeat_interval_s": 0.2, "heartbeat_timeout_s": 1.5})
    with (
        Publisher(router.publish(f"{path}-a"), transport="udp").start() as lasting,
        Publisher(router.publish(f"{path}-b"), transport="tcp").start() as lost_tcp,
        Reader(router.read(f"{path}-a"), transport="udp").start() as over_udp,
        Reader(router.read(f"{path}-a"), transport="tcp").start() as over_tcp,
        Reader(router.read(f"{path}-b"), transport="udp").start() as lost_over_udp,
        Reader(router.read(f"{path}-b"), transport="tcp").start() as lost_over_tcp,
    ):
        survivors = [over_udp, over_tcp]
        lockstep(lasting, survivors)
        lockstep(lost_tcp, [lost_over_udp, lost_over_tcp])
        victim = worker_of(router, f"{path}-b")
        assert victim["pid"] != worker_of(router, f"{path}-a")["pid"]
        os.kill(victim["pid"], how)
        wait_replaced(router, victim, lasting, survivors)
        assert not alive(victim["pid"])
        for connection in (lost_tcp.connection, lost_over_udp.connection, lost_over_tcp.connection):
            connection.wait_closed()
        assert router.mount(f"{path}-b") is None
        # The path is free, and the new worker is as good as the old one, ports included.
        placed = set()
        with ExitStack() as stack:
            for name in "bcdefg":
                again = stack.enter_context(Publisher(router.publish(f"{path}-{name}")).start())
                reader = stack.enter_context(Reader(router.read(f"{path}-{name}")).start())
                lockstep(again, [reader])
                placed.add(worker_of(router, f"{path}-{name}")["index"])
        assert victim["index"] in placed
        lockstep(lasting, survivors)


def test_a_tcp_publisher_is_told_that_its_worker_died(start_router: StartRouter, path: str) -> None:
    router = start_router(workers=1)
    with (
        Publisher(router.publish(path), transport="tcp").start() as publisher,
        Reader(router.read(path)).start() as reader,
    ):
        lockstep(publisher, [reader])
        os.kill(worker_of(router, path)["pid"], signal.SIGKILL)
        publisher.connection.wait_closed()
        reader.wait_ended()
        eventually(lambda: router.status()["front"]["sessions"] == 0, "no session left")
        eventually(lambda: router.status()["workers"][0]["state"] == "ready", "another worker", 20)
        with (
            Publisher(router.publish(path), transport="tcp").start() as again,
            Reader(router.read(path), transport="tcp").start() as new_reader,
        ):
            lockstep(again, [new_reader])


def test_a_worker_that_dies_between_setup_and_play(start_router: StartRouter, path: str) -> None:
    router = start_router(workers=1)
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)) as reader:
        reader.describe()
        reader.set_up(0)
        os.kill(worker_of(router, path)["pid"], signal.SIGKILL)

        def play() -> bool:
            """Play, unless the worker has died with the connection in its hands."""
            with suppress(ConnectionError):
                return reader.connection.request("PLAY", reader.url).status == 200
            reader.connection.closed = True
            return True

        eventually(play, "the next worker", 20)
        if not reader.connection.closed:
            publisher.send()
            reader.receive(1)
        router.wait_until(lambda status: status["workers"][0]["ports_used"] == 2, "the mount on the next worker", 20)


def test_a_worker_that_keeps_dying_is_started_again_every_time(start_router: StartRouter, path: str) -> None:
    router = start_router()
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path)).start() as reader,
    ):
        lockstep(publisher, [reader])
        other = 1 - worker_of(router, path)["index"]
        for _ in range(3):
            victim = router.status()["workers"][other]
            os.kill(victim["pid"], signal.SIGKILL)
            wait_replaced(router, victim, publisher, [reader])


def test_a_front_that_dies_comes_back_and_serves(start_router: StartRouter, path: str) -> None:
    router = start_router(one_port=True)
    front = router.status()["front"]["pid"]
    workers = {worker["pid"] for worker in router.status()["workers"]}
    with RtspConnection(router.client_url) as connection:
        connection.expect(200, "OPTIONS", router.client_url)
        os.kill(front, signal.SIGKILL)
        connection.wait_closed()

    def back() -> bool:
        status = router.status()
        return status["front"]["pid"] != front and [each["state"] for each in status["workers"]] == ["ready"] * 2

    eventually(back, "another front with its workers", 20)
    router.note_processes()
    assert router.status()["front"]["pid"] != front
    assert not alive(front)
    for name in ("a", "b"):
        with (
            Publisher(router.publish(f"{path}-{name}")).start() as publisher,
            Reader(router.read(f"{path}-{name}"), transport="tcp").start() as reader,
        ):
            lockstep(publisher, [reader])
    assert workers  # whether they were kept or replaced is theirs to decide; that all end with the router is not


def test_a_front_that_dies_twice_comes_back_twice(start_router: StartRouter, path: str) -> None:
    router = start_router(one_port=True, workers=1)  # a port of the ephemeral range could be taken meanwhile
    for _ in range(2):
        front = router.status()["front"]["pid"]
        os.kill(front, signal.SIGKILL)
        eventually(
            lambda front=front: (
                (status := router.status())["front"]["pid"] != front  # type: ignore[misc]  # bound now
                and status["workers"][0]["state"] == "ready"
            ),
            "another front",
            20,
        )
        with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
            lockstep(publisher, [reader])


def test_a_router_stops_in_order_while_a_program_of_it_hangs(start_router: StartRouter, path: str) -> None:
    """A stopped worker can't be asked to end; it is killed, and the rest leaves nothing behind either."""
    router = start_router(settings={"stop_timeout_s": 1, "heartbeat_timeout_s": 60})
    with Publisher(router.publish(path)).start():
        os.kill(worker_of(router, path)["pid"], signal.SIGSTOP)
        router.stop()
