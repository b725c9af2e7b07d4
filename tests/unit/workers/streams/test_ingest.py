"""Whose packet is it: batches as a whole, and packet by packet where that fails."""

import struct
from typing import Any, cast

from tests.support.worker_parts import FakeSocket, Parts, rtp, sockets
from workers.contract.commands import Play, Record
from workers.contract.events import ReaderCorrected
from workers.contract.parts import TrackTransport, UdpTransport
from workers.fanout.burst import runs_of
from workers.fanout.receive import SLOTS, Receiver
from workers.mounts.owned import OwnedMount
from workers.rtp import rtcp
from workers.runtime.counters import Drop
from workers.runtime.loop import READ
from workers.sockets.addresses import IPV4

PUNCH = b"\xce\xfa\xed\xfe"


def at(port: int, host: str = "10.0.0.1") -> bytes:
    return IPV4.pack(host, port)


class FakeReceiver:
    """Gives what has come to a socket."""

    family = IPV4

    def __init__(self) -> None:
        self.queued: dict[int, list[tuple[bytes, bytes]]] = {}
        self.dropped_by_kernel = 0
        self.batch: list[tuple[bytes, bytes]] = []

    def receive(self, fd: int) -> int:
        self.batch, self.queued[fd] = self.queued.get(fd, [])[:SLOTS], self.queued.get(fd, [])[SLOTS:]
        return len(self.batch)

    @property
    def lengths(self) -> list[int]:
        return [len(packet) for packet, _ in self.batch]

    @property
    def names(self) -> bytes:
        return b"".join(address for _, address in self.batch)

    def _each(self, start: int, end: int) -> bytes:
        return b"".join(packet[start:end] for packet, _ in self.batch)

    def first_bytes(self, count: int) -> bytes:
        return self._each(0, 1)

    def second_bytes(self, count: int) -> bytes:
        return self._each(1, 2)

    def sequences(self, count: int) -> bytes:
        return self._each(2, 4)

    def ssrcs(self, count: int) -> bytes:
        return self._each(8, 12)

    def header(self, slot: int) -> bytes:
        return self.batch[slot][0][:12]

    def packet(self, slot: int) -> bytes:
        return self.batch[slot][0]

    def address(self, slot: int) -> bytes:
        return self.batch[slot][1]

    def runs(self) -> Any:
        return runs_of([packet for packet, _ in self.batch], self.lengths)


class Scene:
    """A mount with a publisher at port 6000 and a reader at 7000 of another host."""

    def __init__(self) -> None:
        self.parts = Parts()
        self.receiver = FakeReceiver()
        self.parts.resources.receiver = cast("Receiver", self.receiver)
        self.fakes, real = sockets(2)
        self.mount = OwnedMount(self.parts.mount_state(), real, self.parts.resources, lambda mount, error: None)
        self.mount.resume(0.0)
        way = TrackTransport(0, UdpTransport("10.0.0.1", 6000, 6001))
        self.mount.publishing.record(Record("/cam", 1, "p", "c", None, (way,), b""), None, 0.0)
        way = TrackTransport(0, UdpTransport("10.0.0.2", 7000, 7001))
        self.mount.readers.arm(Play("/cam", 1, "r", "c", None, (way,), b"", ()), None, 0.0)
        self.mount.readers.open_gate("r", 0.0)

    def bring(self, *packets: tuple[bytes, bytes], rtcp_port: bool = False) -> None:
        """Let packets come, with their addresses."""
        self.receiver.queued[self.fakes[rtcp_port].number] = list(packets)
        self.mount.ports[rtcp_port].ready(READ, 1.0)

    def sent(self, *, rtcp_port: bool = False) -> list[tuple[bytes, int]]:
        fake: FakeSocket = self.fakes[rtcp_port]
        sent, fake.sent = fake.sent, []
        return sent

    def drops(self) -> dict[Drop, int]:
        return {cause: count for cause, count in self.parts.counters.drops.items() if count}


def test_the_publishers_media_goes_to_readers_and_nobody_elses() -> None:
    scene = Scene()
    scene.bring((rtp(1), at(6000)))
    assert scene.sent() == [(rtp(1), 7000)]
    scene.bring((rtp(2), at(6000)), (rtp(9), at(6000, "10.0.0.9")), (b"no RTP", at(6000)))
    assert scene.sent() == [(rtp(2), 7000)]
    assert scene.drops() == {Drop.WRONG_SOURCE: 1, Drop.NOT_RTP: 1}
    assert scene.mount.tracks[0].stream.state.not_rtp == 1


def test_a_type_that_is_not_announced_and_a_packet_too_long_are_left_out() -> None:
    scene = Scene()
    other = bytes([0x80, 97]) + rtp(1)[2:]
    scene.bring((other, at(6000)), (rtp(2), at(6000)), (rtp(3) + bytes(10_000), at(6000)))
    assert scene.sent() == [(rtp(2), 7000)]
    assert scene.drops() == {Drop.PAYLOAD_TYPE: 1, Drop.TRUNCATED: 1}


def test_a_nat_may_have_changed_the_publishers_port_until_the_declared_one_is_heard() -> None:
    scene = Scene()
    scene.bring((rtp(1), at(6555)))
    assert scene.sent() == [(rtp(1), 7000)]
    report = rtcp.sender_report(7, 1e9, 5, 1, 2, "publisher")
    scene.bring((report, at(6556)), rtcp_port=True)
    assert scene.sent(rtcp_port=True) == [(report, 7001)]
    scene.bring((rtp(2), at(6000)))
    scene.bring((rtp(3), at(6555)))
    assert scene.sent() == [(rtp(2), 7000)]


def test_a_readers_true_port_is_where_its_punch_comes_from() -> None:
    scene = Scene()
    scene.bring((PUNCH, at(7333, "10.0.0.2")))
    corrected = TrackTransport(0, UdpTransport("10.0.0.2", 7333, 7001))
    assert ReaderCorrected("r", corrected) in scene.parts.told
    scene.bring((rtp(1), at(6000)))
    assert scene.sent() == [(rtp(1), 7333)]
    scene.bring((PUNCH, at(7444, "10.0.0.2")))
    assert scene.drops() == {Drop.WRONG_SOURCE: 1}, "only once"


def test_a_readers_wish_goes_to_the_publisher() -> None:
    scene = Scene()
    scene.bring((rtp(1), at(6000)))
    wish = rtcp.receiver_report(99, (), "reader") + struct.pack("!BBHII", 0x81, 206, 2, 99, 7)
    scene.bring((wish, at(7001, "10.0.0.2")), rtcp_port=True)
    ((packet, port),) = scene.sent(rtcp_port=True)
    assert port == 6001
    assert packet.endswith(wish[-12:])


def test_what_the_kernel_has_dropped_is_counted_as_it_grows() -> None:
    scene = Scene()
    for count in (3, 3, 5):
        scene.receiver.dropped_by_kernel = count
        scene.bring((rtp(1), at(6000)))
    assert scene.drops() == {Drop.KERNEL_RCVBUF: 5}
    assert scene.mount.pack().tracks[0].rtp.kernel_drops == 5
