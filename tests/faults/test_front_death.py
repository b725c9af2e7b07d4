"""The front dies: no stream notices, nobody is refused, and the next front knows everything that was active."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest

from tests.conftest import Figure
from tests.faults.test_deaths import lockstep, worker_of
from tests.support.clip import Clip, Frames
from tests.support.invariants import Invariants
from tests.support.media import publish, read_ffmpeg
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import RouterProcess, StartRouter
from tests.support.rtsp import Credentials, RtspConnection
from tests.support.swarm import Swarm
from tests.support.waiting import eventually

HOOKS = """
import os

class Hooks:
    def __init__(self):
        self.path = os.path.join(os.path.dirname(__file__), "told")

    def tell(self, name, mount):
        with open(self.path, "a") as file:
            file.write(f"{name} {mount.path} {mount.session} {mount.user}\\n")

    def client_close(self, mount):
        self.tell("client_close", mount)

    def mount_open(self, mount):
        self.tell("mount_open", mount)

    def mount_close(self, mount):
        self.tell("mount_close", mount)

hooks = Hooks()
"""


SLOW_HOOKS = HOOKS.replace("        with open", "        time.sleep(SLOW_S)\n        with open").replace(
    "import os\n", "import os\nimport time\n\nSLOW_S = 1.0\n", 1
)
"""Hooks that are told of much only after the front's death."""

LASTING = {"handshake_timeout_s": 2, "session_timeout_s": 3, "stale_after_s": 1, "publish_timeout_s": 60}
"""What is forgotten ends soon, but not a publisher that is silent for a while."""


def front_pid(router: RouterProcess) -> int:
    """Say which process is the front."""
    pid: int = router.status()["front"]["pid"]
    return pid


def kill_front(router: RouterProcess) -> int:
    """SIGKILL the front; gives its pid."""
    pid = front_pid(router)
    os.kill(pid, signal.SIGKILL)
    return pid


def wait_back(router: RouterProcess, old: int) -> None:
    """Wait for another front with all workers."""

    def back() -> bool:
        status = router.status()
        states = {each["state"] for each in status["workers"]}
        return status["front"]["pid"] != old and states == {"ready"}

    eventually(back, "another front with its workers", 20)
    router.note_processes()


@contextmanager
def without_front(router: RouterProcess) -> Iterator[None]:
    """Kill the front, and let no other come before the end of the block; then wait for it."""
    assert router.process is not None
    old = front_pid(router)
    router.process.send_signal(signal.SIGSTOP)
    try:
        os.kill(old, signal.SIGKILL)
        yield
    finally:
        router.process.send_signal(signal.SIGCONT)
    wait_back(router, old)


def told(router: RouterProcess) -> list[str]:
    """Say what the hooks were told."""
    path = router.directory / "told"
    return path.read_text().splitlines() if path.exists() else []


def test_no_stream_notices_that_the_front_dies(start_router: StartRouter, figure: Figure) -> None:
    """50 mounts with 4 readers each, 20,000 packets a second; keep-alives on all sessions, and clients that come."""
    router = start_router()
    invariants = Invariants(router)
    with Swarm(router, mounts=50, readers=4) as swarm:
        invariants.check(swarm.report().sessions)
        swarm.mark()
        for round_ in range(2):
            began = time.monotonic()
            old = kill_front(router)
            with RtspConnection(router.client_url) as connection:  # refused nowhere: it waits in the backlog
                connection.expect(200, "OPTIONS", router.client_url)
            figure(f"served again after, ms, {round_}", round((time.monotonic() - began) * 1e3))
            swarm.read([round_], ["udp", "tcp"])
            figure(f"new readers on an old mount after, ms, {round_}", round((time.monotonic() - began) * 1e3))
            wait_back(router, old)
            report = swarm.settle()
            report.assert_whole()
            eventually(lambda: swarm.report().all_answered, "an answered request on every session", interval_s=0.2)
            invariants.check(report.sessions)
        report = swarm.stop()
        report.assert_whole()
        figure("longest gap, ms", report.gap_ms)
        figure("slowest answer, ms", max(each.answers.slowest_ms for each in report.readers))
    invariants.check(set())


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_old_sessions_go_on_as_if_nothing_had_happened(start_router: StartRouter, path: str, transport: str) -> None:
    users = {"auth": {"publish_users": {"paula": "p"}, "client_users": {"carl": "c"}}}
    router = start_router(workers=1, hooks=HOOKS, settings=users)
    with (
        Publisher(
            router.publish(path), transport=transport, credentials=Credentials("paula", "p"), tracks=2
        ).start() as publisher,
        Reader(router.read(path), transport=transport, credentials=Credentials("carl", "c")).start() as reader,
        Reader(router.read(path), transport=transport, credentials=Credentials("carl", "c")).start() as paused,
    ):
        lockstep(publisher, [reader, paused])
        paused.pause()
        described = reader.describe().body
        router.wait_until(lambda status: status["mounts"][0]["state"] == "live", "word of the first packet")
        before = {each["id"]: each for each in router.status()["sessions"]}
        mount = router.mount(path)
        old = kill_front(router)
        lockstep(publisher, [reader])
        reader.connection.expect(200, "GET_PARAMETER", reader.url)
        publisher.connection.expect(200, "GET_PARAMETER", publisher.url)
        wait_back(router, old)
        after = {each["id"]: each for each in router.status()["sessions"]}
        same = ("role", "state", "mount", "transport", "peer", "user", "since")
        assert {i: [each[k] for k in same[:-1]] for i, each in after.items()} == {
            i: [each[k] for k in same[:-1]] for i, each in before.items()
        }
        assert all(abs(after[i]["since"] - before[i]["since"]) < 0.01 for i in after)
        restored = router.mount(path)
        assert restored is not None
        assert mount is not None
        assert restored["state"] == mount["state"] == "live"
        assert [each["rtp_port"] for each in restored["tracks"]] == [each["rtp_port"] for each in mount["tracks"]]
        assert reader.describe().body == described
        reader.pause()
        reader.play()
        publisher.send(5)
        paused.play()
        with Reader(router.read(path), transport=transport, credentials=Credentials("carl", "c")).start() as new:
            publisher.send(5)
            for each in (reader, paused, new):
                eventually(lambda each=each: (each.pump(), len(each.tracks[0].packets) >= 5)[1], "media")  # type: ignore[misc]  # bound now
            new.check(publisher)
            reader.teardown()
            session = reader.connection.session
            eventually(lambda: f"client_close {path} {session} carl" in told(router), "the reader's end")
            publisher.teardown()
            session = publisher.connection.session
            eventually(lambda: f"mount_close {path} {session} paula" in told(router), "the mount's end")
        assert [each.split()[0] for each in told(router)].count("mount_open") == 1
        router.wait_until(
            lambda status: not status["sessions"] and status["workers"][0]["ports_used"] == 0, "nothing left"
        )


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_paused_publisher_is_paused_still(start_router: StartRouter, path: str, transport: str) -> None:
    router = start_router(workers=1, settings=LASTING)
    with Publisher(router.publish(path), transport=transport).start() as publisher:

        def state() -> object:
            return router.status()["sessions"][0]["state"]

        publisher.connection.expect(200, "PAUSE", publisher.url)
        assert state() == "announced"
        for _ in range(2):  # a front that was told of it tells the next one
            old = kill_front(router)
            wait_back(router, old)
            assert state() == "announced"
        publisher.record()
        old = kill_front(router)
        wait_back(router, old)
        assert state() == "recording"


def test_what_happens_while_there_is_no_front_is_told_to_the_next(start_router: StartRouter, path: str) -> None:
    router = start_router(workers=2, hooks=HOOKS, settings={"stale_after_s": 1})
    with ExitStack() as stack:
        publisher = stack.enter_context(Publisher(router.publish(path)).start())
        leaving = stack.enter_context(Publisher(router.publish(f"{path}-b"), transport="tcp").start())
        stays, ends, asks = (
            stack.enter_context(Reader(router.read(path), transport=each).start()) for each in ("tcp", "tcp", "udp")
        )
        over_udp = stack.enter_context(Reader(router.read(path)).start())
        lockstep(publisher, [stays, ends, asks, over_udp])
        with without_front(router):
            lockstep(publisher, [stays, ends, asks, over_udp])
            ends.close()
            over_udp.connection.reset()
            leaving.close()
            asks.connection.send(asks.connection.build("GET_PARAMETER", asks.url))
            stays.connection.send(stays.connection.build("TEARDOWN", stays.url))
            waiting = stack.enter_context(RtspConnection(router.client_url))
            waiting.send(waiting.build("OPTIONS", router.client_url))
            lockstep(publisher, [asks])
        assert asks.connection.reply().status == 200
        assert stays.connection.reply().status == 200
        assert waiting.reply().status == 200
        for reader in (stays, ends):
            line = f"client_close {path} {reader.connection.session} "
            eventually(lambda line=line: line in told(router), "the end of a session")  # type: ignore[misc]  # bound now
        eventually(lambda: router.mount(f"{path}-b") is None, "the end of the mount whose publisher left")
        line = f"mount_close {path}-b {leaving.connection.session} "
        eventually(lambda: line in told(router), "the end of a mount")
        left = {publisher.connection.session, asks.connection.session, over_udp.connection.session}
        router.wait_until(lambda status: {each["id"] for each in status["sessions"]} == left, "three sessions")
        lockstep(publisher, [asks])
        before = len(told(router))
        with without_front(router):
            pass
        assert {each["id"] for each in router.status()["sessions"]} == left
        assert len(told(router)) == before, "what was acknowledged is not told again"


def test_sessions_before_play_die_with_the_front_and_their_ports_come_back(
    start_router: StartRouter, path: str
) -> None:
    router = start_router(workers=1)
    invariants = Invariants(router)
    with (
        Publisher(router.publish(path)).start() as publisher,
        Publisher(router.publish(f"{path}-announced")) as announced,
        Reader(router.read(path)).start() as reader,
        Reader(router.read(path), transport="udp") as set_up,
    ):
        announced.announce()
        announced.set_up(0)
        set_up.describe()
        set_up.set_up(0)
        router.wait_until(lambda status: status["workers"][0]["ports_used"] == 4, "two mounts")
        old = kill_front(router)
        announced.connection.wait_closed()
        set_up.connection.wait_closed()
        wait_back(router, old)
        sessions = {str(publisher.connection.session), str(reader.connection.session)}
        status = invariants.check(sessions)
        assert status["workers"][0]["ports_used"] == 2
        lockstep(publisher, [reader])
        with Publisher(router.publish(f"{path}-announced")).start() as again:
            again.send(1)


def test_a_front_that_dies_in_the_middle_of_handshakes(start_router: StartRouter, figure: Figure) -> None:
    """Whatever was half done, every session is then known to both sides or to none, and no port is kept."""
    router = start_router(workers=2, one_port=True, settings=LASTING)
    invariants = Invariants(router)
    chance = random.Random(5)
    stop = threading.Event()
    done = {"publish": 0, "play": 0}

    def come_and_go(number: int) -> None:
        pause = random.Random(number)
        while not stop.is_set():
            path, way = f"/m{number}-{pause.randrange(1000)}", pause.choice(["udp", "tcp"])
            with suppress(AssertionError, OSError), ExitStack() as stack:
                publisher = stack.enter_context(Publisher(router.publish(path), transport=way).start())
                publisher.send(2)
                done["publish"] += 1
                reader = stack.enter_context(Reader(router.read(path), transport=pause.choice(["udp", "tcp"])).start())
                done["play"] += 1
                publisher.send(2)
                if pause.random() < 0.5:
                    reader.teardown()
                    publisher.teardown()

    threads = [threading.Thread(target=come_and_go, args=(number,)) for number in range(4)]
    with (
        Publisher(router.publish("/lasting")).start() as publisher,
        Reader(router.read("/lasting"), transport="tcp").start() as reader,
    ):
        for thread in threads:
            thread.start()
        try:
            for _ in range(4):
                before = dict(done)
                eventually(lambda before=before: done["play"] > before["play"] + 3, "sessions that come and go", 30)  # type: ignore[misc]  # bound now
                time.sleep(chance.random() * 0.05)  # anywhere in a handshake
                wait_back(router, kill_front(router))
                lockstep(publisher, [reader])
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        invariants.check({str(publisher.connection.session), str(reader.connection.session)}, timeout_s=30)
        lockstep(publisher, [reader])
    figure("handshakes begun meanwhile", done)


def test_a_front_and_a_worker_die_together(start_router: StartRouter, path: str) -> None:
    router = start_router(workers=2)
    invariants = Invariants(router)
    with (
        Publisher(router.publish(f"{path}-a")).start() as lasting,
        Publisher(router.publish(f"{path}-b")).start() as lost,
        Reader(router.read(f"{path}-a")).start() as over_udp,
        Reader(router.read(f"{path}-a"), transport="tcp").start() as over_tcp,
        Reader(router.read(f"{path}-b"), transport="tcp").start() as lost_reader,
    ):
        lockstep(lasting, [over_udp, over_tcp])
        lockstep(lost, [lost_reader])
        victim = worker_of(router, f"{path}-b")["pid"]
        assert victim != worker_of(router, f"{path}-a")["pid"]
        old = front_pid(router)
        os.kill(victim, signal.SIGKILL)
        os.kill(old, signal.SIGKILL)
        lost.connection.wait_closed()
        lost_reader.wait_ended()
        lockstep(lasting, [over_udp, over_tcp])
        wait_back(router, old)
        lockstep(lasting, [over_udp, over_tcp])
        invariants.check({str(each.connection.session) for each in (lasting, over_udp, over_tcp)})
        with (
            Publisher(router.publish(f"{path}-b")).start() as again,
            Reader(router.read(f"{path}-b")).start() as reader,
        ):
            lockstep(again, [reader])


@pytest.mark.parametrize("how", ["ready", "starting"])
def test_a_front_that_is_killed_again_and_again(start_router: StartRouter, path: str, how: str) -> None:
    """Also while it starts: the launcher goes on until one stays."""
    router = start_router(workers=1)
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        for _ in range(3):
            old = kill_front(router)
            if how == "starting":
                pid = eventually(lambda old=old: next_front(router, old), "the next front's process", 20)  # type: ignore[misc]  # bound now
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                old = pid
            wait_back(router, old)
            lockstep(publisher, [reader])
            reader.connection.expect(200, "GET_PARAMETER", reader.url)


def next_front(router: RouterProcess, old: int) -> int | None:
    """Find the process of the front that comes after another."""
    found = {pid for pid, command in router.note_processes().items() if " front " in f"{command} "}
    return next(iter(found - {old}), None)


def test_real_programs_go_on(start_router: StartRouter, path: str, clip: Clip) -> None:
    """ffmpeg publishes and reads, over UDP and TCP, and loses no picture when the front dies."""
    router = start_router(workers=2)
    found: dict[str, Any] = {}

    def read_some(transport: str) -> None:
        try:
            found[transport] = read_ffmpeg(router.read(path), transport, video=150)
        except BaseException as error:  # shown where it is looked for
            found[transport] = error

    with publish("ffmpeg", clip, router.publish(path), "udp"):
        router.wait_until(lambda status: any(each["state"] == "live" for each in status["mounts"]), "media", 20)
        threads = [threading.Thread(target=read_some, args=(each,)) for each in ("udp", "tcp")]
        for thread in threads:
            thread.start()
        router.wait_until(
            lambda status: sum(each["packets"] > 50 for each in status["sessions"]) == 3, "two readers that play", 30
        )
        wait_back(router, kill_front(router))
        for thread in threads:
            thread.join()
        for transport, frames in found.items():
            assert isinstance(frames, Frames), f"{transport}: {frames}"
            clip.check(frames, video=150)


def test_nobody_can_connect_once_a_router_has_stopped(start_router: StartRouter, path: str) -> None:
    """The workers' duplicates of the listening sockets are no more than that."""
    router = start_router(workers=1)
    with Publisher(router.publish(path)).start():
        wait_back(router, kill_front(router))
    router.stop()
    with pytest.raises(ConnectionRefusedError):
        RtspConnection(router.client_url)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_what_ended_right_before_the_fronts_death_is_told_by_the_next(
    start_router: StartRouter, path: str, transport: str
) -> None:
    """The worker has let go of the sessions by then, and the hooks had not been called to their end."""
    router = start_router(workers=1, hooks=SLOW_HOOKS)
    with (
        Publisher(router.publish(path), transport=transport).start() as publisher,
        Reader(router.read(path), transport=transport).start() as reader,
    ):
        lockstep(publisher, [reader])
        eventually(lambda: told(router) != [], "the mount's beginning")
        left, published = reader.connection.session, publisher.connection.session
        reader.teardown()
        publisher.teardown()
        assert len(told(router)) == 1
        old = kill_front(router)
        wait_back(router, old)
        eventually(lambda: f"client_close {path} {left} " in told(router), "the reader's end")
        eventually(lambda: f"mount_close {path} {published} " in told(router), "the mount's end")
        assert router.status()["mounts"] == []
        old = kill_front(router)
        before = told(router)
        wait_back(router, old)
        time.sleep(1.5)  # longer than a hook takes: what has been told is not told again
        assert told(router) == before
