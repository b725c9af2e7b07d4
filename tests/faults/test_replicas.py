"""A mount larger than a worker: its readers are spread over its owner and replicas, and nobody can tell."""

import os
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from tests.faults.test_deaths import lockstep
from tests.faults.test_front_death import kill_front, wait_back, without_front
from tests.support.clip import Clip
from tests.support.invariants import Invariants
from tests.support.media import publish, read
from tests.support.publisher import Publisher
from tests.support.reader import Reader, receive_all
from tests.support.router import RouterProcess, StartRouter
from tests.support.rtp import parse_rtcp
from tests.support.waiting import eventually

SPREAD = {"replica_readers": 2, "rebalance": "off"}
PICTURE_LOSS = bytes.fromhex("81ce0002") + (1).to_bytes(4, "big") + (7).to_bytes(4, "big")


def replicas(router: RouterProcess, path: str) -> list[dict[str, Any]]:
    """Say which replicas a mount has."""
    mount = router.mount(path)
    assert mount is not None
    found: list[dict[str, Any]] = mount["replicas"]
    return found


def sessions(*clients: Publisher | Reader) -> set[str]:
    """Name the sessions that clients believe in."""
    return {each.connection.session for each in clients if each.connection.session is not None}


def wait_folded(router: RouterProcess, publisher: Publisher) -> None:
    """Publish on until the mount has no replica any more."""

    def folded() -> bool:
        publisher.send(1)
        return not replicas(router, publisher.mount)

    eventually(folded, "the replica's end", 20, 0.1)


def assert_one_stream(readers: Sequence[Reader]) -> None:
    """Assert that all are told the same ports and SSRC."""
    assert len({each.tracks[0].ssrc for each in readers}) == 1
    assert len({each.tracks[0].server_ports for each in readers if each.transport == "udp"}) == 1


def test_readers_are_spread_and_get_the_same(start_router: StartRouter, path: str) -> None:
    router = start_router(settings=SPREAD)
    invariants = Invariants(router)
    with Publisher(router.publish(path), tracks=2).start() as publisher, ExitStack() as stack:
        publisher.send(1)
        router.wait_until(lambda status: status["mounts"][0]["state"] == "live", "the first packet")
        readers: list[Reader] = []
        for transport in ("udp", "tcp", "udp", "tcp", "udp", "udp"):
            publisher.send(3)
            readers.append(stack.enter_context(Reader(router.read(path), transport=transport)).start())
            publisher.send(10)
            wanted = {each: each.tracks[0].packets for each in readers}
            receive_all(readers, lambda wanted=wanted: all(len(each) >= 10 for each in wanted.values()))  # type: ignore[misc]  # the default binds the loop's value
        (replica,) = replicas(router, path)
        mount = router.mount(path)
        assert mount is not None
        assert (mount["readers"], replica["readers"]) == (6, 3)  # both have more than they should: in turn
        assert replica["worker"] != mount["worker"]
        for each in readers:
            last = publisher.tracks[0].sent[-1]
            receive_all([each], lambda each=each, last=last: each.tracks[0].packets[-1] == last)  # type: ignore[misc]  # as above
            each.check(publisher)
        assert_one_stream(readers)
        invariants.check(sessions(publisher, *readers))
        for each in (readers[2], readers[3], readers[5]):
            each.teardown()
        wait_folded(router, publisher)
        with Reader(router.read(path)).start() as late:
            assert len(replicas(router, path)) == 1  # the owner has three
            publisher.send(5)
            late.receive(5)
            late.check(publisher)
        for each in readers:
            each.check(publisher)
    invariants.check(set(), 30)


def test_a_worker_that_is_busy_with_a_mount_gets_no_more_of_its_readers(start_router: StartRouter, path: str) -> None:
    router = start_router(settings={"replica_cpu_percent": 0.5, "rebalance": "off"})
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path)).start() as first,
        ExitStack() as stack,
    ):
        lockstep(publisher, [first])
        with Reader(router.read(path)).start():
            assert replicas(router, path) == []

        def replicated() -> bool:
            for _ in range(100):
                lockstep(publisher, [first])
            late = stack.enter_context(Reader(router.read(path)).start())
            publisher.send(3)
            late.receive(3)
            late.check(publisher)
            late.teardown()
            return bool(replicas(router, path))

        eventually(replicated, "a replica", 30)


def test_rtp_info_is_right_at_a_replica(start_router: StartRouter, path: str) -> None:
    router = start_router(settings={"replica_readers": 1})
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as first:
        lockstep(publisher, [first], 7)
        with Reader(router.read(path)) as second:
            second.describe()
            second.set_up(0)
            reply = second.play()
            assert f"seq={publisher.tracks[0].next_sequence};" in reply["RTP-Info"] + ";"
            lockstep(publisher, [first], 5)
            second.receive(5)
            assert second.tracks[0].packets == publisher.tracks[0].sent[-5:]
            assert len(replicas(router, path)) == 1


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_replica_s_reader_is_heard(start_router: StartRouter, path: str, transport: str) -> None:
    """It lives by its reports, and what it asks for reaches the publisher."""
    router = start_router(settings={"replica_readers": 1, "session_timeout_s": 2})
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path), transport="tcp").start() as first,
        Reader(router.read(path), transport=transport).start() as second,
    ):
        lockstep(publisher, [first])
        second.receive(10)
        assert [each["readers"] for each in replicas(router, path)] == [1]
        before = len(second.tracks[0].packets)
        publisher.received_rtcp(0)
        second.send_rtcp(0, PICTURE_LOSS)
        kinds: list[int] = []

        def asked() -> bool:
            kinds.extend(part.kind for packet in publisher.received_rtcp(0) for part in parse_rtcp(packet))
            return 206 in kinds

        eventually(asked, "a picture loss indication at the publisher")
        for _ in range(16):  # twice the session's time
            second.send_rtcp(0, PICTURE_LOSS)
            publisher.send(1)
            before += 1
            second.receive(before)
            time.sleep(0.25)  # it is time that ends sessions
        assert sessions(second) <= {each["id"] for each in router.status()["sessions"]}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "told to end"])
def test_a_replica_s_worker_ends(start_router: StartRouter, path: str, how: signal.Signals) -> None:
    router = start_router(settings=SPREAD)
    invariants = Invariants(router)
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path)).start() as first,
        Reader(router.read(path), transport="tcp").start() as second,
        Reader(router.read(path)).start() as over_udp,
        Reader(router.read(path), transport="tcp").start() as over_tcp,
    ):
        lockstep(publisher, [first, second, over_udp, over_tcp])
        status = router.status()
        (replica,) = replicas(router, path)
        victim = status["workers"][replica["worker"]]
        os.kill(victim["pid"], how)

        def replaced() -> bool:
            lockstep(publisher, [first, second])
            worker = router.status()["workers"][victim["index"]]
            return bool(worker["state"] == "ready" and worker["pid"] != victim["pid"])

        eventually(replaced, "another worker", 20)
        if how is signal.SIGKILL:
            over_tcp.wait_ended()
            assert replicas(router, path) == []
        else:  # it was drained: nobody notices
            receive_all([over_tcp], lambda: over_tcp.tracks[0].packets[-1] == publisher.tracks[0].sent[-1])
            over_tcp.check(publisher)
        over_udp.pump()
        over_udp.tracks[0].packets.clear()
        publisher.send(5)
        over_udp.receive(5)
        over_udp.check(publisher)
        over_udp.connection.expect(200, "GET_PARAMETER", over_udp.url)
        left = [first, second, over_udp] + ([] if how is signal.SIGKILL else [over_tcp])
        invariants.check(sessions(publisher, *left))


def test_the_owner_s_worker_dies(start_router: StartRouter, path: str) -> None:
    router = start_router(settings=SPREAD)
    invariants = Invariants(router)
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path)).start() as first,
        Reader(router.read(path), transport="tcp").start() as second,
        Reader(router.read(path)).start() as third,
        Reader(router.read(path), transport="tcp").start() as fourth,
    ):
        lockstep(publisher, [first, second, third, fourth])
        mount = router.mount(path)
        assert mount is not None
        os.kill(router.status()["workers"][mount["worker"]]["pid"], signal.SIGKILL)
        second.wait_ended()
        fourth.wait_ended()

        publisher.send(1)

        def goes_on() -> bool:
            for each in (first, third):
                each.pump()
            last = publisher.tracks[0].sent[-1]
            if all(each.tracks[0].packets[-1] == last for each in (first, third)):
                return True
            publisher.send(1)  # what was sent until now may have come to nobody, or be on its way
            return False

        eventually(goes_on, "packets at both UDP readers", 20)
        for each in (first, third):
            each.connection.expect(200, "GET_PARAMETER", each.url)
            assert each.tracks[0].packets == sorted(set(each.tracks[0].packets), key=publisher.tracks[0].sent.index)
        invariants.check(sessions(publisher, first, third))


def test_the_front_dies(start_router: StartRouter, path: str) -> None:
    router = start_router(settings=SPREAD)
    invariants = Invariants(router)
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path)).start() as first,
        Reader(router.read(path), transport="tcp").start() as second,
        Reader(router.read(path)).start() as third,
        Reader(router.read(path), transport="tcp").start() as fourth,
    ):
        readers = [first, second, third, fourth]
        lockstep(publisher, readers)
        before = replicas(router, path)
        old = kill_front(router)
        lockstep(publisher, readers)
        wait_back(router, old)
        lockstep(publisher, readers)
        assert replicas(router, path) == before
        for each in readers:
            each.connection.expect(200, "GET_PARAMETER", each.url)
        invariants.check(sessions(publisher, *readers))
        third.pause()
        third.play()
        lockstep(publisher, [first, second, fourth])
        third.receive(31)
        fourth.teardown()
        third.teardown()
        wait_folded(router, publisher)
        invariants.check(sessions(publisher, first, second))


@pytest.mark.parametrize("victim", ["owner", "replica"])
def test_the_front_and_a_worker_die(start_router: StartRouter, path: str, victim: str) -> None:
    """Of the owner nothing is left, and its replica ends; without its replica it goes on."""
    router = start_router(settings=SPREAD)
    invariants = Invariants(router)
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path)).start() as first,
        Reader(router.read(path), transport="tcp").start() as second,
        Reader(router.read(path)).start() as third,
        Reader(router.read(path), transport="tcp").start() as fourth,
    ):
        lockstep(publisher, [first, second, third, fourth])
        mount = router.mount(path)
        assert mount is not None
        index = mount["worker"] if victim == "owner" else mount["replicas"][0]["worker"]
        pid = router.status()["workers"][index]["pid"]
        with without_front(router):
            os.kill(pid, signal.SIGKILL)
        if victim == "replica":
            lockstep(publisher, [first, second])
            invariants.check(sessions(publisher, first, second))
        else:
            invariants.check(set())


def test_nobody_notices_that_workers_are_restarted(start_router: StartRouter, path: str) -> None:
    """Owner and replica are moved, one by one, both to a worker that has the other."""
    router = start_router(settings=SPREAD)
    invariants = Invariants(router)
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path)).start() as first,
        Reader(router.read(path), transport="tcp").start() as second,
        Reader(router.read(path)).start() as third,
        Reader(router.read(path), transport="tcp").start() as fourth,
    ):
        readers = [first, second, third, fourth]
        lockstep(publisher, readers)
        pids = [each["pid"] for each in router.status()["workers"]]
        for index in range(2):
            os.kill(pids[index], signal.SIGTERM)

            def replaced(index: int = index) -> bool:
                lockstep(publisher, readers)
                worker = router.status()["workers"][index]
                return bool(worker["state"] == "ready" and worker["pid"] != pids[index])

            eventually(replaced, "another worker", 20)
        lockstep(publisher, readers)
        invariants.check(sessions(publisher, *readers))


def test_real_players_read_a_replica(start_router: StartRouter, path: str, clip: Clip) -> None:
    router = start_router(settings={"replica_readers": 1})
    with publish("ffmpeg", clip, router.publish(path), "udp"):
        router.wait_until(lambda status: any(each["state"] == "live" for each in status["mounts"]), "media")
        with Reader(router.read(path)).start():  # the owner has its one reader
            for tool, transport in (("ffmpeg", "udp"), ("ffmpeg", "tcp"), ("gst", "udp")):
                clip.check(read(tool, router.read(path), transport, video=40), video=40)
            assert len(replicas(router, path)) == 1
