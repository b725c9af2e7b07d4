"""The sending side of a UDP socket, with a kernel that refuses on command."""

import ctypes
import errno
import socket
from typing import Any, cast

import pytest

from workers.contract.image import DeliveryImage
from workers.fanout import send_udp
from workers.fanout.burst import PacketBurst, Run, packets_of
from workers.fanout.destinations import Arena, Destination
from workers.fanout.send_udp import PLAIN_READERS, RESUME_WITHIN_S, RETRY_SEGMENTS_AFTER_S, UdpFan
from workers.fanout.syscalls import HEADER_BYTES, IoVec, MMsgHdr, SegmentControl
from workers.runtime.counters import Counters, Drop
from workers.sockets.addresses import IPV4

BURST: Run = (b"a" * 1000 + b"b" * 1000 + b"c" * 10, 1000, 3)
SINGLE: Run = (b"single", 6, 1)


class Kernel:
    """Takes what a socket and sendmmsg are given, and keeps it by destination port."""

    def __init__(self) -> None:
        self.received: dict[int, list[bytes]] = {}
        self.errors: dict[int, int] = {}
        self.no_segments: set[int] = set()
        self.room: int | None = None
        self.calls = 0
        self.error = 0

    def take(self, port: int, data: bytes, segment: int) -> int:
        """Receive one message; gives an error number, 0 if all is well."""
        if self.room == 0:
            return errno.EAGAIN
        if port in self.errors:
            return self.errors[port]
        packets = [data[at : at + segment] for at in range(0, len(data), segment)] if segment else [data]
        if len(packets) > 1 and port in self.no_segments:
            return errno.EMSGSIZE
        if self.room is not None:
            self.room -= 1
        self.received.setdefault(port, []).extend(packets)
        return 0

    def sendmmsg(self, fd: int, headers_at: int, count: int, flags: int) -> int:
        self.calls += 1
        for index in range(count):
            header = MMsgHdr.from_address(headers_at + index * HEADER_BYTES).header
            name = ctypes.string_at(header.name, header.name_length)
            vector = IoVec.from_address(header.vector)
            data = ctypes.string_at(ctypes.c_void_p.from_buffer(vector).value or 0, vector.length)
            segment = SegmentControl.from_address(header.control).segment if header.control_length else 0
            self.error = self.take(int.from_bytes(name[2:4], "big"), data, segment)
            if self.error:
                return index or -1
        return count

    def last_error(self) -> int:
        return self.error

    # -- as a socket --

    def fileno(self) -> int:
        return 7

    def sendto(self, data: bytes, flags: int, target: tuple[str, int]) -> int:
        self.calls += 1
        return self._raise(self.take(target[1], data, 0)) or len(data)

    def sendmsg(self, parts: list[bytes], control: list[Any], flags: int, target: tuple[str, int]) -> int:
        self.calls += 1
        segment = int.from_bytes(control[0][2], "little") if control else 0
        return self._raise(self.take(target[1], parts[0], segment)) or len(parts[0])

    def _raise(self, error: int) -> int:
        if error:
            raise OSError(error, errno.errorcode[error])
        return 0


def reader(port: int) -> Destination:
    return Destination(str(port), DeliveryImage(address=IPV4.pack("10.0.0.1", port)), IPV4)


def burst(*runs: Run) -> PacketBurst:
    return PacketBurst(runs, sum(each[2] for each in runs), sum(len(each[0]) for each in runs))


class Scene:
    """A fan over a scripted kernel."""

    def __init__(self, kernel: Kernel, readers: int) -> None:
        self.kernel = kernel
        self.counters = Counters()
        self.wants_room = False
        sock = cast("socket.socket", kernel)
        self.fan = UdpFan(sock, IPV4, Arena(), self.counters)
        self.fan.want_room = self._want_room
        self.members = [reader(5000 + each) for each in range(readers)]
        for member in self.members:
            self.fan.add(member, 0.0)

    def _want_room(self, wanted: bool) -> None:
        self.wants_room = wanted

    def got(self) -> list[list[bytes]]:
        return [self.kernel.received.get(5000 + each, []) for each in range(len(self.members))]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel()
    monkeypatch.setattr(send_udp, "sendmmsg", made.sendmmsg)
    monkeypatch.setattr(send_udp, "last_error", made.last_error)
    return made


def test_a_burst_is_one_call_for_all_readers(kernel: Kernel) -> None:
    scene = Scene(kernel, 100)
    scene.fan.send(burst(BURST), 0.0)
    assert kernel.calls == 1
    assert scene.got() == [packets_of(BURST)] * 100
    assert scene.counters.packets_out == 300
    assert scene.counters.bytes_out == 201_000


def test_more_readers_than_one_call_takes(kernel: Kernel) -> None:
    scene = Scene(kernel, 2500)
    scene.fan.send(burst(BURST), 0.0)
    assert kernel.calls == 3
    assert scene.got() == [packets_of(BURST)] * 2500


@pytest.mark.parametrize(("readers", "calls"), [(PLAIN_READERS, PLAIN_READERS), (PLAIN_READERS + 1, 1)])
def test_a_single_packet_to_few_readers_goes_the_plain_way(kernel: Kernel, readers: int, calls: int) -> None:
    scene = Scene(kernel, readers)
    scene.fan.send(burst(SINGLE), 0.0)
    assert kernel.calls == calls
    assert scene.got() == [[b"single"]] * readers


def test_readers_come_and_go_one_by_one(kernel: Kernel) -> None:
    scene = Scene(kernel, 50)
    scene.fan.send(burst(BURST), 0.0)
    for member in scene.members[::2]:
        scene.fan.remove(member)
        scene.fan.remove(member)
    scene.fan.send(burst(BURST), 0.0)
    scene.fan.add(scene.members[0], 0.0)
    scene.fan.move(scene.members[0], IPV4.pack("10.0.0.1", 9999))
    scene.fan.send(burst(SINGLE), 0.0)
    assert kernel.received[9999] == [b"single"]
    assert [len(each) for each in scene.got()] == [3, 7] * 25
    assert scene.fan.packets_to(scene.members[0]) == 4
    assert scene.fan.packets_to(scene.members[1]) == 7
    assert scene.fan.packets_to(scene.members[2]) == 3


def test_a_bad_address_is_skipped_and_counted(kernel: Kernel) -> None:
    scene = Scene(kernel, 10)
    kernel.errors = {5000: errno.EHOSTUNREACH, 5004: errno.EINVAL, 5009: errno.ENOBUFS}
    scene.fan.send(burst(BURST, SINGLE), 0.0)
    assert [len(each) for each in scene.got()] == [0, 4, 4, 4, 0, 4, 4, 4, 4, 0]
    assert scene.counters.drops[Drop.SEND_ERROR] == 8
    assert scene.counters.drops[Drop.SEND_BUFFER] == 4
    assert scene.counters.packets_out == 7 * 4
    assert scene.fan.packets_to(scene.members[0]) == 0


def test_refused_segments_go_plain_to_that_reader_alone(kernel: Kernel) -> None:
    scene = Scene(kernel, 10)
    kernel.no_segments = {5003, 5007}
    scene.fan.send(burst(BURST), 0.0)
    assert scene.got() == [packets_of(BURST)] * 10
    kernel.calls = 0
    scene.fan.send(burst(BURST), 1.0)
    assert kernel.calls == 1 + 3, "one call for eight, and one for each packet to the two"
    kernel.no_segments.clear()
    scene.fan.send(burst(SINGLE), RETRY_SEGMENTS_AFTER_S)
    kernel.calls = 0
    scene.fan.send(burst(BURST), RETRY_SEGMENTS_AFTER_S)
    assert kernel.calls == 1
    assert scene.got() == [packets_of(BURST) * 2 + [b"single"] + packets_of(BURST)] * 10
    assert scene.counters.packets_out == 100


@pytest.mark.parametrize("room", [0, 1, 5, 9])
@pytest.mark.parametrize("run", [BURST, SINGLE])
def test_what_finds_no_room_is_sent_when_there_is(kernel: Kernel, room: int, run: Run) -> None:
    scene = Scene(kernel, 10)
    kernel.room = room
    scene.fan.send(burst(run), 0.0)
    scene.fan.send(burst(SINGLE, BURST), 0.01)
    assert scene.wants_room
    kernel.room = 7
    scene.fan.send_waiting(0.02)
    assert scene.wants_room
    scene.fan.remove(scene.members[9])
    kernel.room = None
    scene.fan.send_waiting(0.03)
    assert not scene.wants_room
    assert scene.got()[:9] == [[*packets_of(run), b"single", *packets_of(BURST)]] * 9
    assert sum(scene.counters.drops.values()) == 0


def test_what_waits_too_long_is_dropped_and_counted(kernel: Kernel) -> None:
    scene = Scene(kernel, 10)
    kernel.room = 4
    scene.fan.send(burst(BURST), 0.0)
    scene.fan.send(burst(SINGLE), RESUME_WITHIN_S)
    kernel.room = None
    scene.fan.send_waiting(RESUME_WITHIN_S)
    assert [len(each) for each in scene.got()] == [4] * 4 + [1] * 6
    assert scene.counters.drops[Drop.SEND_BUFFER] == 18
    assert scene.fan.packets_to(scene.members[9]) == 1


def test_another_reader_is_first_each_time(kernel: Kernel) -> None:
    scene = Scene(kernel, 4)
    kernel.room = 0
    scene.fan.send(burst(SINGLE), 0.0)
    firsts = set()
    for step in range(1, 5):
        now = step * RESUME_WITHIN_S
        scene.fan.send(burst((b"x%d" % step, 2, 1)), now)
        kernel.room = 1
        scene.fan.send_waiting(now)
        firsts |= {port for port, packets in kernel.received.items() if b"x%d" % step in packets}
    assert len(firsts) > 2


def test_two_paths_without_segments_and_without_room(kernel: Kernel) -> None:
    scene = Scene(kernel, 4)
    kernel.no_segments = {5001}
    kernel.room = 1
    scene.fan.send(burst(BURST), 0.0)
    scene.fan.send(burst(BURST), 0.0)
    kernel.room = None
    scene.fan.send_waiting(0.1)
    assert scene.got() == [packets_of(BURST) * 2] * 4


def test_what_waits_for_room_goes_on_at_another_worker(kernel: Kernel) -> None:
    scene, after = Scene(kernel, 3), Scene(kernel, 3)
    kernel.room = 1
    scene.fan.send(burst(BURST), 0.0)
    scene.fan.send(burst((b"later" * 2, 5, 2)), 0.0)
    kernel.room = None
    after.fan.go_on(scene.fan.pack(1_000_000))
    assert after.fan.is_waiting
    after.fan.send_waiting(0.1)
    assert [sorted(each) for each in scene.got()] == [sorted([*packets_of(BURST), b"later", b"later"])] * 3
    assert [each[:3] for each in scene.got()] == [packets_of(BURST)] * 3


def test_of_what_waits_only_so_much_goes_on_and_the_rest_is_counted(kernel: Kernel) -> None:
    scene = Scene(kernel, 2)
    kernel.room = 0
    for _ in range(3):
        scene.fan.send(burst(BURST), 0.0)
    image = scene.fan.pack(2 * len(BURST[0]))
    assert [each.data for each in image] == [BURST[0]] * 2
    assert scene.counters.drops[Drop.SEND_BUFFER] == 2 * BURST[2]


def test_a_path_without_segments_is_known_at_another_worker(kernel: Kernel) -> None:
    kernel.no_segments = {5001}
    scene = Scene(kernel, 2)
    scene.fan.send(burst(BURST), 0.0)
    assert [each.state.refuses_segments for each in scene.members] == [False, True]
    after, calls = Scene(kernel, 1), kernel.calls
    there = Destination("there", scene.members[1].state, IPV4)
    after.fan.add(there, 0.0)
    after.fan.send(burst(BURST), 0.0)
    assert kernel.calls == calls + 1 + BURST[2], "no run was tried"
    assert there.state.refuses_segments
    assert len(after.fan) == 2
