"""A worker whose front dies: the next one learns of every mount, session and connection, and gets their descriptors."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.test_worker_fanout import rtp
from tests.support.fake_front import FakeFront, one_worker, udp, welcome
from tests.support.ports import PortSlice, bound_udp_ports
from tests.support.waiting import eventually
from workers.contract.commands import (
    CloseMount,
    ForgetConnections,
    KeepListeners,
    LendPorts,
    OpenMount,
    Play,
    Record,
    ReportState,
    Respond,
    SetUpReader,
)
from workers.contract.events import ConnectionClosed, Heartbeat, RequestReceived, StreamBroken
from workers.contract.parts import Format, InterleavedTransport, Refusal, TrackSpec, TrackTransport
from workers.contract.replies import Done, MountOpened, Playing, Refused
from workers.contract.reports import StateReport

OPTIONS = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
OK = b"RTSP/1.0 200 OK\r\n\r\n"
SPEC = TrackSpec((Format(96, 90_000),))
TCP = TrackTransport(0, InterleavedTransport(0, 1))


@contextmanager
def successor(first: FakeFront) -> Iterator[FakeFront]:
    """Let the front die and another come in its place."""
    first.die()
    with FakeFront(first.runtime_dir, first.settings, f"{first.incarnation}-next") as front:
        front.register()
        yield front


@pytest.fixture
def front(tmp_path: Path) -> Iterator[FakeFront]:
    with one_worker(tmp_path) as front:
        yield front


def hold(front: FakeFront, name: str = "c", record: bytes = b"connection") -> socket.socket:
    """Let the worker hold a connection, by a reader that plays."""
    front.open_mount("/cam")
    client, handoff = front.connect_client(name, record)
    way = TrackTransport(0, InterleavedTransport(0, 1))
    reply = front.ask(Play("/cam", 1, f"{name}-session", name, handoff, (way,), OK[:-2], ("u",), b"reader"))
    assert isinstance(reply, Playing)
    assert client.recv(4096) == OK
    return client


def test_records_come_back_with_what_they_are_about(front: FakeFront) -> None:
    front.open_mount("/cam", tracks=2)
    _client, handoff = front.connect_client("p", b"publisher's connection")
    pairs = [front.pair(), front.pair()]
    transports = tuple(udp(index, pair) for index, pair in enumerate(pairs))
    record = Record("/cam", 1, "publisher", "p", handoff, transports, OK, b"mount", b"session")
    assert front.ask(record) == Done()
    hold(front)
    front.ask(SetUpReader("/cam", 1, "only set up", TCP))
    (status,) = front.ask_all(ReportState())
    assert isinstance(status, StateReport)
    assert status.mounts[0].record == b"", "records are not for those who know them"
    with successor(front) as second:
        (mount,) = second.snapshot[-1].mounts
        assert (mount.record, mount.publisher_record, mount.publisher_connection) == (b"mount", b"session", "p")
        assert {each.session: each.record for each in mount.readers} == {"c-session": b"reader", "only set up": b""}
        assert {name: state.record for name, state in second.states().items()} == {
            "p": b"publisher's connection",
            "c": b"connection",
        }


def test_a_connection_s_descriptor_comes_up_and_is_the_same_connection(front: FakeFront) -> None:
    client = hold(front)
    with successor(front) as second:
        (part,) = (each for each in second.snapshot if each.token)
        (duplicate,) = second.receive_descriptors(part.token)
        duplicate.send(b"hello from the next front")
        assert client.recv(100) == b"hello from the next front"


def test_many_connections_come_in_parts(front: FakeFront) -> None:
    for number in range(250):
        hold(front, f"c{number}")
    with successor(front) as second:
        parts = [each for each in second.snapshot if each.token]
        assert [len(each.states) for each in parts] == [100, 100, 50]
        for part in parts:
            assert len(second.receive_descriptors(part.token)) == len(part.states)
        assert len(second.states()) == 250


def test_a_request_without_an_answer_is_told_to_the_next_front_and_answered_once(front: FakeFront) -> None:
    client = hold(front)
    client.sendall(OPTIONS)
    assert front.await_event(RequestReceived).message == OPTIONS
    front.send(Respond("c", OK, close=False))
    assert client.recv(4096) == OK
    client.sendall(OPTIONS.replace(b"1\r\n\r\n", b"2\r\n\r\n"))
    front.await_event(RequestReceived)  # and never answered
    front.die()
    client.sendall(OPTIONS.replace(b"1\r\n\r\n", b"3\r\n\r\n"))
    with successor(front) as second:
        waiting = second.states()["c"].unanswered
        assert [each.split(b"CSeq: ")[1][:1] for each in waiting] == [b"2", b"3"]
        second.send(Respond("c", OK, close=False))
        assert client.recv(4096) == OK
        with successor(second) as third:
            assert [each.split(b"CSeq: ")[1][:1] for each in third.states()["c"].unanswered] == [b"3"]


def test_a_stream_that_broke_is_broken_for_the_next_front_too(front: FakeFront) -> None:
    client = hold(front)
    client.sendall(b"x" * 9000 + b"\r\n\r\n")
    front.await_event(StreamBroken)
    with successor(front) as second:
        assert second.states()["c"].broken_status == 414


def test_more_requests_than_may_wait_are_bounded(front: FakeFront) -> None:
    client = hold(front)
    client.sendall(OPTIONS * 200)
    front.await_event(RequestReceived)  # what comes at once is read at once
    with successor(front) as second:
        state = second.states()["c"]
        assert (len(state.unanswered), state.broken_status) == (64, 503)


def test_an_ended_connection_is_remembered_until_a_front_has_heard_of_it(front: FakeFront) -> None:
    client = hold(front)
    client.sendall(OPTIONS)
    front.await_event(RequestReceived)
    client.close()
    reason = front.await_event(ConnectionClosed).reason
    with successor(front) as second:
        ended = second.states()["c"]
        assert (ended.ended, ended.record, ended.unanswered) == (reason, b"connection", (OPTIONS,))
        assert second.snapshot[-1].connections == ()
        with successor(second) as third:
            assert third.states()["c"].ended == reason
            third.send(ForgetConnections(("c", "nobody")))
            third.ask(ReportState())
            with successor(third) as fourth:
                assert fourth.states() == {}


def test_a_connection_that_ends_without_a_front_is_told(front: FakeFront) -> None:
    assert front.process is not None
    client = hold(front)
    front.die()
    held = Path(f"/proc/{front.process.pid}/fd")
    before = len(list(held.iterdir()))
    client.close()
    eventually(lambda: len(list(held.iterdir())) < before, "the worker let go of it")
    with successor(front) as second:
        assert second.states()["c"].ended == "closed by the peer"
        (mount,) = second.snapshot[-1].mounts
        assert [each.playing for each in mount.readers] == [False]


def test_forgetting_does_not_touch_a_connection_that_lives(front: FakeFront) -> None:
    client = hold(front)
    front.send(ForgetConnections(("c",)))
    client.sendall(OPTIONS)
    assert front.await_event(RequestReceived).connection == "c"


def test_what_a_dead_front_sent_and_did_not_name_is_let_go_of_at_once(front: FakeFront) -> None:
    near, far = socket.socketpair()
    with near:
        front.send_descriptor(b"for a Play that never came", far)
        far.close()
        front.ask(ReportState())
        front.die()
        near.settimeout(5)
        assert near.recv(1) == b""


# -- the listening sockets ------------------------------------------------------------------------------------------


def test_listening_sockets_outlive_their_front_and_come_back(front: FakeFront) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        front.send_descriptor(b"l", listener)
        front.send(KeepListeners(("client",), "l"))
        front.ask(ReportState())
    front.die()
    with socket.create_connection(address, timeout=5) as client, successor(front) as second:
        last = second.snapshot[-1]
        assert last.listeners == ("client",)
        (again,) = second.receive_descriptors(last.listeners_token)
        again.settimeout(5)
        ours, _ = again.accept()
        with ours:
            ours.send(b"x")
            assert client.recv(1) == b"x"
        again.close()
        second.send(KeepListeners((), ""))
        second.ask(ReportState())
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)


def test_listeners_without_their_descriptors_are_none(front: FakeFront) -> None:
    front.send(KeepListeners(("client",), "no such token"))
    with successor(front) as second:
        assert second.snapshot[-1].listeners == ()


# -- mounts that come from another worker ---------------------------------------------------------------------------


def test_a_mount_opens_on_the_ports_that_it_had_elsewhere(front: FakeFront) -> None:
    with PortSlice.claim() as elsewhere:
        port = elsewhere.media_start
        assert front.ask(OpenMount("/cam", 7, (SPEC,), (port,))) == MountOpened((port,))
        publisher, reader = front.pair(), front.pair()
        silent = Record("/cam", 7, "p", "", None, (udp(0, publisher),), b"", b"m", b"p")
        assert front.ask(silent) == Done()
        play = Play("/cam", 7, "r", "", None, (udp(0, reader),), b"", ("u",), b"r")
        assert isinstance(front.ask(play), Playing)
        publisher[0].sendto(rtp(1), ("127.0.0.1", port))
        reader[0].settimeout(5)
        assert reader[0].recv(2000) == rtp(1)
        assert ports_in_use(front) == 0, "they are another slice's to count"
        assert front.ask(CloseMount("/cam", 7)) == Done()
        assert bound_udp_ports(port, 2) == []


def test_ports_that_are_taken_open_nothing(front: FakeFront) -> None:
    with PortSlice.claim() as elsewhere, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as busy:
        port = elsewhere.media_start
        busy.bind(("::", port + 2))
        refused = front.ask(OpenMount("/cam", 7, (SPEC, SPEC), (port, port + 2)))
        assert isinstance(refused, Refused)
        assert refused.cause is Refusal.NO_PORTS
        assert bound_udp_ports(port, 2) == []
    wrong = front.ask(OpenMount("/cam", 8, (SPEC, SPEC), (port,)))
    assert isinstance(wrong, Refused)
    assert wrong.cause is Refusal.FAILED


def test_an_interleaved_session_needs_its_connection(front: FakeFront) -> None:
    front.open_mount("/cam")
    for command in (Record("/cam", 1, "p", "", None, (TCP,), b""), Play("/cam", 1, "r", "", None, (TCP,), b"", ("u",))):
        refused = front.ask(command)
        assert isinstance(refused, Refused)
        assert refused.cause is Refusal.UNKNOWN_CONNECTION


def test_lent_ports_count_as_used_and_are_not_given_out(tmp_path: Path) -> None:
    with PortSlice.claim() as ports, FakeFront(tmp_path, welcome(ports)) as front:
        front.launch()
        front.register()
        start = front.settings.rtp_port_start
        front.send(LendPorts((start, start + 2)))
        assert front.open_mount("/cam") == (start + 4,)
        assert ports_in_use(front) == 6
        with successor(front) as second:
            assert second.snapshot[-1].lent_ports == (start, start + 2)
            assert second.ask(OpenMount("/back", 1, (SPEC,), (start,))) == MountOpened((start,))
            second.send(LendPorts(()))
            assert ports_in_use(second) == 4


def ports_in_use(front: FakeFront) -> int:
    """Give what the next heartbeat says of used ports."""

    front.ask(ReportState())
    front.listen()
    front.events = [each for each in front.events if not isinstance(each, Heartbeat)]
    return front.await_event(Heartbeat).ports_used
