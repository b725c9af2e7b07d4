"""What ends a worker from outside, in the tests' own process."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from workers.process.signals import ParentWatch, SignalWatch
from workers.runtime.loop import Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    before = [(each, signal.getsignal(each)) for each in (signal.SIGTERM, signal.SIGINT)]
    yield loop
    for number, handler in before:
        signal.signal(number, handler)
    loop.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_an_event_of_the_loop(loop: Loop, number: signal.Signals) -> None:
    told: list[bool] = []
    watch = SignalWatch(loop, lambda: told.append(True))
    signal.raise_signal(number)
    assert told == [], "a handler does nothing by itself"
    loop.turn()
    assert told == [True]
    watch.close()
    assert signal.set_wakeup_fd(-1) == -1


def test_many_signals_are_told_once_or_more_and_block_nobody(loop: Loop) -> None:
    told: list[bool] = []
    watch = SignalWatch(loop, lambda: told.append(True))
    for _ in range(1000):
        signal.raise_signal(signal.SIGTERM)
    loop.turn()
    assert told
    watch.close()


def test_the_end_of_the_parent_is_told_once(loop: Loop) -> None:
    told: list[bool] = []
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    ParentWatch(parent.pid, loop, lambda: told.append(True))
    parent.communicate()
    loop.turn()
    loop.call_at(0.0, lambda now: None)
    loop.turn()
    assert told == [True]


def test_a_parent_that_has_ended_already_is_told_too(loop: Loop) -> None:
    told: list[bool] = []
    parent = subprocess.Popen([sys.executable, "-c", ""])
    parent.wait()
    ParentWatch(parent.pid, loop, lambda: told.append(True))
    loop.call_at(0.0, lambda now: None)
    loop.turn()
    assert told == [True]
