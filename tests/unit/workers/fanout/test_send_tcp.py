"""Interleaved readers of one track: each gets all, or whole frames."""

from tests.support.pipes import Pipe, outlet
from workers.contract.image import CatchingUpImage, DeliveryImage
from workers.fanout.burst import PacketBurst, runs_of, single
from workers.fanout.outlet import MOST_OF_A_FRAME_BYTES, TooSlowError
from workers.fanout.send_tcp import Subscriber, TcpFan
from workers.rtp.access_points import AccessPoints
from workers.runtime.counters import Drop


def test_subscribers_are_counted_and_swapped_out() -> None:
    fan, pipes = TcpFan(), [Pipe() for _ in range(3)]
    members = [Subscriber(outlet(pipe)[0], 0, DeliveryImage()) for pipe in pipes]
    for each in members:
        fan.add(each, 0.0)
        fan.add(each, 0.0)
    assert len(fan) == 3
    run = (b"abcd", 2, 2)
    fan.send(PacketBurst([run], 2, 4), 0.0)
    fan.remove(members[0])
    fan.remove(members[0])
    fan.send(PacketBurst([run], 2, 4), 0.0)
    assert [fan.packets_to(each) for each in members] == [2, 4, 4]
    assert pipes[0].written == b"$\x00\x00\x02ab$\x00\x00\x02cd"
    assert pipes[2].written == pipes[0].written * 2
    fan.remove(members[1])
    fan.remove(members[2])
    assert len(fan) == 0


class Watch:
    """What a log would be told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def fell_behind(self, now: float) -> None:
        self.told.append(now)

    def caught_up(self, missed: CatchingUpImage) -> None:
        self.told.append((missed.packets, missed.bytes))


def h264(sequence: int, timestamp: int, unit: int, size: int = 40) -> bytes:
    head = bytes([0x80, 96]) + sequence.to_bytes(2, "big") + timestamp.to_bytes(4, "big") + bytes(4)
    return head + bytes([unit, 0x88]) + bytes(size - 14)


def test_a_reader_without_room_gets_whole_frames_from_the_next_access_point_on() -> None:
    fan, watch = TcpFan(AccessPoints({96: "H264"})), Watch()
    slow, fine = Pipe(room=0), Pipe()
    made, counters, _ = outlet(slow, limit=200)
    member, other = Subscriber(made, 0, DeliveryImage(), watch), Subscriber(outlet(fine)[0], 0, DeliveryImage())
    fan.add(member, 0.0)
    fan.add(other, 0.0)
    sent: list[bytes] = []

    def send(timestamp: int, unit: int) -> None:
        packets = [h264(len(sent) + index, timestamp, unit) for index in range(2)]
        sent.extend(packets)
        fan.send(PacketBurst(runs_of(packets, [40, 40]), 2, 80), 1.0)

    for timestamp in (1, 2, 2, 2, 3):  # the first is written, two fit into the queue, the last begins a frame
        send(timestamp, 0x41)
    assert len(fan) == 2
    assert watch.told == [1.0]
    send(4, 0x65)
    assert (counters.drops[Drop.QUEUE_FULL], counters.drops[Drop.AWAITING_ACCESS_POINT]) == (0, 4)
    slow.room = 1 << 30
    made.flush(2.0)
    send(5, 0x41)
    send(6, 0x65)
    send(7, 0x41)
    assert watch.told == [1.0, (6, 240)]
    assert member.state.dropped == made.dropped == 6
    assert fan.packets_to(member) == len(sent) - 6
    assert slow.written == b"".join(b"$\x00\x00\x28" + each for each in [*sent[:8], *sent[-4:]])
    assert fine.written == b"".join(b"$\x00\x00\x28" + each for each in sent)
    fan.remove(member)
    fan.remove(other)
    assert len(fan) == 0


def test_a_frame_without_end_ends_the_reader_and_not_the_memory() -> None:
    fan, pipe = TcpFan(AccessPoints({96: "H264"})), Pipe(room=0)
    made, counters, changes = outlet(pipe, limit=1000)
    member = Subscriber(made, 0, DeliveryImage())
    fan.add(member, 0.0)
    packet = h264(0, 1, 0x41, 9000)
    while made.error is None:
        fan.send(single(packet), 0.0)
    assert isinstance(made.error, TooSlowError)
    assert changes == [True, True]
    assert MOST_OF_A_FRAME_BYTES < made.queued_bytes + 9004 < MOST_OF_A_FRAME_BYTES + 4 * 9004
    before = made.queued_bytes
    fan.send(single(packet), 0.0)
    assert made.queued_bytes == before
    assert counters.drops[Drop.AWAITING_ACCESS_POINT] == 2
    fan.remove(member)
    assert len(fan) == 0


def test_a_full_queue_ends_the_reader_where_that_is_the_policy() -> None:
    fan, pipe = TcpFan(AccessPoints({96: "H264"})), Pipe(room=0)
    made, counters, _ = outlet(pipe, limit=100)
    made.closes_when_full = True
    fan.add(Subscriber(made, 0, DeliveryImage()), 0.0)
    for _ in range(4):
        fan.send(single(h264(0, 1, 0x41)), 0.0)
    assert isinstance(made.error, TooSlowError)
    assert counters.drops[Drop.QUEUE_FULL] == 1


def test_reports_find_room_or_are_left_out_whole() -> None:
    fan, pipe = TcpFan(), Pipe(room=0)
    made, counters, _ = outlet(pipe, limit=10)
    fan.add(Subscriber(made, 1, DeliveryImage()), 0.0)
    for _ in range(3):
        fan.send(single(bytes(8)), 0.0)
    assert counters.drops[Drop.QUEUE_FULL] == 2
    pipe.room = 1000
    made.flush(0.0)
    fan.send(single(bytes(8)), 0.0)
    assert pipe.written == (b"$\x01\x00\x08" + bytes(8)) * 2
