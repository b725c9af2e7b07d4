"""A real worker and multicast readers: one send of each burst, from the first that plays to the last."""

import socket
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.test_worker_fanout import drops, gather, received, rtp, sender_report
from tests.support.fake_front import FakeFront, one_worker, udp
from tests.support.network import CLIENT_V4, CLIENT_V6, NEAR, SERVER_V4, SERVER_V6, Network, own_network
from tests.support.ports import udp_pair, udp_socket
from tests.support.rtp import build_receiver_report, parse_rtcp
from tests.support.waiting import eventually
from workers.contract.commands import CloseMount, OpenMount, PauseReader, Record, RemoveReader, ReportState, SetUpReader
from workers.contract.events import Heartbeat, SessionHeard
from workers.contract.parts import Format, MulticastTransport, TrackSpec, TrackTransport
from workers.contract.replies import Done, ReaderSetUp, Refused
from workers.contract.reports import ReaderState, StateReport

GROUP = MulticastTransport(CLIENT_V4, "239.77.0.1", 5004, 5005, 1, NEAR)
BURST = 20
IP_RECVTTL = 12
"""ip(7); the `socket` module does not have it."""


@pytest.fixture
def network() -> Iterator[Network]:
    with own_network() as network:
        yield network


@pytest.fixture
def front(network: Network, tmp_path: Path) -> Iterator[FakeFront]:
    with network.within(network.server), one_worker(tmp_path) as front:
        yield front


class Stream:
    """A publisher of one track on the worker's machine, and a listener to its group that was always there."""

    def __init__(self, front: FakeFront, network: Network, group: MulticastTransport = GROUP) -> None:
        (self.port,) = front.open_mount("/cam")
        self.sockets = front.pair()
        front.record("/cam", udp(0, self.sockets))
        self.sent = 0
        self.rtp = network.join(group.group, group.rtp_port)
        self.rtcp = network.join(group.group, group.rtcp_port)

    def send(self, packets: int = BURST) -> list[bytes]:
        """Send packets in one go."""
        burst = [rtp(self.sent + each) for each in range(packets)]
        for packet in burst:
            self.sockets[0].sendto(packet, ("127.0.0.1", self.port))
        self.sent += packets
        return burst

    def close(self) -> None:
        for sock in (self.rtp, self.rtcp):
            sock.close()


@pytest.fixture
def stream(front: FakeFront, network: Network) -> Iterator[Stream]:
    stream = Stream(front, network)
    yield stream
    stream.close()


def state(front: FakeFront) -> StateReport:
    report = front.ask(ReportState())
    assert isinstance(report, StateReport)
    return report


def readers(front: FakeFront) -> dict[str, ReaderState]:
    return {reader.session: reader for reader in state(front).mounts[0].readers}


def wait_arrived(front: FakeFront, packets: int) -> None:
    """Wait until the worker has taken in so many packets."""
    eventually(lambda: state(front).mounts[0].tracks[0].packets_in == packets, f"{packets} packets in the worker")


def packets_out(front: FakeFront) -> int:
    """Ask for the count of packets that have left the worker since its start."""
    state(front)  # what has been heard up to its answer is older
    front.events[:] = [each for each in front.events if not isinstance(each, Heartbeat)]
    return front.await_event(Heartbeat).packets_out


def play(front: FakeFront, session: str, transport: MulticastTransport = GROUP) -> None:
    reply = front.ask(SetUpReader("/cam", 1, session, TrackTransport(0, transport)))
    assert isinstance(reply, ReaderSetUp), reply
    front.play("/cam", session, TrackTransport(0, transport))


def test_a_burst_is_sent_once_whatever_the_number_of_readers(front: FakeFront, stream: Stream) -> None:
    names = [f"r{index}" for index in range(50)]
    for name in names:
        play(front, name)
    first, second = stream.send(), stream.send(1)
    assert gather(stream.rtp, BURST + 1) == first + second
    assert packets_out(front) == BURST + 1
    assert {name: each.packets_out for name, each in readers(front).items()} == dict.fromkeys(names, BURST + 1)
    assert drops(front, "send_error") == 0


def test_it_starts_with_the_first_that_plays_and_stops_after_the_last(front: FakeFront, stream: Stream) -> None:
    assert isinstance(front.ask(SetUpReader("/cam", 1, "first", TrackTransport(0, GROUP))), ReaderSetUp)
    stream.send()
    wait_arrived(front, BURST)
    play(front, "first")
    both = stream.send()
    wait_arrived(front, 2 * BURST)
    play(front, "second")
    both += stream.send()
    wait_arrived(front, 3 * BURST)
    assert front.ask(PauseReader("/cam", 1, "first")) == Done()
    both += stream.send()
    wait_arrived(front, 4 * BURST)
    assert front.ask(RemoveReader("/cam", 1, "second")) == Done()
    stream.send()
    wait_arrived(front, 5 * BURST)
    assert readers(front)["first"] == ReaderState("first", "first-connection", False, 2 * BURST, 0)
    play(front, "third")
    last = stream.send()
    assert gather(stream.rtp, len(both + last)) == both + last
    assert received(stream.rtp) == []
    assert readers(front)["third"].packets_out == BURST


def test_unicast_readers_beside_a_group_get_the_same(front: FakeFront, network: Network, stream: Stream) -> None:
    with network.within(network.clients):
        pair = udp_pair(CLIENT_V4)
    try:
        front.play("/cam", "unicast", udp(0, pair, CLIENT_V4))
        play(front, "multicast")
        burst = stream.send()
        assert gather(stream.rtp, BURST) == gather(pair[0], BURST) == burst
    finally:
        for sock in pair:
            sock.close()


def test_reports_and_the_goodbye_go_to_the_group(front: FakeFront, stream: Stream) -> None:
    stream.send(1)
    wait_arrived(front, 1)
    stream.sockets[1].sendto(sender_report(), ("127.0.0.1", stream.port + 1))
    wait_arrived(front, 1)
    eventually(lambda: packets_in(front) == 2, "the sender report")
    play(front, "first")
    play(front, "second")
    assert gather(stream.rtcp, 1) == [sender_report()], "the first gets the last report, and nobody gets it twice"
    assert front.ask(CloseMount("/cam", 1)) == Done()
    (goodbye,) = gather(stream.rtcp, 1)
    assert [each.kind for each in parse_rtcp(goodbye)] == [201, 203]


def packets_in(front: FakeFront) -> int:
    return front.await_event(Heartbeat).packets_in


def test_rtcp_from_a_readers_host_is_a_sign_of_life_for_all_its_multicast_sessions(
    front: FakeFront, network: Network, stream: Stream
) -> None:
    play(front, "here")
    play(front, "here-too")
    play(front, "elsewhere", replace(GROUP, host="10.77.0.9"))
    with network.within(network.clients), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"neither RTP nor RTCP", (SERVER_V4, stream.port + 1))
        sock.sendto(build_receiver_report(9), (SERVER_V4, stream.port + 1))
    heard = {front.await_event(SessionHeard).session for _ in range(2)}
    assert heard == {"here", "here-too"}
    eventually(lambda: drops(front, "wrong_source") == 1, "the garbage counted")
    front.listen()
    assert not [each for each in front.events if isinstance(each, SessionHeard)]


def test_a_sender_report_from_a_readers_host_is_nobodys(front: FakeFront, network: Network, stream: Stream) -> None:
    play(front, "here")
    with network.within(network.clients), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(sender_report(), (SERVER_V4, stream.port + 1))
    eventually(lambda: drops(front, "wrong_source") == 1, "the report counted")
    assert received(stream.rtcp) == []


def test_a_picture_that_a_multicast_reader_asks_for_is_asked_for(
    front: FakeFront, network: Network, stream: Stream
) -> None:
    play(front, "here")
    with network.within(network.clients), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(struct.pack("!BBHII", 0x81, 206, 2, 9, 7), (SERVER_V4, stream.port + 1))
    (packet,) = gather(stream.sockets[1], 1)
    assert 206 in [each.kind for each in parse_rtcp(packet)]


@pytest.mark.parametrize("interface", [NEAR, SERVER_V4, ""])
def test_the_interface_is_named_addressed_or_the_kernels_choice(
    front: FakeFront, network: Network, interface: str
) -> None:
    if not interface:
        network.route(network.server, NEAR)
    group = replace(GROUP, interface=interface, ttl=7)
    stream = Stream(front, network, group)
    try:
        stream.rtp.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        play(front, "r", group)
        (packet,) = stream.send(1)
        eventually(lambda: readers(front)["r"].packets_out == 1, "the packet sent")
        data, control, _, (host, port) = stream.rtp.recvmsg(2048, 64)
        assert (data, host, port) == (packet, SERVER_V4, stream.port)
        assert [int.from_bytes(value[:1], "big") for _, _, value in control] == [7]
    finally:
        stream.close()


@pytest.mark.parametrize("interface", [NEAR, SERVER_V6])
def test_an_ipv6_group(front: FakeFront, network: Network, interface: str) -> None:
    with network.within(network.clients):
        try:
            udp_socket(CLIENT_V6).close()
        except OSError as error:
            pytest.skip(f"no IPv6 here: {error}")
    group = MulticastTransport(CLIENT_V6, "ff15::8000:0", 5004, 5005, 3, interface)
    stream = Stream(front, network, group)
    try:
        play(front, "r", group)
        play(front, "s", group)
        burst = stream.send()
        assert gather(stream.rtp, BURST) == burst
    finally:
        stream.close()


@pytest.mark.parametrize(
    ("transport", "reason"),
    [
        (replace(GROUP, interface="eth77"), "no interface here has the name or address 'eth77'"),
        (replace(GROUP, interface="192.0.2.1"), "no interface here has the name or address '192.0.2.1'"),
        (replace(GROUP, group="somewhere"), "no numeric address"),
        (replace(GROUP, group="239.77.0.2"), "another group"),
        (replace(GROUP, ttl=2), "another group"),
    ],
)
def test_what_can_not_be_sent_is_refused(
    front: FakeFront, stream: Stream, transport: MulticastTransport, reason: str
) -> None:
    if "another" in reason:
        play(front, "r")
    reply = front.ask(SetUpReader("/cam", 1, "s", TrackTransport(0, transport)))
    assert isinstance(reply, Refused)
    assert reason in reply.reason


def test_nobody_publishes_by_multicast(front: FakeFront) -> None:
    front.ask(OpenMount("/other", 1, (TrackSpec((Format(96, 90_000),)),)))
    _, handoff = front.connect_client("c")
    reply = front.ask(Record("/other", 1, "s", "c", handoff, (TrackTransport(0, GROUP),), b""))
    assert isinstance(reply, Refused)


def test_another_group_may_follow_when_all_readers_have_left(front: FakeFront, network: Network) -> None:
    other = replace(GROUP, group="239.77.0.2")
    stream = Stream(front, network, other)
    try:
        play(front, "r")
        assert front.ask(RemoveReader("/cam", 1, "r")) == Done()
        play(front, "s", other)
        burst = stream.send()
        assert gather(stream.rtp, BURST) == burst
    finally:
        stream.close()
