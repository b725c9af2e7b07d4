"""A real worker's answers: to commands said twice, late, wrong or in the wrong order, and to its fronts' deaths."""

import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgpack
import pytest

from tests.faults.test_worker_fanout import drops, frame, gather, read_exactly, rtp
from tests.support.fake_front import FakeFront, one_worker, udp, welcome
from tests.support.ports import PortSlice, bound_udp_ports
from tests.support.waiting import eventually
from workers.contract.commands import (
    CloseMount,
    OpenMount,
    PauseReader,
    Play,
    Record,
    ReleaseConnection,
    RemoveReader,
    ReportState,
    Respond,
    SetUpReader,
)
from workers.contract.events import ConnectionClosed, Heartbeat, RequestReceived, StreamBroken
from workers.contract.messages import PROTOCOL_VERSION
from workers.contract.parts import (
    Format,
    HandOff,
    InterleavedTransport,
    Peer,
    Refusal,
    TrackSpec,
    TrackTransport,
    UdpTransport,
)
from workers.contract.replies import Done, MountOpened, Playing, Refused, Released
from workers.contract.reports import StateReport

OK = b"RTSP/1.0 200 OK\r\n\r\n"
OPTIONS = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
SPEC = TrackSpec((Format(96, 90_000),))
NOWHERE = TrackTransport(0, UdpTransport("127.0.0.1", 9, 10))


@pytest.fixture
def front(tmp_path: Path) -> Iterator[FakeFront]:
    with one_worker(tmp_path) as made:
        yield made


def cause(reply: object) -> Refusal:
    assert isinstance(reply, Refused), reply
    return reply.cause


def came(front: FakeFront, packets: int) -> bool:
    """Say whether the one track of the one mount has had so many packets."""
    return report(front).mounts[0].tracks[0].packets_in == packets


def report(front: FakeFront) -> StateReport:
    (reply,) = front.ask_all(ReportState())
    assert isinstance(reply, StateReport)
    return reply


# -- ports and generations ------------------------------------------------------------------------------------------


def test_ports_are_counted_rested_and_refused_with_nothing_kept(tmp_path: Path) -> None:
    with one_worker(tmp_path, port_rest_s=0.3) as front:
        start, count = front.settings.rtp_port_start, front.settings.rtp_port_count
        pairs = count // 2
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as busy:
            busy.bind(("127.0.0.1", start))
            for number in range((pairs - 2) // 16):
                front.open_mount(f"/m{number}", tracks=16)
            left = (pairs - 1) % 16 if (pairs - 1) % 16 else 16
            before = bound_udp_ports(start, count)
            assert cause(front.ask(OpenMount("/big", 1, (SPEC,) * (left + 1)))) is Refusal.NO_PORTS
            assert bound_udp_ports(start, count) == before
            heartbeat = front.await_event(Heartbeat)
            assert front.ask(CloseMount("/m0", 1)) == Done()
            assert cause(front.ask(OpenMount("/m0", 2, (SPEC,) * 32))) is Refusal.NO_PORTS, "closed ports rest"
            eventually(lambda: isinstance(front.ask(OpenMount("/m0", 3, (SPEC,) * 16)), MountOpened), "they come back")
            assert heartbeat.ports_free + heartbeat.ports_used <= count


def test_open_mount_is_idempotent_and_never_goes_back(front: FakeFront) -> None:
    first = front.open_mount("/cam", tracks=2, generation=3)
    assert front.open_mount("/cam", tracks=2, generation=3) == first
    assert cause(front.ask(OpenMount("/cam", 2, (SPEC,)))) is Refusal.STALE
    assert cause(front.ask(CloseMount("/cam", 2))) is Refusal.STALE
    assert cause(front.ask(PauseReader("/cam", 2, "r"))) is Refusal.STALE
    assert cause(front.ask(SetUpReader("/cam", 4, "r", NOWHERE))) is Refusal.UNKNOWN_MOUNT
    newer = front.open_mount("/cam", tracks=1, generation=5)
    assert not set(newer) & set(first), "the ports of the older generation rest"
    assert front.ask(CloseMount("/cam", 5)) == Done()
    assert front.ask(CloseMount("/cam", 5)) == Done()
    assert cause(front.ask(OpenMount("/cam", 5, (SPEC,)))) is Refusal.STALE, "a late repetition opens nothing"
    assert report(front).mounts == ()
    assert front.ask(CloseMount("/nothing", 1)) == Done()
    assert front.ask(RemoveReader("/nothing", 1, "r")) == Done()


def test_closing_a_mount_lets_go_of_its_ports_and_readers(front: FakeFront) -> None:
    (port,) = front.open_mount("/cam")
    front.record("/cam", udp(0, front.pair()))
    client, _ = front.play("/cam", "r", udp(0, front.pair()))
    assert front.ask(CloseMount("/cam", 1)) == Done()
    assert bound_udp_ports(port, 2) == []
    assert report(front).connections == ("publisher-connection", "r-connection")
    assert client.recv(4096) == OK
    front.send(Respond("r-connection", b"bye\r\n\r\n", close=True))
    assert client.recv(4096) == b"bye\r\n\r\n"
    assert client.recv(4096) == b""


def test_refused_commands_keep_nothing(front: FakeFront) -> None:
    front.open_mount("/cam")
    client, handoff = front.connect_client("c")
    play = Play("/other", 1, "s", "c", handoff, (NOWHERE,), OK[:-2], ("u",))
    assert cause(front.ask(play)) is Refusal.UNKNOWN_MOUNT
    assert cause(front.ask(replace(play, path="/cam"))) is Refusal.NO_DESCRIPTOR, "it was let go with the refusal"
    assert cause(front.ask(replace(play, path="/cam", handoff=None))) is Refusal.UNKNOWN_CONNECTION
    front.send_descriptor(b"t2", client)
    second = replace(play, path="/cam", handoff=HandOff("t2", Peer()), transports=(replace(NOWHERE, track=1),))
    assert cause(front.ask(second)) is Refusal.FAILED
    bad_host = TrackTransport(0, UdpTransport("example.org", 9, 10))
    assert cause(front.ask(SetUpReader("/cam", 1, "s", bad_host))) is Refusal.FAILED
    assert cause(front.ask(PauseReader("/cam", 1, "s"))) is Refusal.UNKNOWN_READER
    assert cause(front.ask(ReleaseConnection("c"))) is Refusal.UNKNOWN_CONNECTION
    state = report(front)
    assert state.connections == ()
    assert state.mounts[0].readers == ()


def test_a_command_said_twice_writes_one_response(front: FakeFront) -> None:
    front.open_mount("/cam")
    client, handoff = front.connect_client("c")
    play = Play("/cam", 1, "s", "c", handoff, (NOWHERE,), OK[:-2], ("u",))
    first = front.ask(play, request=7001)
    assert isinstance(first, Playing)
    assert front.ask(play, request=7001) == first
    front.send(Respond("c", b"next\r\n\r\n", close=False))
    assert read_exactly(client, len(OK) + 8) == OK + b"next\r\n\r\n"
    # As a command of its own it does it all again: a client may PLAY while it plays.
    assert front.ask(replace(play, handoff=None)) == first
    assert client.recv(4096) == OK


# -- connections ----------------------------------------------------------------------------------------------------


def hold(front: FakeFront, unread: bytes = b"", unsent: bytes = b"") -> socket.socket:
    """Let the worker hold a UDP reader's connection named `c`, past its first response."""
    front.open_mount("/cam")
    client, handoff = front.connect_client("c")
    play = Play("/cam", 1, "s", "c", replace(handoff, unread=unread, unsent=unsent), (NOWHERE,), OK[:-2], ("u",))
    assert isinstance(front.ask(play), Playing)
    assert read_exactly(client, len(unsent) + len(OK)) == unsent + OK
    return client


def test_requests_go_up_and_responses_come_down(front: FakeFront) -> None:
    client = hold(front, unread=OPTIONS[:10], unsent=b"tail")
    client.sendall(OPTIONS[10:] + b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n" + OPTIONS)
    for _ in range(2):
        assert front.await_event(RequestReceived) == RequestReceived("c", OPTIONS)
    front.send(Respond("c", OK, close=False))
    assert client.recv(4096) == OK
    client.close()
    assert front.await_event(ConnectionClosed) == ConnectionClosed("c", "closed by the peer")


def test_a_client_that_floods_with_requests_is_not_read_any_more(front: FakeFront) -> None:
    client = hold(front)
    client.sendall(OPTIONS * 40)
    for _ in range(40):
        front.await_event(RequestReceived)
    client.sendall(OPTIONS * 24)
    for _ in range(24):
        front.await_event(RequestReceived)
    client.sendall(OPTIONS * 10)
    report(front)
    front.await_event(Heartbeat)
    assert not any(isinstance(each, RequestReceived) for each in front.events)
    for _ in range(64):
        front.send(Respond("c", OK, close=False))
    for _ in range(10):
        front.await_event(RequestReceived)


def test_a_stream_that_makes_no_sense_is_told_once(front: FakeFront) -> None:
    client = hold(front)
    client.sendall(b"x" * 9000 + b"\r\n\r\n" + OPTIONS)
    broken = front.await_event(StreamBroken)
    assert (broken.connection, broken.status) == ("c", 414)
    client.sendall(OPTIONS)
    front.send(Respond("c", b"RTSP/1.0 414 Request-URI Too Long\r\n\r\n", close=True))
    assert client.recv(4096).startswith(b"RTSP/1.0 414")
    assert client.recv(4096) == b""
    assert front.await_event(ConnectionClosed).reason == "closed after the last response"
    assert not any(isinstance(each, RequestReceived) for each in front.events)


def test_a_released_connection_leaves_with_what_was_read(front: FakeFront) -> None:
    client = hold(front)
    client.sendall(OPTIONS + b"PLAY rtsp")
    front.await_event(RequestReceived)
    released = front.ask(ReleaseConnection("c"))
    assert released == Released(b"PLAY rtsp", b"")
    assert report(front).connections == ()
    client.close()
    report(front)
    assert not any(isinstance(each, ConnectionClosed) for each in front.events)


def test_sessions_follow_each_other_on_one_connection(front: FakeFront) -> None:
    """ffmpeg over UDP without luck: PAUSE, SETUP without a session, PLAY over TCP, on the connection that is here."""
    client = hold(front)
    publisher = front.pair()
    front.record("/cam", udp(0, publisher))
    assert front.ask(PauseReader("/cam", 1, "s")) == Done()
    assert front.ask(RemoveReader("/cam", 1, "s")) == Done()
    way = TrackTransport(0, InterleavedTransport(4, 5))
    assert isinstance(front.ask(Play("/cam", 1, "s2", "c", None, (way,), OK[:-2], ("u",))), Playing)
    assert client.recv(4096) == OK
    port = report(front).mounts[0].tracks[0].rtp_port
    publisher[0].sendto(rtp(1), ("127.0.0.1", port))
    assert read_exactly(client, 1204) == frame(4, rtp(1))


def test_a_closed_connection_ends_its_interleaved_reader_and_no_other(front: FakeFront) -> None:
    (port,) = front.open_mount("/cam")
    publisher, pair = front.pair(), front.pair()
    front.record("/cam", udp(0, publisher))
    stream, _ = front.play("/cam", "tcp", TrackTransport(0, InterleavedTransport(0, 1)))
    connection, _ = front.play("/cam", "udp", udp(0, pair))
    for each in (stream, connection):
        each.close()
        front.await_event(ConnectionClosed)
    publisher[0].sendto(rtp(1), ("127.0.0.1", port))
    assert gather(pair[0], 1) == [rtp(1)]
    assert [each.playing for each in report(front).mounts[0].readers] == [False, True]


# -- garbage, deaths ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["LevitateMounts", "CloseMount"])
def test_what_only_a_newer_front_means_is_refused_at_once(front: FakeFront, kind: str) -> None:
    """A kind of message that is not known, or one without what it needs: the front must not wait for its deadline."""
    for request, sender in ((0, front.incarnation), (900, "another front"), (901, front.incarnation)):
        wire = [PROTOCOL_VERSION + 1, kind, sender, front.worker, request, {"path": "/cam"}]
        front.send_raw(msgpack.packb(wire))
    refused = front.await_event(Refused)
    assert refused.cause is Refusal.FAILED
    assert kind in refused.reason
    assert drops(front, "control_garbage") == 3
    assert not [each for each in front.events if isinstance(each, Refused)]


def test_garbage_is_counted_and_changes_nothing(front: FakeFront) -> None:
    (port,) = front.open_mount("/cam")
    front.send_raw(b"garbage")
    front.send_raw(b"two", b"frames")
    front.send_raw(b"")
    front.send_descriptor(b"token without descriptor")
    front.send(CloseMount("/cam", 1), front="another front")
    assert drops(front, "control_garbage") == 4
    assert drops(front, "foreign_front") == 1
    assert report(front).mounts[0].tracks[0].rtp_port == port
    assert cause(front.ask(Heartbeat(0, 0, 0, 0, 0, 0, (), 0.0, 0.0, 0, 0, draining=False))) is Refusal.FAILED


def test_unclaimed_descriptors_are_bounded(front: FakeFront) -> None:
    assert front.process is not None
    held = Path(f"/proc/{front.process.pid}/fd")
    before = len(list(held.iterdir()))
    with socket.socket(socket.AF_UNIX) as one:
        for number in range(1100):
            front.send_descriptor(str(number).encode(), one)
        report(front)
        assert len(list(held.iterdir())) <= before + 1024


def test_media_outlives_the_front_and_the_next_one_learns_all(tmp_path: Path) -> None:
    with PortSlice.claim() as ports:
        first = FakeFront(tmp_path, welcome(ports))
        with first:
            first.launch()
            first.register()
            (port,) = first.open_mount("/cam")
            publisher, reader = first.pair(), first.pair()
            connection = first.record("/cam", udp(0, publisher))
            first.play("/cam", "r", udp(0, reader))
            first.die()
            for number in range(100):
                publisher[0].sendto(rtp(number), ("127.0.0.1", port))
            assert len(gather(reader[0], 100)) == 100
            connection.sendall(OPTIONS)
            with FakeFront(tmp_path, welcome(ports), "front-2") as second:
                state = second.register()
                assert [each.path for each in state.mounts] == ["/cam"]
                assert state.mounts[0].tracks[0].packets_in == 100
                assert len(state.mounts[0].readers) == 1
                assert second.states()["publisher-connection"].unanswered == (OPTIONS,)
                assert second.open_mount("/other")


def test_a_worker_without_a_front_gives_up(tmp_path: Path) -> None:
    with one_worker(tmp_path, orphan_timeout_s=0.3) as front:
        assert front.process is not None
        front.die()
        assert front.process.wait(10) == 1


def test_a_worker_waits_for_its_first_front(tmp_path: Path) -> None:
    with PortSlice.claim() as ports:
        early = FakeFront(tmp_path, welcome(ports))
        early.launch()
        early.die()
        with FakeFront(tmp_path, welcome(ports), "later") as front:
            front.process = early.process
            front.register()
            assert front.open_mount("/cam")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_told_to_end_writes_what_is_queued(tmp_path: Path, number: int) -> None:
    with one_worker(tmp_path, write_timeout_s=10.0) as front:
        assert front.process is not None
        (port,) = front.open_mount("/cam")
        publisher = front.pair()
        front.record("/cam", udp(0, publisher))
        stream, _ = front.play("/cam", "r", TrackTransport(0, InterleavedTransport(0, 1)))
        packets = [rtp(each) for each in range(4000)]
        for start in range(0, len(packets), 100):
            for packet in packets[start : start + 100]:
                publisher[0].sendto(packet, ("127.0.0.1", port))
            sent = start + 100
            eventually(partial(came, front, sent), "all came")
        accepted = report(front).mounts[0].readers[0].packets_out
        front.process.send_signal(number)
        got = bytearray()
        while piece := stream.recv(1 << 20):
            got += piece
        assert len(got) == len(OK) + accepted * 1204
        assert front.process.wait(10) == 0
        assert bound_udp_ports(port, 2) == []


def test_reports_come_in_parts(front: FakeFront) -> None:
    front.open_mount("/cam")
    for number in range(60):
        front.open_mount(f"/m{number}")
        for session in range(50):
            front.ask(SetUpReader(f"/m{number}", 1, f"{number}-{session}", NOWHERE))
    parts = front.ask_all(ReportState())
    assert len(parts) == 2
    assert sum(len(each.mounts) for each in parts if isinstance(each, StateReport)) == 61


def test_record_over_tcp_then_over_another_connection(front: FakeFront) -> None:
    """A takeover in one generation: the new publisher's packets count, the old one's don't."""
    front.open_mount("/cam")
    way = TrackTransport(0, InterleavedTransport(0, 1))
    old = front.record("/cam", way, session="old")
    new = front.record("/cam", way, session="new")
    stream, _ = front.play("/cam", "r", way)
    assert stream.recv(4096) == OK
    old.sendall(frame(0, rtp(1)))
    assert drops(front, "unknown_channel") == 1
    new.sendall(frame(0, rtp(2)))
    assert read_exactly(stream, 1204) == frame(0, rtp(2))
    assert report(front).mounts[0].publisher == "new"
    again = Record("/cam", 1, "new", "new-connection", None, (way,), OK)
    assert front.ask(again) == Done()
    assert new.recv(4096) == OK
    assert report(front).mounts[0].tracks[0].packets_in == 1
