"""The client's session against our own server, over both transports, with what stands between it and its media."""

import asyncio
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from router import Response
from router.remote import RemoteSession, bind_pair
from router.rtsp.client import ClientOptions, Offer, ServerGone, ServerRefused
from router.rtsp.errors import LocalError
from router.rtsp.headers.transport import TransportSpec
from tests.support.media import Program
from tests.support.publisher import Publisher
from tests.support.reader import Reader, check_run
from tests.support.router import RouterProcess, StartRouter
from tests.support.sdp import build_sdp
from tests.support.serving import serving
from tests.support.waiting import Deadline
from workers.framing import FramingLimits, Splitter, frame

PACKETS = 20
GST_SERVER = Path(__file__).parents[1] / "benchmarks" / "peers" / "gst_rtsp_server.py"


@contextmanager
def udp_offers(count: int) -> Iterator[tuple[list[Offer], list[socket.socket]]]:
    """Bind ports for tracks, and give them with their RTP sockets."""
    with ExitStack() as stack:
        offers, sockets = [], []
        for track in range(count):
            rtp, rtcp = (stack.enter_context(each) for each in bind_pair("127.0.0.1"))
            offers.append(Offer(track, (rtp.getsockname()[1], rtcp.getsockname()[1])))
            sockets.append(rtp)
        yield offers, sockets


def play(url: str, packets: Callable[[], object], udp: bool, **options: Any) -> tuple[list[bytes], ClientOptions]:
    """Read what `packets` sends once it plays, of one track."""
    got: list[bytes] = []

    async def read() -> None:
        with udp_offers(1) as (offers, sockets):
            async with RemoteSession(url, ClientOptions(**options)) as remote:
                document = await remote.describe()
                assert len(document.medias) == 1
                playing = await remote.play(offers if udp else [Offer(0)])
                assert playing.tracks[0].transport.tcp is not udp
                packets()
                if udp:
                    loop = asyncio.get_running_loop()
                    while len(got) < PACKETS:
                        got.append(await asyncio.wait_for(loop.sock_recv(sockets[0], 65_536), 10))
                    remote.session.media_came()
                else:
                    await frames(remote)
                await remote.teardown()

    async def frames(remote: RemoteSession) -> None:
        def on_frame(channel: int, payload: bytes) -> None:
            if channel == 0:
                got.append(payload)
                if len(got) == PACKETS:
                    running.cancel()

        running = asyncio.ensure_future(remote.run(on_frame))
        await asyncio.wait([running], timeout=10)

    asyncio.run(read())
    return got, ClientOptions(**options)


@pytest.mark.parametrize("udp", [True, False], ids=["udp", "tcp"])
def test_what_is_published_is_read(router: RouterProcess, path: str, udp: bool) -> None:
    with Publisher(router.publish(path)).start() as publisher:
        got, _ = play(router.read(path), lambda: publisher.send(PACKETS), udp)
        check_run(got, publisher.tracks[0].sent, "the client")
        assert len(got) == PACKETS


@pytest.mark.parametrize("udp", [True, False], ids=["udp", "tcp"])
def test_what_it_publishes_is_read(router: RouterProcess, path: str, udp: bool) -> None:
    packets = [bytes((0x80, 96)) + number.to_bytes(2) + bytes(8) + b"payload" for number in range(PACKETS)]

    async def publish() -> None:
        with udp_offers(1) as (offers, sockets):
            async with RemoteSession(router.publish(path)) as remote:
                recording = await remote.publish(build_sdp(["streamid=0"]), offers if udp else [Offer(0)])
                (track,) = recording.tracks
                loop = asyncio.get_running_loop()
                with await loop.run_in_executor(None, lambda: Reader(router.read(path)).start()) as reader:
                    for packet in packets:
                        if udp:
                            assert track.transport.server_port is not None
                            sockets[0].sendto(packet, (remote.host, track.transport.server_port[0]))
                        else:
                            await remote.send(frame(0, packet))
                    await loop.run_in_executor(None, lambda: reader.receive(PACKETS))
                    assert reader.tracks[0].packets == packets
                await remote.teardown()

    asyncio.run(publish())


@pytest.mark.parametrize("scheme", ["basic", "digest-md5", "digest-sha256"])
def test_credentials_open_what_is_closed(start_router: StartRouter, scheme: str) -> None:
    users = {"publish_users": {"anna": "sec:ret"}, "client_users": {"anna": "sec:ret"}, "schemes": [scheme]}
    router = start_router(settings={"auth": users})

    async def publish(credentials: str) -> None:
        async with RemoteSession(router.publish("/a").replace("rtsp://", f"rtsp://{credentials}")) as remote:
            await remote.publish(build_sdp(["streamid=0"]), [Offer(0)])
            await remote.teardown()

    asyncio.run(publish("anna:sec%3Aret@"))
    for wrong in ("", "anna:secret@"):
        with pytest.raises(ServerRefused) as refusal:
            asyncio.run(publish(wrong))
        assert (refusal.value.status, refusal.value.method) == (401, "ANNOUNCE")


class Elsewhere:
    """Sends readers of one path to another."""

    def on_describe(self, context: Any) -> Response | None:
        """Redirect."""
        if context.path != "/here":
            return None
        return Response(302, (("Location", str(context.request.url).replace("/here", "/there")),))


def test_a_handler_sends_it_elsewhere() -> None:
    with serving(Elsewhere()) as served, Publisher(served.publish("/there")).start() as publisher:
        got, _ = play(served.read("/here"), lambda: publisher.send(PACKETS), udp=False)
        assert len(got) == PACKETS


class TcpAlone:
    """Gives readers nothing by UDP."""

    def on_setup(self, context: Any) -> Response | None:
        """Refuse what is offered."""
        return Response(461) if context.transport == "udp" and not context.publishes else None


def test_udp_that_is_refused_becomes_tcp() -> None:
    with serving(TcpAlone()) as served, Publisher(served.publish("/a"), tracks=2).start():

        async def read() -> None:
            with udp_offers(2) as (offers, _):
                async with RemoteSession(served.read("/a")) as remote:
                    await remote.describe()
                    playing = await remote.play(offers)
                    assert [each.transport.interleaved for each in playing.tracks] == [(0, 1), (2, 3)]

        asyncio.run(read())


def test_udp_that_brings_nothing_becomes_tcp(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path), tracks=2).start() as publisher:

        async def read() -> None:
            with udp_offers(2) as (offers, _):
                async with RemoteSession(router.read(path), ClientOptions(media_timeout_s=0.2)) as remote:
                    await remote.describe()
                    await remote.play(offers)
                    await asyncio.wait_for(again(remote), 10)

        async def again(remote: RemoteSession) -> None:
            arrived = asyncio.Event()
            running = asyncio.ensure_future(remote.run(lambda channel, payload: arrived.set()))
            while not arrived.is_set():
                publisher.send(1)
                await asyncio.sleep(0.02)
            running.cancel()

        asyncio.run(read())


def test_a_connection_is_given_away_with_all_that_came_on_it(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start() as publisher:

        async def hand_over() -> bytes:
            async with RemoteSession(router.read(path)) as remote:
                await remote.describe()
                playing = await remote.play([Offer(0)])
                publisher.send(PACKETS)
                given = remote.detach()
            assert playing.tracks[0].transport.tcp
            received = given.unread
            splitter = Splitter(FramingLimits())
            frames = [each for each in splitter.feed(received) if isinstance(each, tuple) and each[0] == 0]
            given.socket.settimeout(10)
            with given.socket:
                while len(frames) < PACKETS:
                    data = given.socket.recv(65_536)
                    frames += [each for each in splitter.feed(data) if isinstance(each, tuple) and each[0] == 0]
                check_run([each[1] for each in frames], publisher.tracks[0].sent, "who took the connection over")
                given.session.keep_alive(asyncio.get_running_loop().time())
                given.socket.sendall(given.session.outgoing())
                return given.socket.recv(65_536)

        assert asyncio.run(hand_over()).startswith(b"RTSP/1.0 200 OK")


def test_who_is_not_there_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def connect(url: str, **options: Any) -> None:
        async with RemoteSession(url, ClientOptions(**options)) as remote:
            await remote.describe()

    for url, words in [(f"rtsp://127.0.0.1:{port}/a", "nobody listens"), ("rtsp://nowhere.invalid/a", "no address")]:
        with pytest.raises(ServerGone, match=words) as error:
            asyncio.run(connect(url))
        assert error.value.status == 503
    with pytest.raises(LocalError):
        asyncio.run(connect("http://127.0.0.1/"))


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/a"

        async def ask() -> None:
            async with RemoteSession(url, ClientOptions(answer_timeout_s=0.2)) as remote:
                await remote.describe()

        with pytest.raises(ServerGone) as error:
            asyncio.run(ask())
        assert error.value.status == 504


def test_a_server_that_hangs_up_is_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"rtsp://127.0.0.1:{server.getsockname()[1]}/a"
        thread = threading.Thread(target=lambda: server.accept()[0].close())
        thread.start()

        async def ask() -> None:
            async with RemoteSession(url) as remote:
                await remote.describe()

        with pytest.raises(ServerGone, match="closed"):
            asyncio.run(ask())
        thread.join()


# -- another server ----------------------------------------------------------------------------------------------------


@pytest.fixture
def gst_server() -> Iterator[tuple[str, str]]:
    """gst-rtsp-server, which plays on one port what is recorded on another; gives both URLs."""
    probe = "import gi; gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0')"
    python = "/usr/bin/python3"  # the bindings are the system's
    if subprocess.run([python, "-c", probe], capture_output=True, check=False).returncode:
        pytest.skip("GObject's bindings of gst-rtsp-server are not installed")
    with Program([python, str(GST_SERVER), "/m", "1"]) as program:
        line, deadline = b"", Deadline(20)
        while not line.endswith(b"\n"):
            line += (part := program.read_output(deadline))
            assert part, program.describe()
        publish, _, read = line.decode().strip().removeprefix("ready ").partition(",")
        yield f"{publish}/m0", f"{read}/m0"


@pytest.mark.parametrize("udp", [True, False], ids=["udp", "tcp"])
def test_gst_rtsp_server_is_published_to_and_read_from(gst_server: tuple[str, str], udp: bool) -> None:
    publish_url, read_url = gst_server

    async def through() -> int:
        with udp_offers(1) as (ours, sockets), udp_offers(1) as (theirs, receiving):
            async with RemoteSession(publish_url) as publisher, RemoteSession(read_url) as reader:
                recording = await publisher.publish(build_sdp(["streamid=0"]), ours if udp else [Offer(0)])
                transport = recording.tracks[0].transport
                sending = asyncio.ensure_future(send(publisher, transport, sockets[0]))
                await asyncio.sleep(0)
                document = await reader.describe()
                assert [each.kind for each in document.medias] == ["video"]
                playing = await reader.play(theirs if udp else [Offer(0)])
                assert playing.tracks[0].sequence is not None  # from RTP-Info
                if udp:
                    loop = asyncio.get_running_loop()
                    await asyncio.wait_for(loop.sock_recv(receiving[0], 65_536), 10)
                    reader.session.media_came()
                await reader.pause()
                await reader.resume()
                await reader.teardown()
                sending.cancel()
                await asyncio.wait([sending])
                await publisher.teardown()
                return len(playing.tracks)

    async def send(publisher: RemoteSession, transport: TransportSpec, sock: socket.socket) -> None:
        number = 0
        while True:
            packet = bytes((0x80, 0xE0)) + number.to_bytes(2) + (number * 3000).to_bytes(4) + b"ssrc\x65picture"
            if udp:
                assert transport.server_port is not None
                sock.sendto(packet, (publisher.host, transport.server_port[0]))
            else:
                await publisher.send(frame(0, packet))
            number += 1
            await asyncio.sleep(0.02)

    assert asyncio.run(through()) == 1
