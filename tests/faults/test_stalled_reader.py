"""A reader over TCP that stops reading: bounded, closed in time, and nobody else's business."""

import time

import psutil
import pytest

from tests.support.publisher import Publisher
from tests.support.reader import Reader, receive_all
from tests.support.router import RouterProcess, StartRouter
from tests.support.rtp import parse_rtp, read_stamp
from tests.support.rtsp import RtspConnection
from tests.support.sdp import build_sdp
from tests.support.waiting import Deadline, eventually

WRITE_TIMEOUT_S = 2.0
QUEUE_BYTES = 200_000
PACKET_BYTES = 1400
PACKETS_A_ROUND = 60
ASKING_S = 3.0
MOST_GROWTH_BYTES = 30_000_000
LONG_LINE = b"a=x-filler:" + b"y" * 1000 + b"\r\n"
LONG_LINES = 60
"""Together a description that is worth asking for: nearly what the body of an ANNOUNCE may have."""


@pytest.fixture
def strict(start_router: StartRouter) -> RouterProcess:
    """A router that soon loses its patience."""
    return start_router(workers=1, settings={"write_timeout_s": WRITE_TIMEOUT_S, "write_queue_bytes": QUEUE_BYTES})


def stalling_reader(url: str) -> Reader:
    """A reader whose own buffer is small, so that it is the router that must queue."""
    return Reader(url, transport="tcp", connection=RtspConnection(url, receive_buffer_bytes=4096)).start()


def dropped(router: RouterProcess) -> int:
    """Count what was dropped, for all causes."""
    return sum(router.status()["workers"][0]["drops"].values())


def test_a_stalled_reader_is_closed_and_others_see_nothing(strict: RouterProcess, path: str) -> None:
    with (
        Publisher(strict.publish(path), packet_bytes=PACKET_BYTES).start() as publisher,
        stalling_reader(strict.read(path)) as stalled,
        Reader(strict.read(path), transport="tcp").start() as over_tcp,
        Reader(strict.read(path), transport="udp").start() as over_udp,
    ):
        healthy = [over_tcp, over_udp]
        worker = psutil.Process(strict.status()["workers"][0]["pid"])
        session, started = stalled.connection.session, time.monotonic()
        memory_at_start = worker.memory_info().rss

        def ended() -> bool:
            publisher.send(PACKETS_A_ROUND)
            sent = publisher.tracks[0].counter
            receive_all(healthy, lambda: all(len(reader.tracks[0].packets) == sent for reader in healthy))
            return session not in {each["id"] for each in strict.status()["sessions"]}

        eventually(ended, "the end of the stalled reader", 8 * WRITE_TIMEOUT_S)
        assert time.monotonic() - started >= WRITE_TIMEOUT_S
        assert publisher.tracks[0].counter * PACKET_BYTES > 5 * QUEUE_BYTES, "too little was sent to prove a bound"
        assert worker.memory_info().rss - memory_at_start < 20 * QUEUE_BYTES
        for reader in healthy:
            reader.check(publisher)
        assert dropped(strict) > 0
        assert any("write" in line and session in line for line in strict.log.splitlines() if session is not None) or (
            "write_timeout" in strict.log or "stopped reading" in strict.log or "slow" in strict.log
        ), strict.log_tail()
        stalled.wait_ended()


def test_a_reader_that_wakes_in_time_finds_whole_frames(strict: RouterProcess, path: str) -> None:
    """Of a format without random-access points, as far as the router knows."""
    sdp = build_sdp(["streamid=0"]).replace(b"H264/", b"SYNTHETIC/")
    with (
        Publisher(strict.publish(path), packet_bytes=PACKET_BYTES, sdp=sdp).start() as publisher,
        stalling_reader(strict.read(path)) as sleepy,
        Reader(strict.read(path)).start() as healthy,
    ):

        def dropping() -> bool:
            publisher.send(PACKETS_A_ROUND)
            healthy.receive(publisher.tracks[0].counter)
            return dropped(strict) > 0

        eventually(dropping, "the first drops", WRITE_TIMEOUT_S, interval_s=0)
        sleepy.pump()
        # From here on it reads as fast as it can, until what is sent now arrives.
        eventually(
            lambda: catch_up(publisher, sleepy, healthy), "the newest packets", 5 * WRITE_TIMEOUT_S, interval_s=0
        )
        stamps = [read_stamp(parse_rtp(packet).payload) for packet in sleepy.tracks[0].packets]
        counters = [stamp.counter for stamp in stamps]
        assert counters == sorted(set(counters)), "packets came twice or out of order"
        assert len(counters) < publisher.tracks[0].counter, "nothing is missing, so nothing was dropped for it"
        assert set(sleepy.tracks[0].packets) <= set(publisher.tracks[0].sent)
        sleepy.connection.expect(200, "GET_PARAMETER", sleepy.url)


def catch_up(publisher: Publisher, sleepy: Reader, healthy: Reader) -> bool:
    """Send a little and read a lot; true once the newest packet has come."""
    publisher.send(1)
    healthy.receive(publisher.tracks[0].counter)
    for _ in range(20):
        sleepy.pump()
    return publisher.tracks[0].sent[-1] in sleepy.tracks[0].packets


def test_a_reader_that_stalls_with_requests_open_is_no_harm(strict: RouterProcess, path: str) -> None:
    """Responses go through the same full connection as media."""
    with (
        Publisher(strict.publish(path), packet_bytes=PACKET_BYTES).start() as publisher,
        stalling_reader(strict.read(path)) as stalled,
        Reader(strict.read(path)).start() as healthy,
    ):
        session = stalled.connection.session

        def ended() -> bool:
            try:
                stalled.connection.send(stalled.connection.build("OPTIONS", stalled.url) * 20)
            except OSError:
                return True
            publisher.send(PACKETS_A_ROUND)
            healthy.receive(publisher.tracks[0].counter)
            return session not in {each["id"] for each in strict.status()["sessions"]}

        stalled.connection.socket.settimeout(0.05)
        eventually(ended, "the end of the stalled reader", 8 * WRITE_TIMEOUT_S)
        healthy.check(publisher)


def test_a_reader_that_asks_on_and_hardly_reads_is_bounded(start_router: StartRouter, path: str) -> None:
    """Reading a trickle, it is never stalled for long; what it asks for is never dropped, so it must not be asked."""
    router = start_router(workers=1)
    sdp = build_sdp(["streamid=0"]) + LONG_LINE * LONG_LINES
    with (
        Publisher(router.publish(path), packet_bytes=PACKET_BYTES, sdp=sdp).start() as publisher,
        stalling_reader(router.read(path)) as greedy,
        Reader(router.read(path), transport="tcp").start() as over_tcp,
        Reader(router.read(path), transport="udp").start() as over_udp,
    ):
        healthy = [over_tcp, over_udp]
        for reader in healthy:
            reader.connection.expect(200, "GET_PARAMETER", reader.url)
        worker = psutil.Process(router.status()["workers"][0]["pid"])
        memory_at_start = worker.memory_info().rss
        asked = described(router)
        few_seconds = Deadline(ASKING_S)
        while not few_seconds.passed:
            if described(router) == asked:  # all answered: on with it, yet never more at once than a router must take
                greedy.connection.send(b"".join(greedy.connection.build("DESCRIBE", greedy.url) for _ in range(30)))
                asked += 30
            greedy.connection.socket.recv(256)
            publisher.send(1)
            for reader in healthy:
                reader.receive(publisher.tracks[0].counter)
        assert worker.memory_info().rss - memory_at_start < MOST_GROWTH_BYTES
        assert described(router) < asked, "it was read on though it does not read"
        for reader in healthy:
            reader.check(publisher)
        assert greedy.connection.session in {each["id"] for each in router.status()["sessions"]}


def described(router: RouterProcess) -> int:
    """Count the DESCRIBEs that were served."""
    count: int = router.status()["front"]["requests"].get("DESCRIBE", {}).get("200", 0)
    return count


def test_a_stalled_reader_does_not_hold_up_the_end(start_router: StartRouter, path: str) -> None:
    """What is queued for it gets a moment to leave, no more."""
    router = start_router(workers=1)
    with (
        Publisher(router.publish(path), packet_bytes=PACKET_BYTES).start() as publisher,
        stalling_reader(router.read(path)),
        Reader(router.read(path)).start() as healthy,
    ):
        for _ in range(40):
            publisher.send(PACKETS_A_ROUND)
            healthy.receive(publisher.tracks[0].counter)
        router.stop()
        assert "killed what did not end in time" not in router.log, "the worker waited for who reads nothing"


def test_a_reader_that_is_too_slow_is_closed_at_once_where_that_is_the_policy(
    start_router: StartRouter, path: str
) -> None:
    settings = {"write_queue_bytes": QUEUE_BYTES, "slow_reader_policy": "close"}
    router = start_router(workers=1, settings=settings)
    with (
        Publisher(router.publish(path), packet_bytes=PACKET_BYTES).start() as publisher,
        stalling_reader(router.read(path)) as stalled,
        Reader(router.read(path), transport="tcp").start() as healthy,
    ):
        session = stalled.connection.session
        assert session is not None

        def ended() -> bool:
            publisher.send(PACKETS_A_ROUND)
            healthy.receive(publisher.tracks[0].counter)
            return session not in {each["id"] for each in router.status()["sessions"]}

        eventually(ended, "the end of the stalled reader", WRITE_TIMEOUT_S, interval_s=0)
        healthy.check(publisher)
        stalled.wait_ended()
        reasons = [line for line in router.log.splitlines() if "session closed" in line and session in line]
        assert len(reasons) == 1
        assert f"too slow: reader {session} of {path}: " in reasons[0]
