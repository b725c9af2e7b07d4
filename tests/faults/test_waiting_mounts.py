"""A mount that waits for its publisher, or has had several, goes on through deaths and moves as one stream."""

import pytest

from tests.faults.test_front_death import kill_front, wait_back, without_front
from tests.faults.test_moving import operate, worker_of
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import RouterProcess, StartRouter
from tests.support.rtp import parse_rtp

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
