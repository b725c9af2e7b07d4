"""Mounts move between workers while media flows: nobody who publishes or reads notices anything."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from router.admin import client
from tests.conftest import Figure
from tests.support.clip import Clip
from tests.support.media import publish, read_ffmpeg
from tests.support.programs import Status, run_program
from tests.support.publisher import Publisher
from tests.support.reader import Reader, receive_all
from tests.support.router import RouterProcess, StartRouter
from tests.support.rtsp import RtspConnection
from tests.support.swarm import Report, Swarm
from tests.support.waiting import eventually
from workers.contract.endpoints import Endpoints


def operate(router: RouterProcess, *arguments: str, code: int = 0, timeout_s: float = 90.0) -> str:
    """Run one of the operator's commands to its end; give what it says."""
    done = run_program(*arguments, "--runtime-dir", str(router.runtime_dir), timeout_s=timeout_s)
    assert done.returncode == code, f"{arguments}: {done.returncode} {done.stdout} {done.stderr}\n{router.log_tail()}"
    return done.stdout if code == 0 else done.stderr


def order(router: RouterProcess, verb: str, *arguments: str) -> str:
    """Give an order as such a command does, without starting a program."""
    return client.command(Endpoints(router.runtime_dir), verb, *arguments, silence_s=5)


def worker_of(router: RouterProcess, path: str) -> int:
    """Find the worker that has a mount."""
    mount = router.mount(path)
    assert mount is not None
    assert mount["worker"] is not None, "its worker has died"
    index: int = mount["worker"]
    return index


def move_over(router: RouterProcess, path: str) -> str:
    """Move a mount to the other of two workers."""
    return order(router, "move", path, str(1 - worker_of(router, path)))


def assert_unchanged(before: Report, after: Report) -> None:
    """Assert that all sessions and ports are those that they were."""
    for was, now in ((before.readers, after.readers), (before.publishers, after.publishers)):
        assert [(each.session, each.server_port) for each in now] == [(each.session, each.server_port) for each in was]


def pids(status: Status) -> list[int]:
    """List the workers' processes."""
    return [each["pid"] for each in status["workers"]]


def send_and_check(publisher: Publisher, readers: list[Reader]) -> None:
    """Send a few packets, and wait until all readers have got everything since they joined."""
    publisher.send(5)
    last = [track.sent[-1] for track in publisher.tracks]

    def arrived() -> bool:
        return all(track.packets[-1:] == [last[index]] for each in readers for index, track in each.tracks.items())

    receive_all(readers, arrived)
    for reader in readers:
        reader.check(publisher)


def no_ports_used(status: Status) -> bool:
    """Tell whether all ports are back."""
    return not any(each["ports_used"] for each in status["workers"])


def test_mounts_of_100_readers_move_to_and_fro(start_router: StartRouter, figure: Figure) -> None:
    router = start_router(settings={"rebalance": "off"})
    with Swarm(router, mounts=2, readers=100, packets_per_s=100) as swarm:
        before = swarm.report()
        for path in (f"{swarm.path}0", f"{swarm.path}1"):
            gaps = []
            for _ in range(2):
                target = 1 - worker_of(router, path)
                swarm.mark()
                said = order(router, "move", path, str(target))
                assert said.startswith("moved 1 mount in"), said
                assert worker_of(router, path) == target
                gaps.append(swarm.report())
            over = "TCP" if before.publishers[int(path[-1])].transport == "tcp" else "UDP"
            figure(f"published over {over}: longest gap ms (50 ms between frames)", [each.gap_ms for each in gaps])
            figure(f"published over {over}: the swarm itself late by ms", [each.late_ms for each in gaps])
        swarm.settle().assert_whole()
        assert_unchanged(before, swarm.report())
        swarm.stop().assert_whole()
    pauses = [line.rpartition("paused_ms=")[2] for line in router.log.splitlines() if "mount moved" in line]
    figure("100 readers: from the first command to the last answer ms", pauses)
    router.wait_until(no_ports_used, "all ports back")


def test_a_drained_worker_is_replaced_and_nobody_notices(start_router: StartRouter) -> None:
    router = start_router(settings={"rebalance": "off"})
    with Swarm(router, mounts=10, readers=4, packets_per_s=100) as swarm:
        before, sessions = router.status(), swarm.report()
        said = operate(router, "drain", "0")
        carried = sum(each["worker"] == 0 for each in before["mounts"])
        assert f"worker 0: {carried} of {carried} mounts moved" in said
        after = router.status()
        assert pids(after)[0] != pids(before)[0]
        assert pids(after)[1] == pids(before)[1]
        assert {each["worker"] for each in after["mounts"]} == {1}
        assert after["workers"][0]["ports_used"] == 2 * carried, "they are lent"  # each mount has one track
        swarm.settle().assert_whole()
        assert_unchanged(sessions, swarm.report())
        swarm.stop().assert_whole()
    router.wait_until(no_ports_used, "all ports back")


def test_a_rolling_restart_at_20000_packets_a_second(start_router: StartRouter, figure: Figure) -> None:
    router = start_router(settings={"rebalance": "off"})
    with Swarm(router, mounts=50, readers=4, packets_per_s=100) as swarm:
        before, sessions = router.status(), swarm.report()
        swarm.mark()
        operate(router, "restart", "workers", "--rolling", timeout_s=120)
        after, restarted = router.status(), swarm.report()
        figure("rolling restart, 100 moves: longest gap ms (50 ms between frames)", restarted.gap_ms)
        figure("rolling restart, 100 moves: the swarm itself late by ms", restarted.late_ms)
        assert not set(pids(before)) & set(pids(after))
        report = swarm.settle()
        report.assert_whole()
        assert report.dropped_by_swarm == 0
        assert_unchanged(sessions, report)
        swarm.stop().assert_whole()
    router.wait_until(no_ports_used, "all ports back")


def test_an_upgrade_replaces_every_program_and_nobody_notices(start_router: StartRouter, figure: Figure) -> None:
    router = start_router(one_port=True)
    assert router.process is not None
    with Swarm(router, mounts=10, readers=4, packets_per_s=100) as swarm:
        before, sessions = router.status(), swarm.report()
        swarm.mark()
        said = operate(router, "upgrade", timeout_s=120)
        figure("upgrade: longest gap ms (50 ms between frames)", swarm.gap_ms)
        after = router.status()
        assert f"launcher {router.process.pid} is the installed code now" in said
        assert f"front {after['front']['pid']} has taken over" in said
        assert after["front"]["pid"] != before["front"]["pid"]
        assert not set(pids(before)) & set(pids(after))
        swarm.settle().assert_whole()
        assert_unchanged(sessions, swarm.report())
        swarm.stop().assert_whole()
    router.note_processes()


def test_load_that_is_uneven_evens_out_and_stays_so(start_router: StartRouter) -> None:
    """Four mounts of equal load, all on one worker: two of them move, and none goes back."""
    eager = {"rebalance_threshold": 10, "rebalance_hold_s": 2, "rebalance_rest_s": 3600}
    router = start_router(settings=eager)
    with Swarm(router, mounts=4, readers=6, packets_per_s=1000, burst=10, publish=("udp",)) as swarm:
        for index in range(4):
            if worker_of(router, f"{swarm.path}{index}") != 0:
                order(router, "move", f"{swarm.path}{index}", "0")

        def two_each(status: Status) -> bool:
            return sorted(mount["worker"] for mount in status["mounts"]) == [0, 0, 1, 1]

        router.wait_until(two_each, "two mounts on each worker", 60)
        swarm.settle().assert_whole()
        swarm.stop().assert_whole()
    moves = [line for line in router.log.splitlines() if "mount moved" in line and "reason=ordered" not in line]
    assert len(moves) == 2, moves
    assert all("worker 0 is loaded" in line for line in moves), moves


# -- who comes, goes and asks meanwhile -------------------------------------------------------------------------------


@contextmanager
def moving_on(router: RouterProcess, path: str) -> Iterator[Callable[[], int]]:
    """Move a mount to and fro for as long as the block lasts; gives a function that counts the moves."""
    done, moves, failures = threading.Event(), [], list[Exception]()

    def work() -> None:
        while not done.is_set():
            try:
                moves.append(move_over(router, path))
            except (client.NoFrontError, client.CommandRefused, AssertionError) as error:
                failures.append(error)  # the mount is gone, or the front, as some tests want
                time.sleep(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield lambda: len(moves)
    finally:
        done.set()
        thread.join()
    assert moves, failures


def test_readers_come_and_go_while_a_mount_moves(start_router: StartRouter, path: str) -> None:
    router = start_router(settings={"rebalance": "off"})
    with Publisher(router.publish(path), tracks=2).start() as publisher, moving_on(router, path) as moves:
        for by in ("udp", "tcp", "tcp", "udp") * 3:
            with ExitStack() as stack:
                readers = [stack.enter_context(Reader(router.read(path), transport=by).start()) for _ in range(3)]
                send_and_check(publisher, readers)
                readers[0].pause()
                readers[0].play()
                send_and_check(publisher, readers)
                readers[1].teardown()
        assert moves() > 5
        mount = router.mount(path)
        assert mount is not None
    router.wait_until(lambda status: not status["front"]["sessions"] and no_ports_used(status), "the end of all")


@pytest.mark.parametrize("how", ["teardown", "vanish"])
def test_a_mount_that_ends_while_it_moves_is_gone_everywhere(start_router: StartRouter, path: str, how: str) -> None:
    router = start_router(settings={"rebalance": "off"})

    def end_once(by: str, after_moves: int) -> None:
        with (
            Publisher(router.publish(path), transport="tcp" if how == "vanish" else by).start() as publisher,
            Reader(router.read(path), transport=by).start() as reader,
            moving_on(router, path) as moves,
        ):
            send_and_check(publisher, [reader])
            eventually(lambda: moves() > after_moves, "moves")
            if how == "teardown":
                publisher.teardown()
            else:
                publisher.connection.reset()
            reader.connection.wait_closed()

    for round_ in range(4):
        end_once(("udp", "tcp")[round_ % 2], 1 + round_)
        router.wait_until(lambda status: not status["mounts"] and not status["front"]["sessions"], "no mount")
    status = router.wait_until(no_ports_used, "all ports back")
    assert [each["mounts"] for each in status["workers"]] == [0, 0]


def test_sessions_that_share_a_connection_move_together(start_router: StartRouter, path: str) -> None:
    router = start_router(settings={"rebalance": "off"})
    with ExitStack() as stack:
        mounts = [f"{path}-a", f"{path}-b"]
        publishers = [stack.enter_context(Publisher(router.publish(each)).start()) for each in mounts]
        for each in mounts:
            order(router, "move", each, "0")
        connection = stack.enter_context(RtspConnection(router.client_url))
        readers = []
        for number, each in enumerate(mounts):
            connection.session = None
            reader = Reader(router.read(each), transport="tcp", connection=connection)
            reader.describe()
            channels = f"RTP/AVP/TCP;unicast;interleaved={2 * number}-{2 * number + 1}"
            reader.set_up(0, channels)
            reader.play()
            readers.append(reader)
        said = order(router, "move", mounts[0], "1")
        assert said.startswith("moved 2 mounts that share connections"), said
        assert {worker_of(router, each) for each in mounts} == {1}
        for publisher in publishers:
            publisher.send(5)
        tracks = {track.channels[0]: track for reader in readers for track in reader.tracks.values()}

        def all_there() -> bool:
            connection.pump()
            while connection.frames:
                channel, payload = connection.frames.popleft()
                if channel in tracks:
                    tracks[channel].packets.append(payload)
            return all(len(each.packets) == 5 for each in tracks.values())

        eventually(all_there, "the packets of both mounts")
        for reader, publisher in zip(readers, publishers, strict=True):
            reader.check(publisher)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_real_player_shows_every_picture(start_router: StartRouter, path: str, clip: Clip, transport: str) -> None:
    router = start_router(settings={"rebalance": "off"})
    with publish("ffmpeg", clip, router.publish(path), transport):
        router.wait_until(lambda status: [each["state"] for each in status["mounts"]] == ["live"], "a live mount")
        with moving_on(router, path) as moves:
            frames = read_ffmpeg(router.read(path), transport, video=60, audio=40)
            assert moves() > 3
        clip.check(frames, video=60, audio=40)


# -- what goes wrong --------------------------------------------------------------------------------------------------


def test_wrong_orders_say_what_is_wrong(start_router: StartRouter, path: str) -> None:
    router = start_router(workers=1)
    with Publisher(router.publish(path)).start():
        for wrong, said in (
            (("move", "/nowhere", "0"), "there is no mount /nowhere"),
            (("move", path, "7"), "there is no worker 7 now"),
            (("move", path), "move takes"),
            (("drain", "x"), "there is no worker x now"),
            (("restart-workers",), "there is no other worker that could take them"),
            (("dance",), "does not know 'dance'"),
        ):
            with pytest.raises(client.CommandRefused, match=said):
                order(router, *wrong)
        assert order(router, "move", path, "0") == f"{path} is on worker 0 already"
        assert "there is no other worker that could take them" in operate(router, "drain", "0", code=1)
        before = router.status()["front"]["pid"]
        assert "Nothing has changed" in operate(router, "upgrade", code=1)
        assert router.status()["front"]["pid"] == before
        assert router.status()["workers"][0]["state"] == "ready"
    assert "say --rolling" in operate(router, "restart", "workers", code=2)
    router.stop()
    assert "no router runs in" in operate(router, "upgrade", code=1)


@pytest.mark.parametrize("side", ["target", "source"])
def test_a_worker_that_hangs_leaves_a_mount_where_it_is(start_router: StartRouter, path: str, side: str) -> None:
    patient = {"heartbeat_timeout_s": 60, "command_timeout_s": 1, "rebalance": "off"}
    router = start_router(settings=patient)
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path), transport="udp").start() as over_udp,
        Reader(router.read(path), transport="tcp").start() as over_tcp,
    ):
        readers = [over_udp, over_tcp]
        status, at = router.status(), worker_of(router, path)
        hung = pids(status)[1 - at if side == "target" else at]
        os.kill(hung, signal.SIGSTOP)
        try:
            error = operate(router, "move", path, "--to", str(1 - at), code=1)
            assert f"{path} stays on worker {at}" in error
            if side == "target":
                send_and_check(publisher, readers)
        finally:
            os.kill(hung, signal.SIGCONT)
        send_and_check(publisher, readers)
        assert worker_of(router, path) == at
        order(router, "move", path, str(1 - at))  # what could not be done then can be done now
        send_and_check(publisher, readers)


@pytest.mark.parametrize("side", ["target", "source"])
def test_a_worker_that_dies_during_moves_leaves_nothing_half_done(
    start_router: StartRouter, path: str, side: str
) -> None:
    """Whenever it dies: the mount ends with it, or goes on at the other one; nothing of it is left over."""
    router = start_router(settings={"rebalance": "off"})

    def die_once(after_moves: int) -> None:
        with (
            Publisher(router.publish(path), transport="tcp").start() as publisher,
            Reader(router.read(path), transport="tcp").start() as reader,
            moving_on(router, path) as moves,
        ):
            eventually(lambda: moves() > after_moves, "moves")
            at = eventually(lambda: (worker_of(router, path),), "a worker")[0]
            dead = pids(router.status())[at if side == "source" else 1 - at]
            os.kill(dead, signal.SIGKILL)

            def both_there(status: Status) -> bool:
                return dead not in pids(status) and all(each["state"] == "ready" for each in status["workers"])

            router.wait_until(both_there, "both workers", 30)
            if router.mount(path) is not None:
                send_and_check(publisher, [reader])
            else:
                publisher.connection.wait_closed()
                reader.connection.wait_closed()

    for round_ in range(3):
        die_once(round_)
        router.wait_until(lambda status: not status["mounts"] and not status["front"]["sessions"], "no mount")
    router.note_processes()
    router.wait_until(no_ports_used, "all ports back")


def kill_front_between_moves(router: RouterProcess, moves: Callable[[], int]) -> None:
    """Kill the front once it has made a move or two, and wait until the next one knows the mount."""
    front, before = router.status()["front"]["pid"], moves()
    eventually(lambda: moves() > before + 1, "moves", 30)
    os.kill(front, signal.SIGKILL)

    def back(status: Status) -> bool:
        ready = all(each["state"] == "ready" for each in status["workers"])
        return ready and status["front"]["pid"] != front and len(status["mounts"]) == 1

    router.wait_until(back, "the next front with the mount", 30)


def test_a_front_that_dies_during_moves_leaves_the_mount_on_one_worker(start_router: StartRouter) -> None:
    router = start_router(one_port=True, settings={"rebalance": "off"})
    with Swarm(router, mounts=1, readers=8, packets_per_s=200) as swarm:
        sessions = swarm.report()
        with moving_on(router, f"{swarm.path}0") as moves:
            for _ in range(2):
                kill_front_between_moves(router, moves)
        swarm.settle().assert_whole()
        assert_unchanged(sessions, swarm.report())

        def counts(status: Status) -> tuple[int, int]:
            return sum(each["mounts"] for each in status["workers"]), sum(each["readers"] for each in status["workers"])

        router.wait_until(lambda status: counts(status) == (1, 8), "one mount with eight readers in the heartbeats")
        swarm.stop().assert_whole()
    router.note_processes()
    router.wait_until(lambda status: not status["mounts"] and no_ports_used(status), "all ports back")
