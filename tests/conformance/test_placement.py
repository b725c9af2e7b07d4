"""Mounts spread over workers, and many at once lose nothing."""

from contextlib import ExitStack

from tests.support.publisher import Publisher
from tests.support.reader import Reader, receive_all
from tests.support.router import StartRouter
from tests.support.waiting import Deadline

MOUNTS, READERS_EACH = 50, 2
ROUNDS, PACKETS_A_ROUND = 40, 5


def test_two_mounts_land_on_two_workers(start_router: StartRouter, path: str) -> None:
    router = start_router()
    with (
        Publisher(router.publish(f"{path}-a")).start() as first,
        Publisher(router.publish(f"{path}-b")).start() as second,
        Reader(router.read(f"{path}-a")).start() as of_first,
        Reader(router.read(f"{path}-b")).start() as of_second,
    ):
        first.send(10)
        second.send(10)
        of_first.receive(10)
        of_second.receive(10)
        of_first.check(first)
        of_second.check(second)
        status = router.wait_until(
            lambda status: all(worker["packets_out"] == 10 for worker in status["workers"]), "both workers' heartbeats"
        )
        assert {mount["worker"] for mount in status["mounts"]} == {0, 1}
        assert [(worker["mounts"], worker["readers"]) for worker in status["workers"]] == [(1, 1), (1, 1)]
        assert [worker["packets_in"] for worker in status["workers"]] == [10, 10]
        ports = [mount["tracks"][0]["rtp_port"] for mount in status["mounts"]]
        share = router.ports.media_count // 4 * 2  # even, of two workers
        assert {(port - router.ports.media_start) // share for port in ports} == {0, 1}


def test_equal_load_alternates(start_router: StartRouter, path: str) -> None:
    router = start_router(workers=3)
    with ExitStack() as stack:
        for index in range(9):
            stack.enter_context(Publisher(router.publish(f"{path}-{index}"))).start()
        assert sorted(mount["worker"] for mount in router.status()["mounts"]) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_a_new_mount_goes_where_less_is_to_do(start_router: StartRouter, path: str) -> None:
    """One worker carries packets to many readers; the mounts that follow go to the other one."""
    router = start_router()
    with ExitStack() as stack:
        busy = stack.enter_context(Publisher(router.publish(f"{path}-busy"))).start()
        readers = [stack.enter_context(Reader(router.read(f"{path}-busy"))).start() for _ in range(20)]
        mount = router.mount(f"{path}-busy")
        assert mount is not None
        index = mount["worker"]
        measured = Deadline(2.5)  # a few heartbeats' worth of load
        while not measured.passed:
            busy.send(20, size=1200)
            receive_all(readers, lambda: all(len(r.tracks[0].packets) == busy.tracks[0].counter for r in readers))
        placed = []
        for number in range(3):
            stack.enter_context(Publisher(router.publish(f"{path}-{number}"))).start()
            new = router.mount(f"{path}-{number}")
            assert new is not None
            placed.append(new["worker"])
        assert placed == [1 - index] * 3


def test_fifty_mounts_with_two_readers_each_lose_nothing(start_router: StartRouter, path: str) -> None:
    router = start_router()
    with ExitStack() as stack:
        publishers = [stack.enter_context(Publisher(router.publish(f"{path}-{i}"))).start() for i in range(MOUNTS)]
        pairs = [
            (publisher, stack.enter_context(Reader(router.read(publisher.mount))).start())
            for publisher in publishers
            for _ in range(READERS_EACH)
        ]
        readers = [reader for _, reader in pairs]
        for number in range(ROUNDS):
            for publisher in publishers:
                publisher.send(PACKETS_A_ROUND, size=1200)
            # At most a few rounds on their way: what is tested is the router, not the size of this host's buffers.
            wanted = max(0, number - 3) * PACKETS_A_ROUND
            receive_all(readers, lambda wanted=wanted: all(len(r.tracks[0].packets) >= wanted for r in readers), 30)  # type: ignore[misc]  # the default binds the loop's value
        receive_all(readers, lambda: all(len(r.tracks[0].packets) == ROUNDS * PACKETS_A_ROUND for r in readers), 30)
        for publisher, reader in pairs:
            assert reader.tracks[0].packets == publisher.tracks[0].sent
        status = router.wait_until(
            lambda status: (
                sum(worker["packets_out"] for worker in status["workers"])
                == MOUNTS * READERS_EACH * ROUNDS * PACKETS_A_ROUND
            ),
            "the counters of both workers",
        )
        assert min(worker["mounts"] for worker in status["workers"]) >= MOUNTS // 4
        assert not any(count for worker in status["workers"] for count in worker["drops"].values())
