"""RTSP as clients speak it: what they ask for in which order and in which pieces."""

import pytest

from tests.support.publisher import Publisher
from tests.support.reader import Reader, receive_all
from tests.support.router import RouterProcess, StartRouter
from tests.support.rtsp import RtspConnection
from tests.support.waiting import eventually

METHODS = {
    "OPTIONS", "DESCRIBE", "ANNOUNCE", "SETUP", "PLAY", "RECORD", "PAUSE", "TEARDOWN", "GET_PARAMETER",
    "SET_PARAMETER",
}  # fmt: skip


def public(url: str) -> set[str]:
    with RtspConnection(url) as connection:
        return {each.strip() for each in connection.expect(200, "OPTIONS", url)["Public"].split(",")}


def test_options_names_the_methods(router: RouterProcess, path: str) -> None:
    publish, read = public(router.publish(path)), public(router.read(path))
    assert publish | read == METHODS
    assert {"ANNOUNCE", "SETUP", "RECORD", "TEARDOWN"} <= publish
    assert {"DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER"} <= read


def test_options_of_the_whole_server(router: RouterProcess) -> None:
    with RtspConnection(router.client_url) as connection:
        connection.expect(200, "OPTIONS", "*")


@pytest.mark.parametrize("method", ["GET_PARAMETER", "SET_PARAMETER"])
def test_parameters_are_answered_with_and_without_a_session(router: RouterProcess, path: str, method: str) -> None:
    with Publisher(router.publish(path)).start(), Reader(router.read(path)) as reader:
        reader.connection.expect(200, method, reader.url)
        reader.start()
        reader.connection.expect(200, method, reader.url)


def test_parameters_that_nobody_has(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start(), Reader(router.read(path)).start() as reader:
        for method in ("GET_PARAMETER", "SET_PARAMETER"):
            header = {"Content-Type": "text/parameters"}
            assert reader.connection.request(method, reader.url, header, b"barparam: x\r\n").status in (200, 451)
        reader.connection.expect(200, "GET_PARAMETER", reader.url)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_packets_reach_readers_byte_for_byte(router: RouterProcess, path: str, transport: str) -> None:
    with (
        Publisher(router.publish(path), transport=transport, tracks=2).start() as publisher,
        Reader(router.read(path), transport="udp").start() as over_udp,
        Reader(router.read(path), transport="tcp").start() as over_tcp,
    ):
        for size in (60, 1200, 1400):
            publisher.send(20, size=size)
            receive_all(
                [over_udp, over_tcp],
                lambda: all(
                    len(track.packets) == len(publisher.tracks[0].sent)
                    for reader in (over_udp, over_tcp)
                    for track in reader.tracks.values()
                ),
            )
        for reader in (over_udp, over_tcp):
            reader.check(publisher)


def test_a_session_tells_its_timeout_and_setup_its_ports(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)) as reader:
        publisher.send(1)
        router.wait_until(
            lambda status: [each["packets"] for each in status["sessions"] if each["mount"] == path] == [1],
            "the packet has come",
        )
        reader.describe()
        reply = reader.set_up(0)
        assert reply["Session"].replace(" ", "").endswith(";timeout=60")
        low, high = reply.ports("server_port")
        assert low % 2 == 0
        assert high == low + 1
        assert low in range(router.ports.media_start, router.ports.media_start + router.ports.media_count)
        assert reader.tracks[0].ssrc == publisher.tracks[0].ssrc


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_pipelined_requests_are_answered_in_order(router: RouterProcess, path: str, transport: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path), transport=transport) as reader:
        connection, url = reader.connection, reader.url
        connection.send(b"".join(connection.build("OPTIONS", url) for _ in range(20)))
        assert [connection.reply()["CSeq"] for _ in range(20)] == [str(number) for number in range(1, 21)]
        reader.describe()
        reader.set_up(0)
        # What follows PLAY is read by whoever has the connection by then: none may be lost or come out of turn.
        behind = ["PLAY", "GET_PARAMETER", "OPTIONS", "PAUSE", "PLAY", "GET_PARAMETER"]
        first = connection.cseq + 1
        connection.send(b"".join(connection.build(method, url) for method in behind))
        replies = [connection.reply() for _ in behind]
        assert [reply.status for reply in replies] == [200] * len(behind)
        assert [reply["CSeq"] for reply in replies] == [str(first + number) for number in range(len(behind))]
        publisher.send(5)
        reader.receive(5)
        reader.check(publisher)


def test_frames_that_follow_record_in_the_same_segment_are_media(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path), transport="tcp") as publisher:
        publisher.announce()
        publisher.set_up(0)
        request = publisher.connection.build("RECORD", publisher.url)
        frames = [publisher.tracks[0].build(300) for _ in range(10)]
        publisher.connection.send(
            request + b"".join(b"$\0" + len(frame).to_bytes(2, "big") + frame for frame in frames)
        )
        assert publisher.connection.reply().status == 200
        router.wait_until(
            lambda status: [each["packets"] for each in status["sessions"] if each["mount"] == path] == [10],
            "ten packets counted",
        )


def test_a_request_may_come_byte_by_byte(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start(), Reader(router.read(path)) as reader:
        for step in (None, "playing"):
            for byte in reader.connection.build("OPTIONS", reader.url):
                reader.connection.send(bytes([byte]))
            assert reader.connection.reply().status == 200, step
            if step is None:
                reader.start()


@pytest.mark.parametrize(
    ("offer", "chosen"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=0-1,RTP/AVP;unicast;client_port={0}-{1}", "tcp"),
        ("RTP/AVP;unicast;client_port={0}-{1},RTP/AVP/TCP;unicast;interleaved=0-1", "udp"),
        ("RTP/AVP;multicast,RTP/AVP/TCP;unicast;interleaved=0-1", "tcp"),
        ("RTP/SAVP;unicast;client_port={0}-{1},RTP/AVP;unicast;client_port={0}-{1}", "udp"),
        ("RAW/RAW/UDP;unicast;client_port={0}-{1}, RTP/AVP/UDP;unicast;client_port={0}-{1};mode=play", "udp"),
        ('RTP/AVP/TCP;unicast;interleaved=0-1;mode="PLAY"', "tcp"),
    ],
)
def test_the_first_transport_of_the_client_that_can_be_served_is_taken(
    router: RouterProcess, path: str, offer: str, chosen: str
) -> None:
    with Publisher(router.publish(path)).start(), Reader(router.read(path)) as reader:
        reader.describe()
        header = {"Transport": offer.format(40_000, 40_001)}
        reply = reader.connection.expect(200, "SETUP", reader.control_url(0), header)
        assert ("interleaved" in reply.transport) == (chosen == "tcp")
        assert ("server_port" in reply.transport) == (chosen == "udp")


def test_tcp_without_channels_gets_some(router: RouterProcess, path: str) -> None:
    with (
        Publisher(router.publish(path), tracks=2).start() as publisher,
        Reader(router.read(path), transport="tcp") as reader,
    ):
        reader.describe()
        pairs = [reader.set_up(index, "RTP/AVP/TCP;unicast").ports("interleaved") for index in (0, 1)]
        assert len({channel for pair in pairs for channel in pair}) == 4
        reader.play()
        publisher.send(5)
        reader.receive(5)
        reader.check(publisher)


def test_a_publisher_over_tcp_without_channels_gets_some(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path), transport="tcp") as publisher:
        publisher.announce()
        header = {"Transport": "RTP/AVP/TCP;unicast;mode=record"}
        reply = publisher.connection.expect(200, "SETUP", f"{publisher.url}/streamid=0", header)
        publisher.tracks[0].channels = reply.ports("interleaved")
        publisher.record()
        with Reader(router.read(path)).start() as reader:
            publisher.send(5)
            reader.receive(5)
            reader.check(publisher)


def test_channels_are_those_that_the_client_asked_for(router: RouterProcess, path: str) -> None:
    with (
        Publisher(router.publish(path), tracks=2).start() as publisher,
        Reader(router.read(path), transport="tcp") as reader,
    ):
        reader.describe()
        assert reader.set_up(0, "RTP/AVP/TCP;unicast;interleaved=10-11").ports("interleaved") == (10, 11)
        assert reader.set_up(1, "RTP/AVP/TCP;unicast;interleaved=254-255").ports("interleaved") == (254, 255)
        reader.play()
        publisher.send(5)
        reader.receive(5)
        reader.check(publisher)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("track", [0, 1])
def test_a_reader_may_set_up_one_track_only(router: RouterProcess, path: str, transport: str, track: int) -> None:
    with (
        Publisher(router.publish(path), tracks=2).start() as publisher,
        Reader(router.read(path), transport=transport) as reader,
        Reader(router.read(path), transport=transport).start() as whole,
    ):
        publisher.send(1)
        whole.receive(1)  # from here on the router has something to tell in RTP-Info
        reader.describe()
        reader.set_up(track)
        info = reader.play()["RTP-Info"]
        assert info.count("url=") == 1
        assert reader.control_url(track) in info
        publisher.send(10)
        # A frame on a channel that was not set up fails in the reader; a whole reader shows that both tracks came by.
        receive_all([reader, whole], lambda: len(whole.tracks[1 - track].packets) == 11)
        reader.receive(10)
        reader.check(publisher)


def test_one_port_can_do_both(start_router: StartRouter, path: str) -> None:
    router = start_router(one_port=True)
    assert router.publish_url == router.client_url
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        publisher.send(5)
        reader.receive(5)
        reader.check(publisher)
        assert public(router.publish(path)) == METHODS


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_ipv6(ipv6_router: RouterProcess, path: str, transport: str) -> None:
    with (
        Publisher(ipv6_router.publish(path), transport=transport).start() as publisher,
        Reader(ipv6_router.read(path), transport=transport).start() as reader,
    ):
        assert publisher.connection.local_host == "::1"
        publisher.send(10)
        reader.receive(10)
        reader.check(publisher)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(("from_host", "to_host"), [("127.0.0.1", "[::1]"), ("[::1]", "127.0.0.1")])
def test_both_families_at_once(
    every_address_router: RouterProcess, path: str, transport: str, from_host: str, to_host: str
) -> None:
    publish_port = every_address_router.publish_url.rpartition(":")[2]
    client_port = every_address_router.client_url.rpartition(":")[2]
    with (
        Publisher(f"rtsp://{from_host}:{publish_port}{path}", transport=transport).start() as publisher,
        Reader(f"rtsp://{to_host}:{client_port}{path}", transport=transport).start() as reader,
    ):
        publisher.send(10)
        reader.receive(10)
        reader.check(publisher)
        hosts = {each["peer"].rpartition(":")[0].strip("[]") for each in every_address_router.status()["sessions"]}
        assert {"127.0.0.1", "::1"} <= hosts


def test_the_urls_of_the_ready_line_are_served(every_address_router: RouterProcess, path: str) -> None:
    with (
        Publisher(every_address_router.publish(path)).start() as publisher,
        Reader(every_address_router.read(path)).start() as reader,
    ):
        publisher.send(10)
        reader.receive(10)
        reader.check(publisher)


def test_ffmpegs_way_from_udp_to_tcp(router: RouterProcess, path: str) -> None:
    """When no UDP arrives, ffmpeg 5.1 sends PAUSE, SETUP without a Session, and PLAY over TCP, on one connection."""
    with Publisher(router.publish(path), tracks=2).start() as publisher, Reader(router.read(path)).start() as reader:
        first = reader.connection.session
        reader.pause()
        reader.transport = "tcp"
        reader.connection.session = None
        for index in (0, 1):
            reader.set_up(index)
        assert reader.connection.session != first
        reader.play()
        publisher.send(10)
        reader.receive(10)
        reader.check(publisher)
        reader.teardown()


def test_rtspclientsink_pauses_while_it_records(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        publisher.send(5)
        reader.receive(5)
        publisher.connection.expect(200, "PAUSE", publisher.url)
        publisher.record()
        publisher.send(5)
        reader.receive(10)
        reader.check(publisher)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_pause_stops_media_and_play_goes_on(router: RouterProcess, path: str, transport: str) -> None:
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path), transport=transport).start() as reader,
        Reader(router.read(path), transport=transport).start() as other,
    ):
        publisher.send(5)
        reader.receive(5)
        reader.pause()
        publisher.send(5)
        other.receive(10)
        reader.play()
        publisher.send(5)
        other.receive(15)
        reader.receive(10)
        sent = publisher.tracks[0].sent
        assert reader.tracks[0].packets == sent[:5] + sent[10:]


def test_a_reader_may_leave_and_come_back(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)) as reader:
        for _ in range(3):
            reader.connection.session = None
            reader.start()
            publisher.send(2)
            reader.receive(2)
            reader.teardown()
        mount = eventually(lambda: router.mount(path), "the mount")
        assert mount["readers"] == 0


@pytest.mark.parametrize("playing", [False, True])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_client_that_says_no_more_gets_its_answers(
    router: RouterProcess, path: str, transport: str, playing: bool
) -> None:
    """A script may shut its half of the connection down right behind its last request."""
    with Publisher(router.publish(path)).start(), Reader(router.read(path), transport=transport) as reader:
        if playing:
            reader.start()
        connection = reader.connection
        for _ in range(5):
            connection.send(connection.build("OPTIONS", reader.url))
        connection.half_close()
        assert [connection.reply().status for _ in range(5)] == [200] * 5
        connection.wait_closed()
