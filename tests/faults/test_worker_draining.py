"""A worker that is told to end asks to be drained first, serves on meanwhile, and does not wait for ever."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.faults.test_worker_fanout import rtp
from tests.support.fake_front import FakeFront, one_worker, udp
from workers.contract.commands import CloseMount, OpenMount
from workers.contract.events import DrainWanted, Heartbeat
from workers.contract.parts import Refusal
from workers.contract.replies import Done, Refused

LONG_S = 3600.0
"""Nothing here waits for so long: it would be seen."""


def told_to_end(front: FakeFront) -> "subprocess.Popen[bytes]":
    """Tell the worker to end."""
    assert front.process is not None
    front.process.send_signal(signal.SIGTERM)
    return front.process


def test_it_ends_once_nothing_is_left_and_serves_until_then(tmp_path: Path) -> None:
    with one_worker(tmp_path, drain_timeout_s=LONG_S) as front:
        (port,) = front.open_mount("/cam")
        publisher, reader = front.pair(), front.pair()
        connections = [front.record("/cam", udp(0, publisher))]
        process = told_to_end(front)
        assert front.await_event(DrainWanted).within_s == LONG_S
        refused = front.ask(OpenMount("/new", 1, ()))
        assert isinstance(refused, Refused)
        assert refused.cause is Refusal.DRAINING
        while not front.await_event(Heartbeat).draining:
            pass
        # What is here goes on, for those who come as well.
        connections.append(front.play("/cam", "r", udp(0, reader))[0])
        publisher[0].sendto(rtp(1), ("127.0.0.1", port))
        reader[0].settimeout(10)
        assert reader[0].recv(2000) == rtp(1)
        assert process.poll() is None
        assert front.ask(CloseMount("/cam", 1)) == Done()
        assert process.poll() is None
        for each in connections:
            each.close()
        assert process.wait(10) == 0


def test_it_ends_when_the_time_is_over(tmp_path: Path) -> None:
    with one_worker(tmp_path, drain_timeout_s=0.3) as front:
        front.open_mount("/cam")
        assert told_to_end(front).wait(10) == 0


def test_it_ends_when_told_twice(tmp_path: Path) -> None:
    with one_worker(tmp_path, drain_timeout_s=LONG_S) as front:
        front.open_mount("/cam")
        told_to_end(front)
        front.await_event(DrainWanted)
        assert told_to_end(front).wait(10) == 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_without_a_front_nobody_could_take_anything(tmp_path: Path, when: str) -> None:
    with one_worker(tmp_path, drain_timeout_s=LONG_S, orphan_timeout_s=LONG_S) as front:
        front.open_mount("/cam")
        if when == "after":
            told_to_end(front)
            front.await_event(DrainWanted)
            front.die()
            assert front.process is not None
            assert front.process.wait(10) == 0
        else:
            front.die()
            assert told_to_end(front).wait(10) == 0


def test_one_that_carries_nothing_ends_at_once(tmp_path: Path) -> None:
    with one_worker(tmp_path, drain_timeout_s=LONG_S) as front:
        assert told_to_end(front).wait(10) == 0
