"""A worker dies: its UDP mounts go on elsewhere with the same ports, and clients notice a gap at most."""

import os
import signal
import socket
import threading
import time
from typing import Any

import pytest

from tests.conftest import Figure
from tests.faults.test_deaths import lockstep, worker_of
from tests.faults.test_front_death import HOOKS, kill_front, told, wait_back
from tests.support.clip import Clip, Frames
from tests.support.invariants import Invariants
from tests.support.media import publish, read_ffmpeg
from tests.support.ports import udp_socket
from tests.support.processes import alive
from tests.support.publisher import Publisher
from tests.support.reader import Reader, receive_all
from tests.support.router import RouterProcess, StartRouter
from tests.support.swarm import Swarm
from tests.support.waiting import eventually

QUICK = {"heartbeat_interval_s": 0.2, "heartbeat_timeout_s": 1.5, "stale_after_s": 1, "port_rest_s": 0.2}


def wait_for_media(publisher: Publisher, readers: list[Reader]) -> None:
    """Send until every reader has got a packet that was sent from now on; what is lost meanwhile is forgotten."""
    first = publisher.tracks[0].counter
    publisher.send()
    marks = {reader: len(reader.tracks[0].packets) for reader in readers}

    def heard() -> bool:
        publisher.send()
        for reader in readers:
            reader.pump()
        return all(
            any(packet in publisher.tracks[0].sent[first:] for packet in reader.tracks[0].packets[marks[reader] :])
            for reader in readers
        )

    eventually(heard, "media", 20)
    for reader in readers:
        for track in reader.tracks.values():
            track.packets.clear()


def check_flow(publisher: Publisher, readers: list[Reader]) -> None:
    """Wait for media, and then for ten packets without a gap."""
    wait_for_media(publisher, readers)
    publisher.send(10)
    receive_all(readers, lambda: all(len(each.tracks[0].packets) >= 10 for each in readers))
    for reader in readers:
        reader.check(publisher)


@pytest.mark.parametrize("front_too", [False, True], ids=["worker", "front-and-worker"])
def test_a_reader_behind_nat_is_found_again(start_router: StartRouter, path: str, front_too: bool) -> None:
    """It has said once where it is in fact, to the worker that died, and says it to nobody again."""
    router = start_router(workers=2, settings=QUICK)
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path), source_host="127.0.0.4", punches=False) as reader,
    ):
        reader.describe()
        reader.set_up(0)
        track = reader.tracks[0]
        assert track.rtp is not None
        said: socket.socket = track.rtp
        with said, udp_socket("127.0.0.4") as translated:
            track.rtp = translated
            translated.sendto(b"\x80\0" + bytes(10), (reader.server_host, track.server_ports[0]))
            reader.play()
            check_flow(publisher, [reader])
            if front_too:
                wait_back(router, kill_front(router))
            os.kill(worker_of(router, path)["pid"], signal.SIGKILL)
            check_flow(publisher, [reader])
            reader.connection.expect(200, "PAUSE", reader.url)
            reader.connection.expect(200, "PLAY", reader.url)  # names ports again, and changes none
            check_flow(publisher, [reader])
            with pytest.raises(BlockingIOError):
                said.recv(2048)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
@pytest.mark.parametrize("workers", [2, 1])
def test_what_came_and_went_over_udp_goes_on(
    start_router: StartRouter, path: str, workers: int, how: signal.Signals
) -> None:
    router = start_router(workers=workers, hooks=HOOKS, settings=QUICK)
    invariants = Invariants(router)
    with (
        Publisher(router.publish(path), tracks=2).start() as publisher,
        Reader(router.read(path)).start() as reader,
        Reader(router.read(path)).start() as paused,
        Reader(router.read(path)) as set_up,
        Reader(router.read(path), transport="tcp").start() as over_tcp,
    ):
        lockstep(publisher, [reader, paused, over_tcp])
        paused.pause()
        set_up.describe()
        set_up.set_up(0)
        set_up.set_up(1)
        victim = worker_of(router, path)
        ports = [each["rtp_port"] for each in (router.mount(path) or {})["tracks"]]
        os.kill(victim["pid"], how)
        over_tcp.wait_ended()
        check_flow(publisher, [reader])
        assert not alive(victim["pid"])
        assert [each["rtp_port"] for each in (router.mount(path) or {})["tracks"]] == ports
        reader.connection.expect(200, "GET_PARAMETER", reader.url)
        publisher.connection.expect(200, "GET_PARAMETER", publisher.url)
        paused.play()
        set_up.play()
        check_flow(publisher, [reader, paused, set_up])
        reader.pause()
        reader.play()
        check_flow(publisher, [reader, paused, set_up])
        known = {str(each.connection.session) for each in (publisher, reader, paused, set_up)}
        invariants.check(known)
        line = f"client_close {path} {over_tcp.connection.session} "
        eventually(lambda: line in told(router), "the end of the interleaved session")
        # Ports of another worker's slice outlive the front, too.
        wait_back(router, kill_front(router))
        check_flow(publisher, [reader, paused, set_up])
        invariants.check(known)
        reader.teardown()
        publisher.teardown()
    invariants.check(set())


def test_mounts_on_other_workers_lose_nothing(start_router: StartRouter, figure: Figure) -> None:
    router = start_router(workers=2)
    invariants = Invariants(router)
    with Swarm(router, mounts=20, readers=4, packets_per_s=100) as swarm:
        invariants.check(swarm.report().sessions)
        eventually(lambda: swarm.report().all_answered, "an answered request on every session", interval_s=0.2)
        status = router.status()
        places = {mount["path"]: mount["worker"] for mount in status["mounts"]}
        there = [number for number in range(20) if places[f"{swarm.path}{number}"] == 0]
        over_udp = [number for number in there if swarm.publish_by[number % 2] == "udp"]
        others = [number for number in range(20) if number not in there]
        swarm.mark()
        began = time.monotonic()
        os.kill(status["workers"][0]["pid"], signal.SIGKILL)
        report = swarm.settle(timeout_s=20)
        report.on(others).assert_whole()
        udp_readers = report.on(over_udp).only(lambda each: each.transport == "udp")
        assert udp_readers.readers
        assert not udp_readers.closed
        assert not udp_readers.waiting
        assert not udp_readers.damaged + udp_readers.reordered + udp_readers.duplicated
        figure("gap of a dead worker's UDP readers, ms", udp_readers.gap_ms)
        figure("gap of other readers, ms", report.on(others).gap_ms)
        figure("packets lost by each of them", udp_readers.lost / len(udp_readers.readers))
        ended = report.on(there).only(lambda each: each not in udp_readers.readers)
        assert {each.number for each in ended.closed} == {each.number for each in ended.readers}
        last = max(each.closed_at or 0 for each in ended.closed)
        figure("interleaved sessions closed after, ms", round((last - began) * 1e3))
        good = {each.number: each.answers.good for each in udp_readers.readers}
        eventually(
            lambda: all(each.answers.good > good.get(each.number, -1) for each in swarm.report().on(over_udp).readers),
            "another answered request on every session that goes on",
            interval_s=0.2,
        )
        invariants.check(swarm.report().sessions)
        swarm.stop()
    invariants.check(set())


def test_a_front_that_dies_while_mounts_wait_for_a_worker(start_router: StartRouter, path: str) -> None:
    """Nobody knows of them then: their sessions are gone, and their ports are free."""
    router = start_router(workers=1)
    invariants = Invariants(router)
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        lockstep(publisher, [reader])
        status = router.status()
        old = status["front"]["pid"]
        os.kill(status["workers"][0]["pid"], signal.SIGKILL)
        os.kill(old, signal.SIGKILL)
        publisher.connection.wait_closed()
        reader.wait_ended()
        wait_back(router, old)
        invariants.check(set())
    with Publisher(router.publish(path)).start() as again, Reader(router.read(path)).start() as reader:
        lockstep(again, [reader])


def test_a_mount_that_seems_to_kill_workers_is_closed(start_router: StartRouter, path: str) -> None:
    router = start_router(workers=2, settings=QUICK)
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path)).start() as reader,
    ):
        for _ in range(2):
            check_flow(publisher, [reader])
            os.kill(worker_of(router, path)["pid"], signal.SIGKILL)
        check_flow(publisher, [reader])
        os.kill(worker_of(router, path)["pid"], signal.SIGKILL)
        publisher.connection.wait_closed()
        reader.wait_ended()
        assert router.mount(path) is None
        assert "may be what kills them" in router.log


def test_a_worker_that_dies_again_and_again_is_given_up(start_router: StartRouter, path: str) -> None:
    router = start_router(workers=2, settings=QUICK)

    def state(index: int) -> dict[str, Any]:
        worker: dict[str, Any] = router.status()["workers"][index]
        return worker

    dead: set[int] = set()
    for _ in range(5):
        pid = eventually(lambda: next_pid(router, dead), "the next worker", 30)
        dead.add(pid)
        os.kill(pid, signal.SIGKILL)
    router.wait_until(lambda status: status["workers"][0]["state"] == "given up", "worker 0 given up", 20)
    eventually(lambda: next_pid(router, dead), "another worker all the same", 30)
    assert state(0)["state"] == "given up"
    for number in range(4):
        with Publisher(router.publish(f"{path}-{number}")).start():
            assert worker_of(router, f"{path}-{number}")["index"] == 1
    assert "worker given up" in router.log


def next_pid(router: RouterProcess, dead: set[int]) -> int | None:
    """Find worker 0's process, once there is another one that was taken on."""
    worker = router.status()["workers"][0]
    return worker["pid"] if worker["pid"] is not None and worker["pid"] not in dead else None


def test_real_programs_go_on(start_router: StartRouter, path: str, clip: Clip) -> None:
    """ffmpeg publishes and reads over UDP, and goes on decoding on the next worker."""
    router = start_router(workers=2)
    found: dict[str, Any] = {}

    def read_some() -> None:
        try:
            found["udp"] = read_ffmpeg(router.read(path), "udp", video=150)
        except BaseException as error:  # shown where it is looked for
            found["udp"] = error

    with publish("ffmpeg", clip, router.publish(path), "udp"):
        router.wait_until(lambda status: any(each["state"] == "live" for each in status["mounts"]), "media", 20)
        thread = threading.Thread(target=read_some)
        thread.start()
        router.wait_until(
            lambda status: sum(each["packets"] > 50 for each in status["sessions"]) == 2, "a reader that plays", 30
        )
        os.kill(worker_of(router, path)["pid"], signal.SIGKILL)
        thread.join()
        frames = found["udp"]
        assert isinstance(frames, Frames), frames
        assert len(frames.video) >= 150
        assert "publisher" in {each["role"] for each in router.status()["sessions"]}


def test_a_worker_that_is_told_to_end_takes_no_udp_stream_with_it(start_router: StartRouter, path: str) -> None:
    """It is the only one, so nobody can take its mounts before it ends: the next one does."""
    router = start_router(workers=1, settings={"stop_timeout_s": 2})
    invariants = Invariants(router)
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path)).start() as reader,
        Reader(router.read(path), transport="tcp").start() as over_tcp,
    ):
        lockstep(publisher, [reader, over_tcp])
        victim = worker_of(router, path)
        os.kill(victim["pid"], signal.SIGTERM)
        over_tcp.wait_ended(20)
        router.wait_until(
            lambda status: status["workers"][0]["pid"] not in (None, victim["pid"]), "the next worker", 20
        )
        check_flow(publisher, [reader])
        assert not reader.tracks[0].reports, "no BYE"
        reader.connection.expect(200, "GET_PARAMETER", reader.url)
        invariants.check({str(each.connection.session) for each in (publisher, reader)})


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_mount_that_waits_for_its_publisher_waits_on(start_router: StartRouter, path: str, transport: str) -> None:
    """Over TCP the publisher is lost with its worker: the mount waits, as for any that vanishes."""
    router = start_router(workers=2, settings={**QUICK, "reconnect_grace_s": 30})
    with (
        Publisher(router.publish(path), transport=transport).start() as first,
        Reader(router.read(path)).start() as reader,
    ):
        lockstep(first, [reader])
        victim = worker_of(router, path)
        if transport == "udp":
            first.close()
            router.wait_until(lambda status: status["mounts"][0]["state"] == "waiting", "a mount that waits")
        os.kill(victim["pid"], signal.SIGKILL)
        router.wait_until(
            lambda status: (
                victim["pid"] not in {each["pid"] for each in status["workers"]}
                and status["mounts"][0]["state"] == "waiting"
                and status["mounts"][0]["worker"] is not None
            ),
            "a mount that waits",
            20,
        )
        reader.tracks[0].packets.clear()
        reader.connection.expect(200, "GET_PARAMETER", reader.url)
        with Publisher(router.publish(path), transport=transport).start() as second:
            second.send(5)
            reader.receive(5)
            second.teardown()
        reader.wait_ended()
