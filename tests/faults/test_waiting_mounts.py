"""A mount that waits for its publisher, and a front that dies: the next one waits on, and the stream goes on."""

import pytest

from tests.faults.test_front_death import kill_front, wait_back, without_front
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
