"""A mount goes on where it stopped: made around its state, it is the same."""

from collections.abc import Sequence
from typing import cast

from tests.support.worker_parts import FakeSocket, Parts, rtp, sockets
from workers.channel import Kind
from workers.contract.commands import Play, Record
from workers.contract.image import PACKER, Image, MountImage
from workers.contract.parts import TrackTransport, UdpTransport
from workers.mounts.owned import OwnedMount
from workers.runtime.counters import Drop
from workers.runtime.loop import READ


def udp(port: int, track: int = 0) -> TrackTransport:
    return TrackTransport(track, UdpTransport("10.0.0.1", port, port + 1))


class Scene:
    """A mount of two tracks at one worker."""

    def __init__(self, state: MountImage | None = None) -> None:
        self.parts = Parts()
        self.fakes, real = sockets(4)
        self.failures: list[Exception] = []
        begun = self.parts.mount_state(2) if state is None else state
        self.mount = OwnedMount(begun, real, self.parts.resources, lambda _, error: self.failures.append(error))
        if state is None:
            self.mount.resume(0.0)

    def record(self, session: str = "p", *, paused: bool = False) -> None:
        transports = (udp(6000), udp(6002, 1))
        self.mount.publishing.record(
            Record("/cam", 1, session, "c", None, transports, b"", b"mount", b"record", paused), None, 0.0
        )

    def play(self, session: str, transports: Sequence[TrackTransport]) -> None:
        command = Play("/cam", 1, session, "c", None, tuple(transports), b"", (), b"record")
        self.mount.readers.check(command.transports)
        self.mount.readers.arm(command, None, 0.0)
        self.mount.readers.open_gate(session, 0.0)

    def send(self, *numbers: int, now: float = 1.0) -> None:
        self.mount.tracks[0].stream.deliver_packets([rtp(each) for each in numbers], now)

    def got(self, port: int) -> int:
        return sum(sent_to == port for fake in self.fakes for _, sent_to in fake.sent)

    def move(self) -> "Scene":
        """Carry on at another worker, by bytes as they travel."""
        self.mount.suspend()
        assert self.parts.loop.watched == {}
        packed = PACKER.pack(Image((self.mount.pack(),), ()))
        (state,) = PACKER.unpack(packed).mounts
        after = Scene(cast("MountImage", state))
        after.mount.go_on({}, 2.0)
        assert after.parts.loop.watched == {}
        return after


def test_its_ports_are_read_from_the_first_publisher_on() -> None:
    scene = Scene()
    assert scene.parts.loop.watched == {}
    scene.record()
    assert scene.parts.loop.watched == dict.fromkeys([each.number for each in scene.fakes], READ)


def test_all_that_is_known_of_it_is_known_at_the_next_worker() -> None:
    scene = Scene()
    scene.record(paused=True)
    scene.play("r", [udp(7000), udp(7002, 1)])
    scene.play("paused", [udp(7004)])
    scene.mount.readers.pause("paused")
    scene.send(1)
    scene.send(4)
    scene.mount.sweep(1.0)
    before = scene.mount.describe(records=True)
    assert before.publisher_paused
    assert [each.packets_out for each in before.readers] == [2, 0]
    after = scene.move()
    assert after.mount.describe(records=True) == before
    after.mount.resume(2.0)
    assert after.parts.loop.watched == dict.fromkeys([each.number for each in after.fakes], READ)
    assert len(after.parts.loop.due) == 2, "the tracks' reports"
    after.send(5)
    assert (after.got(7000), after.got(7004)) == (1, 0)
    assert [each.packets_out for each in after.mount.describe().readers] == [3, 0]
    after.mount.sweep(2.0)
    assert after.parts.counters.drops[Drop.SEQUENCE_GAP] == 0, "the first worker has counted them"


def test_what_waits_for_room_moves_and_stays_in_order() -> None:
    scene = Scene()
    scene.record()
    scene.play("r", [udp(7000)])
    scene.fakes[Kind.RTP].has_room = False
    scene.send(1)
    after = scene.move()
    after.mount.resume(1.0)
    fake: FakeSocket = after.fakes[Kind.RTP]
    after.mount.sweep(1.1)
    after.send(2, now=1.1)
    assert [packet[3] for packet, _ in fake.sent] == [1, 2]


def test_counts_of_a_reader_never_fall() -> None:
    scene = Scene()
    scene.record()
    scene.play("r", [udp(7000)])

    def packets_out() -> int:
        return scene.mount.describe().readers[0].packets_out

    scene.send(1, now=1.0)
    scene.fakes[Kind.RTP].has_room = False
    scene.send(2, now=1.0)
    assert packets_out() == 2
    scene.mount.sweep(2.0)  # too late: it is dropped
    assert packets_out() == 2
    scene.fakes[Kind.RTP].has_room = True
    scene.play("r", [udp(7010)])  # another way
    assert packets_out() == 2
    scene.send(3, now=3.0)
    scene.send(4, now=3.0)
    assert packets_out() == 3


def test_losses_are_counted_of_mounts_that_are_closed_and_publishers_that_are_replaced() -> None:
    scene = Scene()
    scene.record()
    scene.send(1)
    scene.send(4)
    scene.record("another")
    scene.send(1)
    scene.mount.sweep(1.0)
    assert scene.parts.counters.drops[Drop.SEQUENCE_GAP] == 2
    assert scene.mount.describe().tracks[0].lost == 2
    scene.send(3)
    scene.mount.close(1.0)
    assert scene.parts.counters.drops[Drop.SEQUENCE_GAP] == 3
    assert all(each.closed for each in scene.fakes)
    assert scene.parts.loop.watched == {}
    assert scene.parts.loop.due == []
