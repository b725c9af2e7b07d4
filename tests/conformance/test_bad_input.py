"""Every kind of bad input, and what it gets: before PLAY from the front, after PLAY on the same connection."""

import json
import socket
import ssl
from collections.abc import Iterator

import pytest

from router.host_log import BURST
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import RouterProcess, StartRouter
from tests.support.rtsp import Reply, RtspConnection, resolve
from tests.support.sdp import build_sdp
from tests.support.waiting import eventually

UDP = {"Transport": "RTP/AVP;unicast;client_port=40000-40001"}


@pytest.fixture
def connection(router: RouterProcess) -> Iterator[RtspConnection]:
    """A fresh connection to the client port."""
    with RtspConnection(router.client_url) as connection:
        yield connection


def raw(connection: RtspConnection, text: str) -> Reply:
    """Send bytes as they are and return the reply."""
    connection.send(text.encode("latin-1"))
    return connection.reply()


def still_serves(connection: RtspConnection, url: str) -> None:
    """See that the connection is as good as before."""
    connection.expect(200, "OPTIONS", url)


@pytest.mark.parametrize("method", ["DESCRIBE", "SETUP"])
def test_no_such_mount(router: RouterProcess, connection: RtspConnection, path: str, method: str) -> None:
    url = router.read(path)
    reply = connection.expect(404, method, url if method == "DESCRIBE" else f"{url}/trackID=0", UDP)
    assert reply.reason
    still_serves(connection, url)


@pytest.mark.parametrize("method", ["SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER", "SET_PARAMETER"])
def test_unknown_session(router: RouterProcess, path: str, method: str) -> None:
    with Publisher(router.publish(path)).start(), Reader(router.read(path)) as reader:
        reader.describe()
        url = reader.control_url(0) if method == "SETUP" else reader.url
        reader.connection.expect(454, method, url, UDP | {"Session": "0123456789abcdef"})
        still_serves(reader.connection, reader.url)


@pytest.mark.parametrize("method", ["PLAY", "PAUSE", "TEARDOWN"])
def test_no_session_where_one_is_needed(
    router: RouterProcess, connection: RtspConnection, path: str, method: str
) -> None:
    connection.expect(454, method, router.read(path))
    still_serves(connection, router.read(path))


@pytest.mark.parametrize(
    ("steps", "method"),
    [
        (["ANNOUNCE"], "ANNOUNCE"),
        (["ANNOUNCE", "SETUP", "RECORD"], "ANNOUNCE"),
        (["ANNOUNCE", "SETUP", "RECORD"], "SETUP"),
    ],
)
def test_publishers_method_in_the_wrong_state(router: RouterProcess, path: str, steps: list[str], method: str) -> None:
    with Publisher(router.publish(path)) as publisher:
        actions = {"ANNOUNCE": publisher.announce, "SETUP": lambda: publisher.set_up(0), "RECORD": publisher.record}
        for step in steps:
            actions[step]()
        url = publisher.url + ("/streamid=0" if method == "SETUP" else "")
        header = UDP | {"Content-Type": "application/sdp"}
        body = publisher.sdp if method == "ANNOUNCE" else b""
        publisher.connection.expect(455, method, url, header, body)
        # The state is unchanged: what was right to come next still is.
        for step in ["ANNOUNCE", "SETUP", "RECORD"][len(steps) :]:
            actions[step]()
        with Reader(router.read(path)).start() as reader:
            publisher.send(3)
            reader.receive(3)
            reader.check(publisher)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_setup_while_playing(router: RouterProcess, path: str, transport: str) -> None:
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path), transport=transport).start() as reader,
    ):
        reader.connection.expect(455, "SETUP", reader.control_url(0), UDP)
        publisher.send(3)
        reader.receive(3)
        reader.check(publisher)


def test_announce_on_the_client_port(router: RouterProcess, connection: RtspConnection, path: str) -> None:
    sdp = build_sdp(["streamid=0"])
    reply = connection.expect(405, "ANNOUNCE", router.read(path), {"Content-Type": "application/sdp"}, sdp)
    assert "publish" in reply.reason.lower()
    assert str(resolve(router.publish_url)[1]) in reply.reason
    assert reply["Allow"]
    still_serves(connection, router.read(path))


def test_describe_on_the_publish_port(router: RouterProcess, path: str) -> None:
    with RtspConnection(router.publish_url) as connection:
        reply = connection.expect(405, "DESCRIBE", router.publish(path))
        assert "client" in reply.reason.lower()
        assert str(resolve(router.client_url)[1]) in reply.reason
        still_serves(connection, router.publish(path))


@pytest.mark.parametrize(
    "offer",
    [
        "RTP/AVP;multicast",
        "RTP/SAVP;unicast;client_port=40000-40001",
        "RAW/RAW/UDP;unicast;client_port=40000-40001",
        "MP2T/H2221/UDP;unicast;client_port=40000-40001",
        "RTP/AVP;multicast,RTP/SAVP/TCP;unicast;interleaved=0-1",
        "RTP/AVP;unicast",  # UDP that doesn't say where to
    ],
)
def test_no_transport_that_can_be_served(router: RouterProcess, path: str, offer: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)) as reader:
        before = router.status()["front"]["sessions"]
        reader.describe()
        reader.connection.expect(461, "SETUP", reader.control_url(0), {"Transport": offer})
        assert router.status()["front"]["sessions"] == before
        reader.start()
        publisher.send(3)
        reader.receive(3)


def test_no_transport_that_can_be_served_to_a_publisher(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)) as publisher:
        publisher.announce()
        url = f"{publisher.url}/streamid=0"
        publisher.connection.expect(461, "SETUP", url, {"Transport": "RTP/AVP;multicast;mode=record"})
        publisher.set_up(0)
        publisher.record()


@pytest.mark.parametrize("playing", [False, True])
def test_unknown_method(router: RouterProcess, path: str, playing: bool) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)) as reader:
        if playing:
            reader.start()
        for method in ("BREW", "REDIRECT", "describe"):
            reader.connection.expect(501, method, reader.url)
        still_serves(reader.connection, reader.url)
        if playing:
            publisher.send(3)
            reader.receive(3)


BROKEN = {
    "no CSeq": "OPTIONS {url} RTSP/1.0\r\n\r\n",
    "empty CSeq": "OPTIONS {url} RTSP/1.0\r\nCSeq:\r\n\r\n",
    "CSeq that is no number": "OPTIONS {url} RTSP/1.0\r\nCSeq: one\r\n\r\n",
    "request line of two words": "OPTIONS {url}\r\nCSeq: 1\r\n\r\n",
    "request line of one word": "OPTIONS\r\nCSeq: 1\r\n\r\n",
    "request line of four words": "OPTIONS {url} RTSP/1.0 more\r\nCSeq: 1\r\n\r\n",
    "HTTP": "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "header without colon": "OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\nnonsense\r\n\r\n",
    "header without name": "OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\n: value\r\n\r\n",
    "zero byte in a header": "OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\nX: a\0b\r\n\r\n",
    "URL of another kind": "DESCRIBE http://127.0.0.1/x RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    "URL with a broken port": "DESCRIBE rtsp://127.0.0.1:port/x RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    "URL without a host": "DESCRIBE rtsp:///x RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    "URL with a broken IPv6 address": "DESCRIBE rtsp://[::1/x RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    "star for DESCRIBE": "DESCRIBE * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    "negative Content-Length": "OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\nContent-Length: -1\r\n\r\n",
    "Content-Length that is no number": "OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 0x10\r\n\r\n",
    "two Content-Lengths": "OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 0\r\nContent-Length: 3\r\n\r\n",
}
MAY_ANSWER_OTHERWISE = {"HTTP": (400, 505), "URL of another kind": (400, 404)}


@pytest.mark.parametrize("playing", [False, True])
@pytest.mark.parametrize(("name", "text"), BROKEN.items(), ids=BROKEN.keys())
def test_broken_requests(router: RouterProcess, path: str, name: str, text: str, playing: bool) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as other:
        with Reader(router.read(path)) as reader:
            if playing:
                reader.start()
            elif name == "HTTP":
                still_serves(reader.connection, reader.url)  # who begins with it is answered in HTTP
            reply = raw(reader.connection, text.format(url=reader.url))
            assert reply.status in MAY_ANSWER_OTHERWISE.get(name, (400,)), reply
            assert reply.reason
        publisher.send(3)
        other.receive(3)
        other.check(publisher)


def test_a_broken_request_in_whole_lines_leaves_the_connection_open(
    router: RouterProcess, connection: RtspConnection, path: str
) -> None:
    assert raw(connection, BROKEN["no CSeq"].format(url=router.read(path))).status == 400
    assert raw(connection, BROKEN["header without colon"].format(url=router.read(path))).status == 400
    still_serves(connection, router.read(path))


def test_another_version(connection: RtspConnection, router: RouterProcess, path: str) -> None:
    assert raw(connection, f"OPTIONS {router.read(path)} RTSP/2.0\r\nCSeq: 1\r\n\r\n").status == 505


@pytest.mark.parametrize("data", [b"\0" * 4000, bytes(range(256)) * 8, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
@pytest.mark.parametrize("side", ["publish", "client"])
def test_binary_garbage_ends_the_connection_and_nothing_else(router: RouterProcess, data: bytes, side: str) -> None:
    url = router.publish_url if side == "publish" else router.client_url
    with RtspConnection(url) as garbage, RtspConnection(url) as other:
        garbage.send(data)
        garbage.half_close()
        replies = garbage.wait_closed()
        assert all(400 <= reply.status < 500 for reply in replies)
        still_serves(other, url)


HTTP = {
    "browser": b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: Mozilla/5.0\r\n\r\n",
    "tunnel, from the server": b"GET /cam HTTP/1.0\r\nAccept: application/x-rtsp-tunnelled\r\n\r\n",
    "tunnel, to the server": b"POST /cam HTTP/1.0\r\nx-sessioncookie: 1\r\nContent-Length: 32767\r\n\r\n",
    "half a request": b"OPTIONS * HTTP/1.1\r\n",
    "lines that end with LF alone": b"HEAD / HTTP/1.1\n\n",
}


@pytest.mark.parametrize("request_bytes", HTTP.values(), ids=HTTP)
@pytest.mark.parametrize("side", ["publish", "client"])
@pytest.mark.parametrize("one_by_one", [False, True])
def test_http_is_answered_in_http(router: RouterProcess, request_bytes: bytes, side: str, one_by_one: bool) -> None:
    with socket.create_connection(resolve(router.publish_url if side == "publish" else router.client_url)) as client:
        client.settimeout(10)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = request_bytes[: request_bytes.index(b"\n") + 1] if one_by_one else request_bytes
        for each in [head[index : index + 1] for index in range(len(head))] if one_by_one else [head]:
            client.sendall(each)
        answer = b""
        while data := client.recv(4096):
            answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 501 Not Implemented\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"RTSP over HTTP" in body


@pytest.mark.parametrize(
    ("protocol", "beginning"),
    [("HTTP", HTTP["browser"]), ("TLS", b"\x16\x03\x01\x02\0\1\0"), ("RTMP", b"\x03" + bytes(1536))],
)
def test_another_protocol_is_named_in_the_log_a_few_times(
    start_router: StartRouter, protocol: str, beginning: bytes
) -> None:
    router = start_router(settings={"log_format": "json"})
    for _ in range(BURST + 20):
        with RtspConnection(router.client_url, source_host="127.0.0.7") as client:
            client.send(beginning)
            client.half_close()
            client.socket.recv(4096)

    def told() -> list[dict[str, object]]:
        lines = [json.loads(line) for line in router.log.splitlines() if line.startswith("{")]
        return [each for each in lines if str(each["event"]).startswith("not RTSP")]

    eventually(lambda: any("lines" in each for each in told()), "the number of what was left out", 5)
    named = [each for each in told() if "lines" not in each]
    assert BURST <= len(named) <= BURST + 5
    assert {(each["protocol"], each["peer"], each["level"]) for each in named} == {(protocol, "127.0.0.7", "info")}
    assert not router.unexpected_tracebacks()


@pytest.mark.parametrize("where", ["publish", "client", "playing"])
def test_tls_is_refused_at_once(router: RouterProcess, path: str, where: str) -> None:
    """A client that was told rtsps:// waits for an answer, and sends no line's end."""
    context = ssl.create_default_context()
    to_send = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), to_send, server_hostname="router.example").do_handshake()
    hello = to_send.read()
    assert hello.startswith(b"\x16\x03\x01")
    url = router.publish(path) if where == "publish" else router.read(path)
    with Publisher(router.publish(path)).start() as publisher, RtspConnection(url) as connection:
        if where == "playing":
            Reader(url, transport="tcp", connection=connection).start()
        connection.send(hello)
        assert [reply.status for reply in connection.wait_closed()] == [400]
        still_serves(publisher.connection, publisher.url)


@pytest.mark.parametrize("side", ["publish", "client"])
def test_frames_before_a_session_harm_nobody(router: RouterProcess, side: str) -> None:
    url = router.publish_url if side == "publish" else router.client_url
    with RtspConnection(url) as connection:
        for channel in (0, 1, 77, 255):
            connection.send_frame(channel, b"\x80\x60" + bytes(100))
        still_serves(connection, url)


SDPS = {
    "empty": b"",
    "no media": b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n",
    "not SDP": b"<html>hello</html>",
    "binary": bytes(range(256)),
    "media line without formats": build_sdp(["x"]).replace(b"m=video 0 RTP/AVP 96", b"m=video 0"),
    "no payload type at all": build_sdp(["x"]).replace(b"RTP/AVP 96", b"RTP/AVP h264").replace(b"rtpmap", b"x-map"),
    "payload type out of range": build_sdp(["x"]).replace(b"RTP/AVP 96", b"RTP/AVP 128"),
    "clock rate of zero": build_sdp(["x"]).replace(b"H264/90000", b"H264/0"),
}


@pytest.mark.parametrize("sdp", SDPS.values(), ids=SDPS.keys())
def test_bad_sdp(router: RouterProcess, path: str, sdp: bytes) -> None:
    with Publisher(router.publish(path), sdp=sdp) as publisher:
        assert publisher.announce(400).reason
        assert router.mount(path) is None
        publisher.sdp = build_sdp(["streamid=0"])
        publisher.start()


def test_a_body_that_is_no_sdp(router: RouterProcess, path: str) -> None:
    with RtspConnection(router.publish_url) as connection:
        header = {"Content-Type": "text/html"}
        assert connection.request("ANNOUNCE", router.publish(path), header, build_sdp(["a"])).status in (400, 415)


@pytest.mark.parametrize("control", ["streamid=1", "streamid=00", "streamid=", "nonsense", "streamid=0/streamid=0"])
def test_setup_of_an_unknown_track(router: RouterProcess, path: str, control: str) -> None:
    with Publisher(router.publish(path)) as publisher:
        publisher.announce()
        header = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"}
        publisher.connection.expect(400, "SETUP", f"{publisher.url}/{control}", header)
        publisher.set_up(0)
        publisher.record()
        with Reader(router.read(path)) as reader:
            reader.describe()
            reader.connection.expect(400, "SETUP", f"{reader.url}/{control}x", UDP)
            reader.start()


def test_record_before_all_tracks_are_set_up(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path), tracks=2) as publisher:
        publisher.announce()
        publisher.set_up(0)
        assert publisher.connection.expect(400, "RECORD", publisher.url).reason
        publisher.set_up(1)
        publisher.record()


def test_setup_without_a_transport(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start(), Reader(router.read(path)) as reader:
        reader.describe()
        for value in (None, "", ";;;", "RTP/AVP;client_port=x-y", "RTP/AVP;unicast;client_port=70000-70001"):
            assert reader.connection.request("SETUP", reader.control_url(0), {"Transport": value}).status in (400, 461)
        reader.start()


@pytest.mark.parametrize("host", ["192.0.2.66", "127.0.0.2", "255.255.255.255", "224.0.0.1", "localhost.invalid"])
@pytest.mark.parametrize("side", ["publish", "client"])
def test_a_destination_that_is_not_the_clients_own(router: RouterProcess, path: str, host: str, side: str) -> None:
    offer = {"Transport": f"RTP/AVP;unicast;destination={host};client_port=40000-40001"}
    if side == "publish":
        with Publisher(router.publish(path)) as publisher:
            publisher.announce()
            publisher.connection.expect(400, "SETUP", f"{publisher.url}/streamid=0", offer)
        return
    with Publisher(router.publish(path)).start(), Reader(router.read(path)) as reader:
        reader.describe()
        assert reader.connection.expect(400, "SETUP", reader.control_url(0), offer).reason


def test_a_destination_that_is_the_clients_own(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start(), Reader(router.read(path)) as reader:
        reader.describe()
        offer = {"Transport": "RTP/AVP;unicast;destination=127.0.0.1;client_port=40000-40001"}
        reader.connection.expect(200, "SETUP", reader.control_url(0), offer)


def test_an_option_that_nobody_has(router: RouterProcess, connection: RtspConnection, path: str) -> None:
    reply = connection.expect(551, "OPTIONS", router.read(path), {"Require": "implicit-play"})
    assert reply["Unsupported"] == "implicit-play"


def test_channels_that_another_track_has(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path), tracks=2).start(), Reader(router.read(path), transport="tcp") as reader:
        reader.describe()
        reader.set_up(0)
        same = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
        reply = reader.connection.request("SETUP", reader.control_url(1), same)
        # Either refused, or given others: never the same twice.
        assert reply.status in (400, 461) or reply.ports("interleaved") != (0, 1)


def test_requests_by_status_are_counted(router: RouterProcess, connection: RtspConnection, path: str) -> None:
    before = router.status()["front"]["requests"].get("DESCRIBE", {}).get("404", 0)
    connection.expect(404, "DESCRIBE", router.read(path))
    assert router.status()["front"]["requests"]["DESCRIBE"]["404"] == before + 1
