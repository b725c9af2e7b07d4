"""The worker's end of a burst channel, over a socket pair: it waits for nobody."""

import contextlib
import socket
from collections.abc import Callable, Iterator

import pytest

from tests.support.worker_parts import FakeLoop, Parts, rtp
from workers.channel import ChannelBurst, Kind, decode, encode
from workers.contract.image import PipeImage
from workers.fanout.burst import single
from workers.runtime.counters import Drop
from workers.runtime.loop import READ, WRITE
from workers.runtime.pipe import MOST_READ_BYTES, Pipe


class DeferringLoop(FakeLoop):
    def __init__(self) -> None:
        super().__init__()
        self.deferred: list[Callable[[], None]] = []

    def defer(self, callback: Callable[[], None]) -> None:
        self.deferred.append(callback)


def message(track: int, size: int = 100) -> bytes:
    (encoded,) = encode(Kind.RTP, track, single(rtp(1) + bytes(size)).runs)
    return encoded


class Scene:
    def __init__(self, state: PipeImage) -> None:
        self.parts = Parts()
        self.loop = DeferringLoop()
        self.parts.resources.loop = self.loop  # type: ignore[assignment]  # as a Loop
        near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        near.setblocking(False)
        self.far.setblocking(False)
        self.bursts: list[ChannelBurst] = []
        self.ended: list[str] = []
        self.state = state
        self.pipe = Pipe(
            near, state, self.parts.resources, lambda burst, now: self.bursts.append(burst), self.ended.append
        )
        self.fd = near.fileno()

    def send(self, number: int) -> None:
        self.pipe.send(Kind.RTP, 0, single(rtp(number) + bytes(40_000)).runs, 1)

    def heard(self) -> list[ChannelBurst]:
        found = []
        while True:
            try:
                found.append(decode(self.far.recv(65_536)))
            except BlockingIOError:
                return found

    def close(self) -> None:
        self.pipe.close()
        self.far.close()


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene(PipeImage())
    made.pipe.resume(0.0)
    yield made
    made.close()


def test_bursts_come_and_garbage_is_counted(scene: Scene) -> None:
    scene.far.send(message(1))
    scene.far.send(b"\xffjunk")
    scene.far.send(message(2))
    scene.pipe.ready(READ, 0.0)
    assert [each.track for each in scene.bursts] == [1, 2]
    assert scene.parts.counters.drops[Drop.CONTROL_GARBAGE] == 1
    assert scene.ended == []


def test_what_finds_no_room_waits_and_what_is_too_much_is_dropped_and_told(scene: Scene) -> None:
    sent = 0
    while not scene.parts.counters.drops[Drop.CHANNEL_FULL]:
        scene.send(sent)
        sent += 1
    assert scene.loop.watched == {scene.fd: READ | WRITE}
    assert scene.state.missed == 1
    heard = scene.heard()
    while scene.loop.watched == {scene.fd: READ | WRITE}:
        scene.pipe.ready(WRITE, 0.0)
        heard += scene.heard()
    assert (len(heard), sum(each.missed for each in heard)) == (sent - 1, 0)
    scene.send(sent)
    (burst,) = scene.heard()
    assert burst.missed == 1
    assert scene.state.missed == 0


def test_its_other_ends_death_is_told_once_and_not_in_the_middle_of_a_fan_out(scene: Scene) -> None:
    scene.far.close()
    scene.send(1)
    scene.send(2)
    assert scene.ended == []
    for each in scene.loop.deferred:
        each()
    assert len(scene.ended) == 1
    assert scene.loop.watched == {}
    scene.pipe.close()
    assert len(scene.ended) == 1


def test_a_channel_that_is_closed_here_ends_without_a_word(scene: Scene) -> None:
    scene.pipe.close()
    assert (scene.ended, scene.loop.watched) == ([], {})
    assert scene.far.recv(1) == b""


def test_one_channel_can_not_have_the_whole_turn(scene: Scene) -> None:
    scene.far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * MOST_READ_BYTES)
    one, sent = message(0, 60_000), 0
    with contextlib.suppress(BlockingIOError):
        while True:
            scene.far.send(one)
            sent += 1
    scene.pipe.ready(READ, 0.0)
    assert len(scene.bursts) == min(sent, -(-MOST_READ_BYTES // len(one)))


def test_a_defect_ends_it_and_says_so(scene: Scene) -> None:
    scene.pipe.failed(KeyError("x"))
    assert scene.ended == ["internal error: KeyError"]


def test_what_waits_moves_to_the_next_worker() -> None:
    first = Scene(PipeImage())
    first.pipe.resume(0.0)
    while not first.state.queued:
        first.send(1)
    first.pipe.suspend()
    assert first.loop.watched == {}
    after = Scene(first.state)
    after.pipe.resume(0.0)
    assert after.loop.watched == {after.fd: READ | WRITE}
    after.pipe.ready(WRITE, 0.0)
    assert len(after.heard()) == 1
    after.pipe.stop_reading()
    assert after.loop.watched == {after.fd: 0}
    for each in (first, after):
        each.close()
