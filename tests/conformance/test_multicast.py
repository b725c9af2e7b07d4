"""Multicast to readers, in a network of the test's own: real players, and readers that count every packet."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.clip import Clip
from tests.support.media import Program, publish, read
from tests.support.network import CLIENT_V6, NEAR, SERVER_V4, SERVER_V6, Network, own_network
from tests.support.ports import udp_socket
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import HURRIED, RouterProcess, StartRouter
from tests.support.rtp import build_receiver_report, parse_rtcp
from tests.support.rtsp import Reply, RtspConnection, resolve
from tests.support.waiting import eventually

OFFER = {"Transport": "RTP/AVP;multicast"}
RANGE = "239.77.0.0/29"
VIDEO_FRAMES = 30
AUDIO_FRAMES = 40

Serve = Callable[..., RouterProcess]


@pytest.fixture
def network() -> Iterator[Network]:
    with own_network() as network:
        yield network


@pytest.fixture
def serve(network: Network, start_router: StartRouter) -> Serve:
    """Start a router on its side of the network, on all its addresses."""

    def start(**settings: Any) -> RouterProcess:
        defaults = {"multicast_range": RANGE, "multicast_interface": NEAR}
        with network.within(network.server):
            return start_router(host="", settings=defaults | settings)

    return start


def to_publish(router: RouterProcess, path: str, host: str = SERVER_V4) -> str:
    return f"rtsp://{host}:{resolve(router.publish_url)[1]}{path}"


def to_read(router: RouterProcess, path: str, host: str = SERVER_V4) -> str:
    return f"rtsp://{host}:{resolve(router.client_url)[1]}{path}"


class Group:
    """What comes to one group, all the while."""

    def __init__(self, network: Network, reply: Reply) -> None:
        assert reply["Transport"].startswith("RTP/AVP;multicast;")
        self.address = reply.transport["destination"]
        rtp, rtcp = reply.ports("port")
        assert rtcp == rtp + 1
        self.rtp, self.rtcp = (network.join(self.address, port) for port in (rtp, rtcp))
        self.packets: list[bytes] = []
        self.reports: list[bytes] = []

    def drain(self) -> None:
        for sock, target in ((self.rtp, self.packets), (self.rtcp, self.reports)):
            while True:
                try:
                    target.append(sock.recv(65_536))
                except BlockingIOError:
                    break

    def wait(self, packets: int) -> list[bytes]:
        """Wait for so many packets in all, and give all that have come."""

        def come() -> bool:
            self.drain()
            return len(self.packets) >= packets

        eventually(come, f"{packets} packets in {self.address}")
        return self.packets

    def wait_report(self) -> bytes:
        """Wait for RTCP, and give the last that has come."""

        def come() -> bool:
            self.drain()
            return bool(self.reports)

        eventually(come, f"RTCP in {self.address}")
        return self.reports[-1]

    def close(self) -> None:
        for sock in (self.rtp, self.rtcp):
            sock.close()


class Viewer:
    """A reader's RTSP side: its media is the group's."""

    def __init__(self, network: Network, url: str) -> None:
        self.url = url
        with network.within(network.clients):
            self.connection = RtspConnection(url)

    def set_up(self, track: int = 0, status: int = 200, offer: str = OFFER["Transport"]) -> Reply:
        return self.connection.expect(status, "SETUP", f"{self.url}/trackID={track}", {"Transport": offer})

    def do(self, method: str) -> Reply:
        return self.connection.expect(200, method, self.url)

    def close(self) -> None:
        self.connection.close()


def close(viewers: list[Viewer], groups: list[Group]) -> None:
    for viewer in viewers:
        viewer.close()
    for group in groups:
        group.close()


def session(router: RouterProcess, viewer: Viewer) -> dict[str, Any]:
    (found,) = [each for each in router.status()["sessions"] if each["id"] == viewer.connection.session]
    return dict(found)


def counted(router: RouterProcess, viewer: Viewer, packets: int) -> None:
    """Wait until so many packets went to a session, and see that it stays at that: workers tell it once a second."""
    eventually(lambda: session(router, viewer)["packets"] >= packets, f"{packets} packets to a session")
    assert session(router, viewer)["packets"] == packets


def wait_taken(router: RouterProcess, publisher: Publisher) -> None:
    """Wait until the router has taken in all that was sent."""
    sent = [len(track.sent) for track in publisher.tracks]

    def taken() -> bool:
        mount = router.mount(publisher.mount)
        return mount is not None and [each["packets_in"] for each in mount["tracks"]] == sent

    eventually(taken, f"{sent} packets taken in")


def packets_out(router: RouterProcess) -> int:
    """Count what has left all workers, by a heartbeat that is younger than the call."""
    before = router.status()["front"]["uptime_s"]
    later = router.wait_until(lambda status: status["front"]["uptime_s"] > before + 1.2, "two heartbeats")
    return sum(each["packets_out"] for each in later["workers"])


@pytest.fixture
def published(network: Network, serve: Serve, path: str) -> Iterator[tuple[RouterProcess, Publisher]]:
    router = serve()
    with network.within(network.clients):
        publisher = Publisher(to_publish(router, path), tracks=2).start()
    with publisher:
        yield router, publisher


def test_many_readers_cost_one_send_a_packet(
    network: Network, published: tuple[RouterProcess, Publisher], path: str
) -> None:
    router, publisher = published
    publisher.send(1)
    wait_taken(router, publisher)
    viewers = [Viewer(network, to_read(router, path)) for _ in range(10)]
    groups: list[Group] = []
    try:
        for viewer in viewers:
            replies = [viewer.set_up(0), viewer.set_up(1)]
            ssrcs = [int(reply.transport["ssrc"], 16) for reply in replies]
            assert ssrcs == [track.ssrc for track in publisher.tracks]
            if not groups:
                groups = [Group(network, reply) for reply in replies]
            assert [each.transport["destination"] for each in replies] == [each.address for each in groups]
            assert {each["Transport"].partition(";port=")[2] for each in replies} == {
                f'5004-5005;ttl=1;ssrc={ssrc:08X};mode="PLAY"' for ssrc in ssrcs
            }
            info = viewer.do("PLAY")["RTP-Info"]
            assert [f"seq={track.next_sequence};" in info for track in publisher.tracks] == [True, True]
        assert len({each.address for each in groups}) == 2
        before = packets_out(router)
        publisher.send(200)
        for group, track in zip(groups, publisher.tracks, strict=True):
            assert group.wait(200) == track.sent[1:]
        assert packets_out(router) - before == 400
        for viewer in viewers:
            assert session(router, viewer)["transport"] == "multicast"
            counted(router, viewer, 400)
        publisher.teardown()
        for group in groups:
            assert [each.kind for each in parse_rtcp(group.wait_report())] == [201, 203], "a goodbye"
    finally:
        close(viewers, groups)


def test_it_starts_with_the_first_reader_and_stops_after_the_last(
    network: Network, published: tuple[RouterProcess, Publisher], path: str
) -> None:
    router, publisher = published
    viewers = [Viewer(network, to_read(router, path)) for _ in range(3)]
    first, second, third = viewers
    group = Group(network, first.set_up())
    expected: list[bytes] = []
    sent = publisher.tracks[0].sent

    def send(*, wanted: bool) -> None:
        publisher.send(20)
        wait_taken(router, publisher)
        expected.extend(sent[-20:] if wanted else [])

    try:
        send(wanted=False)
        first.do("PLAY")
        send(wanted=True)
        second.set_up()
        second.do("PLAY")
        send(wanted=True)
        first.do("PAUSE")
        send(wanted=True)
        second.do("TEARDOWN")
        send(wanted=False)
        first.do("PLAY")
        send(wanted=True)
        first.connection.close()  # lives on without its connection, as readers over UDP do
        send(wanted=True)
        third.set_up()
        third.do("PLAY")
        send(wanted=True)
        assert group.wait(len(expected)) == expected
        counted(router, third, 20)
    finally:
        close(viewers, [group])


def test_groups_run_out_and_come_back(network: Network, serve: Serve, path: str) -> None:
    router = serve(multicast_range="239.77.0.0/31", port_rest_s=0.5)
    other = f"{path}-other"
    with network.within(network.clients):
        publisher = Publisher(to_publish(router, path), tracks=2).start()
        beside = Publisher(to_publish(router, other)).start()
    viewers = [Viewer(network, to_read(router, path)), Viewer(network, to_read(router, other))]
    try:
        with publisher, beside:
            viewers[0].set_up()
            assert "groups left" in viewers[1].set_up(status=503).reason
            both = f"{OFFER['Transport']},RTP/AVP/TCP;unicast;interleaved=0-1"
            assert viewers[1].set_up(offer=both).transport[""] == "RTP/AVP/TCP"
            publisher.teardown()
            with network.within(network.clients):
                viewers.append(Viewer(network, to_read(router, other)))

            def served() -> bool:
                return viewers[2].connection.request("SETUP", f"{viewers[2].url}/trackID=0", OFFER).status == 200

            eventually(served, "a group that has rested")
    finally:
        for each in viewers:
            each.close()


def test_rtcp_from_a_readers_host_keeps_its_session(network: Network, serve: Serve, path: str) -> None:
    router = serve(**HURRIED)
    with network.within(network.clients):
        publisher = Publisher(to_publish(router, path)).start()
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    viewer = Viewer(network, to_read(router, path))
    try:
        with publisher, sock:
            viewer.set_up()
            viewer.do("PLAY")
            mount = router.mount(path)
            assert mount is not None
            port = mount["tracks"][0]["rtp_port"] + 1
            started = router.status()["front"]["uptime_s"]

            def live() -> bool:
                publisher.send(1)
                sock.sendto(build_receiver_report(5), (SERVER_V4, port))
                assert session(router, viewer)["state"] == "playing"
                return bool(router.status()["front"]["uptime_s"] > started + 2 * HURRIED["session_timeout_s"])

            eventually(live, "twice the life of a session", interval_s=0.1)

            def gone() -> bool:
                publisher.send(1)
                return not [each for each in router.status()["sessions"] if each["role"] == "reader"]

            eventually(gone, "the end of a session that nothing is heard of", interval_s=0.1)
    finally:
        viewer.close()


def test_readers_of_all_kinds_at_once_over_ipv6(network: Network, serve: Serve, path: str) -> None:
    with network.within(network.clients):
        try:
            udp_socket(CLIENT_V6).close()
        except OSError as error:
            pytest.skip(f"no IPv6 here: {error}")
    router = serve(multicast_range="ff15::/16", multicast_interface=SERVER_V6)
    url = to_read(router, path, f"[{SERVER_V6}]")
    with network.within(network.clients):
        publisher = Publisher(to_publish(router, path, f"[{SERVER_V6}]")).start()
        readers = [Reader(url, transport=each).start() for each in ("udp", "tcp")]
    viewer = Viewer(network, url)
    try:
        group = Group(network, viewer.set_up())
        with publisher, readers[0], readers[1]:
            viewer.do("PLAY")
            publisher.send(50)
            for reader in readers:
                reader.receive(50)
                reader.check(publisher)
            assert group.wait(50) == publisher.tracks[0].sent
        group.close()
    finally:
        viewer.close()


@pytest.mark.parametrize(
    ("settings", "tool"),
    [({}, "ffmpeg"), ({"multicast_interface": SERVER_V4}, "gst"), ({"multicast_interface": ""}, "ffmpeg")],
    ids=["ffmpeg-by-name", "gst-by-address", "ffmpeg-by-route"],
)
def test_real_players_decode_what_was_sent(
    network: Network, serve: Serve, clip: Clip, path: str, settings: dict[str, Any], tool: str
) -> None:
    if settings.get("multicast_interface") == "":
        network.route(network.server, NEAR)
    router = serve(**settings)
    url = to_read(router, path)
    with network.within(network.clients), publish("ffmpeg", clip, to_publish(router, path), "udp") as encoder:
        router.wait_until(lambda status: [each["state"] for each in status["mounts"]] == ["live"], "a live mount")
        other = [
            "ffmpeg",
            "-v",
            "error",
            "-rtsp_transport",
            "udp_multicast",
            "-i",
            url,
            "-c",
            "copy",
            "-f",
            "null",
            "-",
        ]
        with Program(other):
            choice = {"ffmpeg": "udp_multicast", "gst": "udp-mcast"}[tool]
            router.wait_until(lambda status: "playing" in [each["state"] for each in status["sessions"]], "a player")
            frames = read(tool, url, choice, video=VIDEO_FRAMES, audio=AUDIO_FRAMES)
            clip.check(frames, video=VIDEO_FRAMES, audio=AUDIO_FRAMES)
            players = [each for each in router.status()["sessions"] if each["role"] == "reader"]
            assert [each["transport"] for each in players] == ["multicast"] * 2, "one that was killed is not yet missed"
        assert encoder.process.poll() is None, encoder.describe()
        counted = [(each["packets_in"], each["packets_out"]) for each in router.status()["workers"]]
        assert all(sent <= taken for taken, sent in counted), f"{counted}: two players, and each packet sent once"
        assert sum(sent for _, sent in counted) > 0
