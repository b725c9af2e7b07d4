"""A stream that has had several publishers goes on where its worker dies: the next one is told how it follows."""

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.test_worker_fanout import gather
from tests.support.fake_front import FakeFront, one_worker, udp
from workers.contract.commands import OpenMount, Play, Record, StopPublisher
from workers.contract.events import StreamsFollow
from workers.contract.parts import Format, Refusal, TrackSpec
from workers.contract.replies import Done, MountOpened, Playing, Refused

SPEC = TrackSpec((Format(96, 90_000),))
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def front(tmp_path: Path) -> Iterator[FakeFront]:
    """A front with one worker whose ports need no rest."""
    with one_worker(tmp_path, port_rest_s=0.0) as front:
        yield front


def packet(sequence: int, rtp_time: int, ssrc: int) -> bytes:
    return struct.pack("!BBHII", 0x80, 96, sequence, rtp_time, ssrc) + bytes(100)


def numbers(packets: list[bytes]) -> list[tuple[int, ...]]:
    return [struct.unpack_from("!HII", each, 2) for each in packets]


def restart(front: FakeFront) -> None:
    """Let the worker die and another come."""
    assert front.process is not None
    front.process.kill()
    front.process.wait()
    front.launch()
    front.register()


def send(front: FakeFront, publisher: Pair, reader: Pair, port: int, first: int, ssrc: int) -> list[tuple[int, ...]]:
    """Send five packets; gives the numbers that the reader sees."""
    for index in range(5):
        publisher[0].sendto(packet(first + index, 3000 * index, ssrc), ("127.0.0.1", port))
    return numbers(gather(reader[0], 5))


def test_numbers_go_on_after_the_worker_that_chose_them(front: FakeFront) -> None:
    first, second, third, reader = (front.pair() for _ in range(4))
    (port,) = front.open_mount("/cam")
    front.record("/cam", udp(0, first), session="first")
    front.play("/cam", "reader", udp(0, reader))
    assert [number for number, _, _ in send(front, first, reader, port, 100, 7)] == [100, 101, 102, 103, 104]
    assert front.ask(StopPublisher("/cam", 1, "first")) == Done()
    told = front.await_event(StreamsFollow)
    front.record("/cam", udp(0, second), session="second")
    seen = send(front, second, reader, port, 9000, 8)
    assert [(number, ssrc) for number, _, ssrc in seen] == [(number, 7) for number in range(105, 110)]
    told = front.await_event(StreamsFollow)
    restart(front)
    again = (port,)
    assert front.ask(OpenMount("/cam", 1, (SPEC,), again, told.streams)) == MountOpened(again)
    assert front.ask(Record("/cam", 1, "second", "", None, (udp(0, second),), b"")) == Done()
    assert isinstance(front.ask(Play("/cam", 1, "reader", "", None, (udp(0, reader),), b"", ())), Playing)
    later = send(front, second, reader, port, 9005, 8)
    assert [(number, ssrc) for number, _, ssrc in later] == [(number, 7) for number in range(110, 115)]
    assert later[0][1] == seen[0][1], "the same RTP time is the same time"
    # And the next publisher follows as well.
    assert front.ask(StopPublisher("/cam", 1, "second")) == Done()
    front.record("/cam", udp(0, third), session="third")
    last = send(front, third, reader, port, 1, 9)
    assert [(number, ssrc) for number, _, ssrc in last] == [(number, 7) for number in range(115, 120)]
    assert (last[0][1] - later[-1][1]) % 2**32 < 2**31


def test_a_mount_waits_on_at_another_worker(front: FakeFront) -> None:
    first, second, reader = (front.pair() for _ in range(3))
    (port,) = front.open_mount("/cam")
    front.record("/cam", udp(0, first), session="first")
    front.play("/cam", "reader", udp(0, reader))
    send(front, first, reader, port, 100, 7)
    front.ask(StopPublisher("/cam", 1, "first"))
    told = front.await_event(StreamsFollow)
    restart(front)
    front.ask(OpenMount("/cam", 1, (SPEC,), (port,), told.streams))
    playing = front.ask(Play("/cam", 1, "reader", "", None, (udp(0, reader),), b"", ()))
    assert isinstance(playing, Playing)
    assert playing.rtp_info[0].sequence == 105
    front.record("/cam", udp(0, second), session="second")
    seen = send(front, second, reader, port, 9000, 8)
    assert [(number, ssrc) for number, _, ssrc in seen] == [(number, 7) for number in range(105, 110)]


def test_what_can_t_be_read_opens_no_mount(front: FakeFront) -> None:
    refused = front.ask(OpenMount("/cam", 1, (SPEC,), (), b"garbage"))
    assert isinstance(refused, Refused)
    assert refused.cause is Refusal.FAILED
    assert "how the streams of /cam go on" in refused.reason
    assert front.open_mount("/cam", generation=2)
