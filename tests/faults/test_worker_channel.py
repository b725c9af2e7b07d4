"""One real worker and burst channels: programs feed mounts, tap them, and write to single sessions."""

import socket
import struct
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.faults.test_worker_fanout import Pair, drops, frame, gather, read_exactly, received, rtp, sender_report
from tests.support.fake_front import FakeFront, one_worker, udp
from tests.support.rtp import BYE, SENDER_REPORT, parse_rtcp
from tests.support.waiting import eventually
from workers.channel import MOST_MESSAGE_BYTES, ChannelBurst, Kind, decode, encode
from workers.contract.commands import AttachFeed, AttachTap, CloseMount, DetachTap, OpenMount, ReportState
from workers.contract.events import ChannelEnded, MediaHeard, MediaSilent
from workers.contract.parts import Format, InterleavedTransport, Refusal, TrackSpec, TrackTransport
from workers.contract.replies import Done, MountOpened, Refused
from workers.contract.reports import StateReport
from workers.fanout.burst import packets_of, runs_of
from workers.shared.burst_socket import MOST_QUEUED_BYTES

TCP = TrackTransport(0, InterleavedTransport(0, 1))


@pytest.fixture
def front(tmp_path: Path) -> Iterator[FakeFront]:
    with one_worker(tmp_path) as made:
        yield made


@pytest.fixture
def channels() -> Iterator[list[socket.socket]]:
    """The program's ends of channels, closed at last."""
    made: list[socket.socket] = []
    yield made
    for each in made:
        each.close()


class Program:
    """A program's ends of the channels of one worker."""

    def __init__(self, front: FakeFront, made: list[socket.socket]) -> None:
        self.front = front
        self._made = made

    def end(self, token: str) -> socket.socket:
        """Make a channel and send the worker its end."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.front.send_descriptor(token.encode(), theirs)
        theirs.close()
        ours.setblocking(False)
        self._made.append(ours)
        return ours

    def feed(self, path: str, session: str = "program") -> socket.socket:
        """Become the publisher of a mount."""
        ours = self.end(f"feed-{session}")
        assert self.front.ask(AttachFeed(path, 1, session, f"feed-{session}")) == Done()
        return ours

    def tap(self, path: str, *tracks: int, readers: bool = False, name: str = "tap") -> socket.socket:
        """Tap a mount."""
        ours = self.end(name)
        assert self.front.ask(AttachTap(path, 1, name, name, tracks, readers)) == Done()
        return ours


@pytest.fixture
def program(front: FakeFront, channels: list[socket.socket]) -> Program:
    return Program(front, channels)


def write(sock: socket.socket, packets: list[bytes], kind: Kind = Kind.RTP, track: int = 0, **more: object) -> None:
    """Write a burst, waiting for room."""
    for message in encode(kind, track, runs_of(packets, [len(each) for each in packets]), **more):  # type: ignore[arg-type]  # as given
        eventually(partial(_sent, sock, message), "room in the channel", interval_s=0.001)


def _sent(sock: socket.socket, message: bytes) -> bool:
    try:
        return sock.send(message) == len(message)
    except BlockingIOError:
        return False


def bursts(sock: socket.socket) -> list[ChannelBurst]:
    """Take what a channel holds."""
    found: list[ChannelBurst] = []
    while True:
        try:
            message = sock.recv(MOST_MESSAGE_BYTES)
        except BlockingIOError:
            return found
        if not message:
            return found
        found.append(decode(message))


def read_channel(sock: socket.socket, kind: Kind, count: int) -> list[tuple[str, bytes]]:
    """Wait for so many packets of a kind, each with its session."""
    packets: list[tuple[str, bytes]] = []

    def enough() -> bool:
        for burst in bursts(sock):
            if burst.kind is kind:
                packets.extend((burst.session, packet) for run in burst.runs for packet in packets_of(run))
        return len(packets) >= count

    eventually(enough, f"{count} packets of kind {kind.name}", interval_s=0.005)
    return packets


def reports(sock: socket.socket, kind: int) -> list[bytes]:
    """Wait for RTCP that begins or goes on with a packet of a kind."""
    return [packet for packet in gather(sock, 1) if any(each.kind == kind for each in parse_rtcp(packet))]


SIZES = [1200] * 150 + [700] + [14, 42, 18, 716, 259, 1400, 1400, 533]


def test_what_a_program_feeds_reaches_every_reader(front: FakeFront, program: Program) -> None:
    front.open_mount("/cam")
    channel = program.feed("/cam")
    readers = [front.pair() for _ in range(5)]
    for index, reader in enumerate(readers):
        front.play("/cam", f"udp{index}", udp(0, reader))
    stream, _ = front.play("/cam", "tcp", TCP)
    packets = [rtp(65_500 + number, size) for number, size in enumerate(SIZES)]
    write(channel, packets, ntp=1_800_000_000.0)
    for reader in readers:
        assert gather(reader[0], len(packets)) == packets
    head = b"RTSP/1.0 200 OK\r\n\r\n"
    assert read_exactly(stream, len(head)) == head
    expected = b"".join(frame(0, each) for each in packets)
    got = bytearray()
    while len(got) < len(expected):
        data = read_exactly(stream, 4)
        body = read_exactly(stream, int.from_bytes(data[2:], "big"))
        if data[1] == 0:  # reports are on the other channel
            got += data + body
    assert bytes(got) == expected
    front.await_event(MediaHeard)
    (report,) = front.ask_all(ReportState())
    assert isinstance(report, StateReport)
    (mount,) = report.mounts
    assert (mount.publisher, mount.silent) == ("program", False)
    assert (mount.tracks[0].packets_in, mount.tracks[0].lost, mount.tracks[0].ssrc) == (len(packets), 0, 7)
    _, late = front.play("/cam", "late", udp(0, front.pair()))
    assert late.rtp_info[0].sequence == (65_500 + len(packets)) % 65_536


def test_bursts_with_a_wrong_packet_reach_nobody(front: FakeFront, program: Program) -> None:
    front.open_mount("/cam")
    channel = program.feed("/cam")
    reader = front.pair()
    front.play("/cam", "r", udp(0, reader))
    write(channel, [rtp(1), b"\x00" + rtp(2)[1:], rtp(3)])
    write(channel, [rtp(1), rtp(2, payload_type=97), rtp(3)])
    write(channel, [rtp(1)], track=5)
    channel.send(b"garbage")
    write(channel, [rtp(4)])
    assert gather(reader[0], 1) == [rtp(4)]
    assert drops(front, "not_rtp") == 3
    assert drops(front, "payload_type") == 3
    assert drops(front, "control_garbage") == 2


def test_sender_reports_are_made_until_the_program_makes_its_own(front: FakeFront, program: Program) -> None:
    front.open_mount("/cam", tracks=2)
    channel = program.feed("/cam")
    readers = [front.pair(), front.pair()]
    front.play("/cam", "r", udp(0, readers[0]), udp(1, readers[1]))
    began = time.monotonic()
    write(channel, [rtp(30)], ntp=1_800_000_000.25)
    (packet,) = reports(readers[0][1], SENDER_REPORT)
    report, description = parse_rtcp(packet)
    seconds, fraction, rtp_time, count, octets = struct.unpack_from(">IIIII", report.data, 8)
    instant = seconds - 2_208_988_800 + fraction / 2**32
    elapsed = instant - 1_800_000_000.25
    assert 0 <= elapsed <= time.monotonic() - began, "the time that was given, gone on since"
    assert abs(rtp_time - 30 // 10 * 3000 - elapsed * 90_000) < 2
    assert (report.ssrc, count, octets) == (7, 1, 1188)
    assert b"\x01\x07program" in description.data
    late = front.pair()
    front.play("/cam", "late", udp(0, late))
    assert gather(late[1], 1) == [packet]
    write(channel, [sender_report()], Kind.RTCP, track=1)
    assert gather(readers[1][1], 1) == [sender_report()]
    write(channel, [rtp(1)], track=1)
    assert gather(readers[1][0], 1) == [rtp(1)]
    another = front.pair()
    front.play("/cam", "another", udp(1, another))
    assert gather(another[1], 1) == [sender_report()]  # the program's own, and none of ours before it


def test_the_end_of_a_program_is_told_and_the_next_one_goes_on(front: FakeFront, program: Program) -> None:
    front.open_mount("/cam")
    reader = front.pair()
    front.play("/cam", "r", udp(0, reader))
    first = program.feed("/cam", "one")
    write(first, [rtp(1)])
    assert gather(reader[0], 1) == [rtp(1)]
    front.await_event(MediaHeard)
    first.close()
    ended = front.await_event(ChannelEnded)
    assert (ended.path, ended.generation, ended.name) == ("/cam", 1, "one")
    front.await_event(MediaSilent)
    second = program.feed("/cam", "two")
    write(second, [rtp(900, ssrc=8)])
    assert gather(reader[0], 1) == [rtp(900, ssrc=8)]
    third = program.feed("/cam", "three")
    eventually(lambda: second.recv(1) == b"", "the end of the one before")
    write(third, [rtp(1, ssrc=9)])
    assert gather(reader[0], 1) == [rtp(1, ssrc=9)]
    assert front.ask(CloseMount("/cam", 1)) == Done()
    assert any(BYE in [each.kind for each in parse_rtcp(packet)] for packet in gather(reader[1], 1))
    eventually(lambda: third.recv(1) == b"", "the channel's end")
    front.listen()
    assert not [each for each in front.events if isinstance(each, ChannelEnded)]


def test_readers_hear_of_the_end_of_a_program_that_died_before(front: FakeFront, program: Program) -> None:
    """The channel's end and the front's command come by different ways, in any order."""
    front.open_mount("/cam")
    reader = front.pair()
    front.play("/cam", "r", udp(0, reader))
    channel = program.feed("/cam")
    write(channel, [rtp(1)])
    assert gather(reader[0], 1) == [rtp(1)]
    channel.close()
    front.await_event(ChannelEnded)
    assert front.ask(CloseMount("/cam", 1)) == Done()
    goodbyes: list[bytes] = []

    def said() -> bool:
        goodbyes.extend(each for each in received(reader[1]) if BYE in [part.kind for part in parse_rtcp(each)])
        return bool(goodbyes)

    eventually(said, "goodbye")


def test_a_tap_gets_what_readers_get(front: FakeFront, program: Program) -> None:
    ports = front.open_mount("/cam", tracks=2)
    publishers = [front.pair(), front.pair()]
    front.record("/cam", udp(0, publishers[0]), udp(1, publishers[1]))
    publishers[1][1].sendto(sender_report(), ("127.0.0.1", ports[1] + 1))
    reader = front.pair()
    front.play("/cam", "r", udp(1, reader))
    assert gather(reader[1], 1) == [sender_report()]
    channel = program.tap("/cam", 1)
    assert read_channel(channel, Kind.RTCP, 1) == [("", sender_report())]
    packets = [rtp(number) for number in range(100)]
    for packet in packets:
        publishers[0][0].sendto(packet, ("127.0.0.1", ports[0]))
        publishers[1][0].sendto(packet, ("127.0.0.1", ports[1]))
    assert gather(reader[0], 100) == packets
    assert read_channel(channel, Kind.RTP, 100) == [("", each) for each in packets]
    assert front.ask(AttachTap("/cam", 1, "tap", "", (), readers=True)) == Done()
    publishers[1][0].sendto(rtp(100), ("127.0.0.1", ports[1]))
    assert gather(reader[0], 1) == [rtp(100)]
    wish = struct.pack("!BBHII", 0x81, 206, 2, 1, 7)
    reader[1].sendto(wish, ("127.0.0.1", ports[1] + 1))
    assert read_channel(channel, Kind.RTCP, 1) == [("r", wish)]
    assert front.ask(DetachTap("/cam", 1, "tap")) == Done()
    eventually(lambda: channel.recv(1) == b"", "the tap's end")


def test_a_tap_that_does_not_read_misses_whole_bursts_and_nobody_waits(front: FakeFront, program: Program) -> None:
    front.open_mount("/cam")
    source = program.feed("/cam")
    idle = program.tap("/cam", 0, name="idle")
    awake = program.tap("/cam", 0, name="awake")
    sent, got = 0, 0
    while drops(front, "channel_full") == 0:
        for _ in range(50):
            write(source, [rtp(sent + number) for number in range(40)])
            sent += 40
            got += sum(each.packets for each in bursts(awake) if each.kind is Kind.RTP)
        assert sent * 1200 < 4 * MOST_QUEUED_BYTES
    write(source, [rtp(sent + number) for number in range(40)])
    sent += 40
    got += len(read_channel(awake, Kind.RTP, sent - got))
    assert got == sent

    total, missed = 0, 0

    def caught_up() -> bool:
        nonlocal total, missed
        found = [each for each in bursts(idle) if each.kind is Kind.RTP]
        total += sum(each.packets for each in found)
        missed += sum(each.missed for each in found)
        return not found and total > 0 and not idle_is_fed()

    def idle_is_fed() -> bool:
        time.sleep(0.5)  # the worker writes on as soon as there is room, and it has a turn
        return bool(idle.recv(1, socket.MSG_PEEK)) if _readable(idle) else False

    eventually(caught_up, "the idle tap read empty")
    write(source, [rtp(sent)])
    (last,) = [each for each in _await_bursts(idle) if each.kind is Kind.RTP]
    assert total + missed + last.missed == sent
    assert last.missed + missed == drops(front, "channel_full") > 0


def _readable(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


def _await_bursts(sock: socket.socket) -> list[ChannelBurst]:
    found: list[ChannelBurst] = []

    def came() -> bool:
        found.extend(bursts(sock))
        return any(each.kind is Kind.RTP for each in found)

    eventually(came, "a burst", interval_s=0.005)
    return found


def two_way_mount(front: FakeFront) -> tuple[int, ...]:
    """Open a mount whose second track is a back channel."""
    spec = TrackSpec((Format(96, 90_000),))
    reply = front.ask(OpenMount("/cam", 1, (spec, TrackSpec((Format(96, 8_000),), back_channel=True))))
    assert isinstance(reply, MountOpened)
    return reply.rtp_ports


def test_a_back_channel_goes_from_readers_to_the_program(front: FakeFront, program: Program) -> None:
    ports = two_way_mount(front)
    feed = program.feed("/cam")
    tap = program.tap("/cam", readers=True)
    over_udp, others = front.pair(), front.pair()
    front.play("/cam", "u", udp(1, over_udp))
    stream, _ = front.play("/cam", "t", TrackTransport(1, InterleavedTransport(2, 3)))
    over_udp[0].sendto(rtp(1, 172), ("127.0.0.1", ports[1]))
    assert read_channel(feed, Kind.RTP, 1) == [("u", rtp(1, 172))]
    stream.sendall(frame(2, rtp(2, 172)) + frame(3, sender_report()))
    assert read_channel(feed, Kind.RTP, 1) == [("t", rtp(2, 172))]
    assert read_channel(tap, Kind.RTP, 2) == [("u", rtp(1, 172)), ("t", rtp(2, 172))]
    others[0].sendto(rtp(3, 172), ("127.0.0.1", ports[1]))
    over_udp[0].sendto(rtp(4, 172), ("127.0.0.1", ports[0]))
    over_udp[0].sendto(rtp(5, payload_type=97), ("127.0.0.1", ports[1]))
    assert drops(front, "payload_type") == 1
    assert drops(front, "wrong_source") == 1
    assert [each for each in bursts(feed) if each.kind is Kind.RTP] == []  # the reader's report may come now


@pytest.mark.parametrize("interleaved", [False, True], ids=["udp", "tcp"])
def test_a_back_channel_goes_from_readers_to_a_publisher(front: FakeFront, interleaved: bool) -> None:
    ports = two_way_mount(front)
    publishers = [front.pair(), front.pair()]
    if interleaved:
        ways = [TrackTransport(each, InterleavedTransport(2 * each, 2 * each + 1)) for each in range(2)]
        client = front.record("/cam", *ways)
    else:
        front.record("/cam", udp(0, publishers[0]), udp(1, publishers[1]))
    reader = front.pair()
    front.play("/cam", "r", udp(1, reader))
    reader[0].sendto(rtp(1, 172), ("127.0.0.1", ports[1]))
    reader[1].sendto(sender_report(), ("127.0.0.1", ports[1] + 1))
    if interleaved:
        expected = frame(2, rtp(1, 172)) + frame(3, sender_report())
        assert read_exactly(client, len(expected)) == expected
    else:
        assert gather(publishers[1][0], 1) == [rtp(1, 172)]
        assert gather(publishers[1][1], 1) == [sender_report()]


def test_a_tap_writes_to_one_session_alone(front: FakeFront, program: Program) -> None:
    front.open_mount("/cam")
    publisher = front.pair()
    front.record("/cam", udp(0, publisher), session="p")
    reader, other = front.pair(), front.pair()
    front.play("/cam", "r", udp(0, reader))
    front.play("/cam", "o", udp(0, other))
    stream, _ = front.play("/cam", "t", TCP)
    head = b"RTSP/1.0 200 OK\r\n\r\n"
    assert read_exactly(stream, len(head)) == head
    tap = program.tap("/cam")
    for session in ("p", "r", "t", "nobody"):
        write(tap, [rtp(1), rtp(2, 100)], session=session)
        write(tap, [sender_report()], Kind.RTCP, session=session)

    def got(pair: Pair) -> tuple[list[bytes], list[bytes]]:
        return gather(pair[0], 2), gather(pair[1], 1)

    assert got(publisher) == got(reader) == ([rtp(1), rtp(2, 100)], [sender_report()])
    expected = frame(0, rtp(1)) + frame(0, rtp(2, 100)) + frame(1, sender_report())
    assert read_exactly(stream, len(expected)) == expected
    assert drops(front, "no_way") == 3
    with pytest.raises(BlockingIOError):
        other[0].recv(1)


def test_a_channel_needs_its_socket_and_its_mount(front: FakeFront, program: Program) -> None:
    front.open_mount("/cam")

    def cause(command: AttachFeed | AttachTap) -> Refusal:
        reply = front.ask(command)
        assert isinstance(reply, Refused), reply
        return reply.cause

    assert cause(AttachFeed("/cam", 1, "p", "none")) is Refusal.NO_DESCRIPTOR
    assert cause(AttachTap("/cam", 1, "t", "none", (0,), readers=False)) is Refusal.NO_DESCRIPTOR
    assert cause(AttachTap("/cam", 1, "t", "", (0,), readers=False)) is Refusal.NO_DESCRIPTOR
    ours = program.end("lost")
    assert cause(AttachFeed("/other", 1, "p", "lost")) is Refusal.UNKNOWN_MOUNT
    eventually(lambda: ours.recv(1) == b"", "the end of what was refused")
    ours = program.end("far")
    assert cause(AttachTap("/cam", 1, "t", "far", (1,), readers=False)) is Refusal.FAILED
    eventually(lambda: ours.recv(1) == b"", "the end of what was refused")
