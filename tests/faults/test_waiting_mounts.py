"""A mount that waits for its publisher, or has had several, goes on through deaths and moves as one stream."""

import os
import signal

import pytest

from tests.faults.test_front_death import kill_front, wait_back, without_front
from tests.faults.test_moving import operate, worker_of
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import RouterProcess, StartRouter
from tests.support.rtp import parse_rtp
from tests.support.waiting import eventually

PACKETS = 20


@pytest.fixture
def router(start_router: StartRouter) -> RouterProcess:
    """A router that waits for publishers."""
    return start_router(workers=1, settings={"reconnect_grace_s": 20, "stale_after_s": 1})


def wait_until_it_waits(router: RouterProcess, path: str) -> None:
    router.wait_until(
        lambda status: [each["state"] for each in status["mounts"] if each["path"] == path] == ["waiting"],
        f"{path} waits",
        20,
    )


def kill_worker(router: RouterProcess) -> None:
    """Kill the only worker, and wait for the next one with its mount."""
    dead = router.status()["workers"][0]["pid"]
    os.kill(dead, signal.SIGKILL)
    router.wait_until(
        lambda status: status["workers"][0]["pid"] not in (dead, None) and status["workers"][0]["ports_used"],
        "another worker",
    )
    router.note_processes()


def send_until_heard(publisher: Publisher, reader: Reader) -> None:
    """Send until the reader gets packets again."""
    before = len(reader.tracks[0].packets)

    def heard() -> bool:
        publisher.send()
        reader.pump()
        return len(reader.tracks[0].packets) > before + 3

    eventually(heard, "media")


def check_second(router: RouterProcess, path: str, first: Publisher, readers: list[Reader]) -> None:
    """Another publisher goes on with the mount, and its readers see one stream."""
    with Publisher(router.publish(path)).start() as second:
        second.send(PACKETS)
        for reader in readers:
            reader.receive(2 * PACKETS)
            seen = [parse_rtp(packet) for packet in reader.tracks[0].packets]
            assert {packet.ssrc for packet in seen} == {first.tracks[0].ssrc}
            start = first.tracks[0].first_sequence
            assert [packet.sequence for packet in seen] == [(start + n) & 0xFFFF for n in range(2 * PACKETS)]
            reader.connection.expect(200, "GET_PARAMETER", reader.url)
        second.teardown()
    for reader in readers:
        reader.wait_ended()


def test_the_next_front_waits_on(router: RouterProcess, path: str) -> None:
    with (
        Publisher(router.publish(path), transport="tcp").start() as first,
        Reader(router.read(path)).start() as over_udp,
        Reader(router.read(path), transport="tcp").start() as over_tcp,
    ):
        first.send(PACKETS)
        for reader in (over_udp, over_tcp):
            reader.receive(PACKETS)
        first.close()
        wait_until_it_waits(router, path)
        wait_back(router, kill_front(router))
        wait_until_it_waits(router, path)
        check_second(router, path, first, [over_udp, over_tcp])


def test_a_mount_that_has_lost_its_worker_while_it_waited_is_known_to_the_next_front(
    router: RouterProcess, path: str
) -> None:
    """Its new worker has never had a publisher of it."""
    with (
        Publisher(router.publish(path), transport="tcp").start() as first,
        Reader(router.read(path)).start() as reader,
    ):
        first.send(PACKETS)
        reader.receive(PACKETS)
        first.close()
        wait_until_it_waits(router, path)
        for _ in range(2):
            kill_worker(router)
            wait_until_it_waits(router, path)
            wait_back(router, kill_front(router))
            wait_until_it_waits(router, path)
        check_second(router, path, first, [reader])


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_publisher_that_vanishes_while_there_is_no_front_is_waited_for(
    router: RouterProcess, path: str, transport: str
) -> None:
    with (
        Publisher(router.publish(path), transport=transport).start() as first,
        Reader(router.read(path)).start() as over_udp,
        Reader(router.read(path), transport="tcp").start() as over_tcp,
    ):
        first.send(PACKETS)
        for reader in (over_udp, over_tcp):
            reader.receive(PACKETS)
        with without_front(router):
            first.close()
        wait_until_it_waits(router, path)
        check_second(router, path, first, [over_udp, over_tcp])


def test_a_mount_moves_while_it_waits_and_with_its_next_publisher(start_router: StartRouter, path: str) -> None:
    router = start_router(workers=2, settings={"reconnect_grace_s": 20, "stale_after_s": 1})
    with (
        Publisher(router.publish(path), transport="tcp").start() as first,
        Reader(router.read(path)).start() as over_udp,
        Reader(router.read(path), transport="tcp").start() as over_tcp,
    ):
        readers = [over_udp, over_tcp]
        first.send(PACKETS)
        for reader in readers:
            reader.receive(PACKETS)
        first.close()
        wait_until_it_waits(router, path)
        operate(router, "move", path, "--to", str(1 - worker_of(router, path)))
        wait_until_it_waits(router, path)
        with Publisher(router.publish(path)).start() as second:
            for turn in range(3):
                second.send(PACKETS)
                for reader in readers:
                    reader.receive((turn + 2) * PACKETS)
                if turn < 2:
                    operate(router, "move", path, "--to", str(1 - worker_of(router, path)))
        start, ssrc = first.tracks[0].first_sequence, first.tracks[0].ssrc
        for reader in readers:
            seen = [parse_rtp(packet) for packet in reader.tracks[0].packets]
            assert [(packet.sequence, packet.ssrc) for packet in seen] == [
                ((start + n) & 0xFFFF, ssrc) for n in range(4 * PACKETS)
            ]
            assert [packet.payload for packet in seen] == [
                parse_rtp(packet).payload for each in (first, second) for packet in each.tracks[0].sent
            ]


@pytest.mark.parametrize("when", ["while it waits", "with its next publisher"])
def test_a_stream_of_two_publishers_survives_its_worker(start_router: StartRouter, path: str, when: str) -> None:
    router = start_router(workers=1, settings={"reconnect_grace_s": 20, "stale_after_s": 1})
    with (
        Publisher(router.publish(path), transport="tcp").start() as first,
        Reader(router.read(path)).start() as reader,
    ):
        first.send(PACKETS)
        reader.receive(PACKETS)
        first.close()
        wait_until_it_waits(router, path)
        seen = reader.tracks[0].packets
        if when == "while it waits":
            kill_worker(router)
            wait_until_it_waits(router, path)
        with Publisher(router.publish(path)).start() as second:
            second.send(PACKETS)
            reader.receive(2 * PACKETS)
            if when != "while it waits":
                router.wait_until(lambda status: status["mounts"][0]["state"] == "live", "word of the second publisher")
                kill_worker(router)
                send_until_heard(second, reader)
            numbers = [parse_rtp(packet) for packet in seen]
            assert {packet.ssrc for packet in numbers} == {first.tracks[0].ssrc}
            sent = [parse_rtp(packet).payload for packet in second.tracks[0].sent]
            start = first.tracks[0].first_sequence + PACKETS
            for packet in numbers[PACKETS:]:
                assert packet.sequence == (start + sent.index(packet.payload)) & 0xFFFF
