"""Programs that stand still for a while: nobody is taken for dead who isn't, and who is, is given up wholly."""

import os
import signal
from collections import Counter
from contextlib import ExitStack, suppress

import pytest

from tests.support.processes import alive
from tests.support.publisher import Publisher
from tests.support.reader import Reader, receive_all
from tests.support.router import HURRIED, RouterProcess, StartRouter
from tests.support.rtp import build_receiver_report
from tests.support.rtsp import RtspConnection
from tests.support.waiting import Deadline, eventually

HEARTBEAT_TIMEOUT_S = 1.5
PATIENCE = {"heartbeat_interval_s": 0.2, "heartbeat_timeout_s": HEARTBEAT_TIMEOUT_S}
STANDSTILLS = 2
TICK_S = 0.25
"""How often the front looks at its workers' silence."""
PLAYERS = 400
"""More than the descriptors' socket holds descriptors for a worker that takes none: about 280."""


def lockstep(publisher: Publisher, readers: list[Reader]) -> None:
    """Send a packet, and wait until all readers have it."""
    publisher.send(1)
    sent = publisher.tracks[0].counter
    receive_all(readers, lambda: all(len(reader.tracks[0].packets) == sent for reader in readers))


def worker_pids(router: RouterProcess) -> list[int]:
    """Return the process ids of the workers."""
    return [worker["pid"] for worker in router.status()["workers"]]


def wait_ticks(router: RouterProcess) -> None:
    """Wait until the front must have looked at its workers' silence a few times more."""
    now = router.status()["front"]["uptime_s"]
    router.wait_until(lambda status: status["front"]["uptime_s"] > now + 3 * TICK_S, "a few looks")


def test_a_front_that_stood_still_takes_nobody_for_dead(start_router: StartRouter, path: str) -> None:
    """Suspended, or starved of its CPU, for longer than it would wait for a heartbeat."""
    router = start_router(settings=PATIENCE)
    front, workers = router.status()["front"]["pid"], worker_pids(router)
    with (
        Publisher(router.publish(path), transport="udp").start() as over_udp,
        Publisher(router.publish(f"{path}-2"), transport="tcp").start() as over_tcp,
        Reader(router.read(path), transport="tcp").start() as reader,
        Reader(router.read(f"{path}-2"), transport="udp").start() as other,
    ):
        wait_ticks(router)
        for _ in range(STANDSTILLS):
            os.kill(front, signal.SIGSTOP)
            too_long_for_a_heartbeat = Deadline(HEARTBEAT_TIMEOUT_S + 0.3)
            try:
                while not too_long_for_a_heartbeat.passed:
                    lockstep(over_udp, [reader])
                    lockstep(over_tcp, [other])
            finally:
                os.kill(front, signal.SIGCONT)
            wait_ticks(router)
            assert worker_pids(router) == workers
            reader.connection.expect(200, "GET_PARAMETER", reader.url)
            lockstep(over_udp, [reader])
            lockstep(over_tcp, [other])
        reader.check(over_udp)
        other.check(over_tcp)
    assert router.status()["front"]["pid"] == front
    assert "worker lost" not in router.log


def test_a_worker_that_hangs_while_many_play_is_given_up_wholly(start_router: StartRouter, path: str) -> None:
    """So many PLAYs that the way for descriptors is full, and requests wait for room that never comes."""
    router = start_router(workers=1, settings=PATIENCE)
    tasks = min(router.status()["front"]["tasks"] for _ in range(5))
    (hung,) = worker_pids(router)
    with ExitStack() as stack:
        stack.enter_context(Publisher(router.publish(path)).start())
        url = router.read(path)
        offer = {"Transport": "RTP/AVP;unicast;client_port=40000-40001"}
        players = [stack.enter_context(RtspConnection(url)) for _ in range(PLAYERS)]
        for player in players:
            player.expect(200, "SETUP", f"{url}/trackID=0", offer)
        os.kill(hung, signal.SIGSTOP)
        for player in players:
            player.send(player.build("PLAY", url))
        statuses: Counter[int] = Counter()
        for player in players:  # each hears of it, by an answer or by its connection's end
            with suppress(ConnectionError):
                statuses[player.reply().status] += 1
        assert set(statuses) <= {404, 454, 503}, statuses

    def replaced() -> bool:
        (worker,) = router.status()["workers"]
        return bool(worker["state"] == "ready" and worker["pid"] != hung)

    eventually(replaced, "another worker in its place", 20)
    assert not alive(hung)
    router.wait_until(
        lambda status: (
            status["front"]["connections"] == status["front"]["sessions"] == 0 and status["front"]["tasks"] <= tasks
        ),
        f"no more than {tasks} tasks, and nothing else",
    )
    for _ in range(3):
        with (
            Publisher(router.publish(path), transport="tcp").start() as publisher,
            Reader(router.read(path), transport="tcp").start() as reader,
        ):
            lockstep(publisher, [reader])
            with suppress(ConnectionError):
                publisher.teardown()


@pytest.mark.parametrize("heartbeat_timeout_s", [0.6, 1.5])
def test_a_front_that_stands_still_at_once(start_router: StartRouter, heartbeat_timeout_s: float) -> None:
    """Before its first look at its workers, and for less than a second where it waits for less."""
    router = start_router(settings={"heartbeat_interval_s": 0.2, "heartbeat_timeout_s": heartbeat_timeout_s})
    front, workers = router.status()["front"]["pid"], worker_pids(router)
    for _ in range(2):
        os.kill(front, signal.SIGSTOP)
        too_long = Deadline(heartbeat_timeout_s + 0.3)
        while not too_long.passed:
            signal.sigtimedwait([], too_long.left_s)
        os.kill(front, signal.SIGCONT)
        wait_ticks(router)
        assert worker_pids(router) == workers


def test_sessions_outlive_a_front_that_stands_still(start_router: StartRouter, path: str) -> None:
    """For longer than a session's life: their signs of life wait unread."""
    router = start_router(workers=1, settings=HURRIED)
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path)).start() as reporting,
        Reader(router.read(path)).start() as asking,
    ):
        track = reporting.tracks[0]
        assert track.rtcp is not None
        reporting.connection.reset()
        wait_ticks(router)
        front = router.status()["front"]["pid"]
        os.kill(front, signal.SIGSTOP)
        asked, longer = 0, Deadline(1.5 * HURRIED["session_timeout_s"])
        while not longer.passed:
            publisher.send(1)
            asking.receive(publisher.tracks[0].counter)
            track.rtcp.sendto(build_receiver_report(7), (reporting.server_host, track.server_ports[1]))
            if asked < 20 and longer.left_s < 1:
                asking.connection.send(asking.connection.build("GET_PARAMETER", asking.url))
                asked += 1
        os.kill(front, signal.SIGCONT)
        for _ in range(asked):
            assert asking.connection.reply().status == 200
        sessions = {each["id"] for each in router.status()["sessions"]}
        assert {reporting.connection.session, asking.connection.session} <= sessions
        publisher.send(1)
        reporting.receive(publisher.tracks[0].counter)
