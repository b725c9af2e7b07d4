"""Everything that a peer can make grow, at its limit and one past it."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import HURRIED, RouterProcess, StartRouter
from tests.support.rtsp import Closed, RtspConnection
from tests.support.waiting import eventually

LINE, HEAD, HEADERS, BODY, TRACKS, PIPELINED = 1000, 4000, 20, 3000, 3, 10


@pytest.fixture(scope="module")
def narrow() -> Iterator[RouterProcess]:
    """A router with small limits on messages."""
    limits = {
        "line_bytes": LINE, "head_bytes": HEAD, "headers": HEADERS, "body_bytes": BODY, "tracks": TRACKS,
        "pipelined_requests": PIPELINED,
    }  # fmt: skip
    with RouterProcess(settings={"limits": limits}) as router:
        yield router


def request(url: str, *, line: int | None = None, headers: list[str] | None = None, body: bytes = b"") -> bytes:
    """Build an OPTIONS whose request line has exactly `line` bytes, without its CR and LF."""
    first = f"OPTIONS {url} RTSP/1.0"
    if line is not None:
        first = f"OPTIONS {url}/{'x' * (line - len(first) - 1)} RTSP/1.0"
        assert len(first) == line
    lines = [first, "CSeq: 1", *(headers or [])]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "".join(f"{each}\r\n" for each in lines).encode() + b"\r\n" + body


def header_of(size: int, name: str = "X-Long") -> str:
    return f"{name}: " + "x" * (size - len(name) - 2)


def status_of(router: RouterProcess, path: str, data: bytes, *, playing: bool) -> int:
    """Send bytes, before PLAY or after it, and return the reply's status; 0 if the connection ended without one."""
    with ExitStack() as stack:
        if playing:
            stack.enter_context(Publisher(router.publish(path)).start())
            connection = stack.enter_context(Reader(router.read(path)).start()).connection
        else:
            connection = stack.enter_context(RtspConnection(router.client_url))
        connection.send(data)
        try:
            status = connection.reply().status
        except Closed:
            return 0
        if status in (413, 414):
            return status
        follow_up = connection.request("OPTIONS", router.client_url + "/x").status
        assert follow_up == 200, "the connection is good for more"
        return status


@pytest.mark.parametrize("playing", [False, True], ids=["before", "playing"])
@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("line at", 200), ("line past", 414), ("header line at", 200), ("header line past", 413), ("headers at", 200),
        ("headers past", 413), ("body at", 200), ("body past", 413), ("head at", 200), ("head past", 413),
    ],
)  # fmt: skip
def test_sizes_of_a_message(narrow: RouterProcess, path: str, name: str, status: int, playing: bool) -> None:
    url = narrow.client_url
    excess = 1 if name.endswith("past") else 0
    match name.rpartition(" ")[0]:
        case "line":  # a line's limit counts its CR and LF
            data = request(url, line=LINE - 2 + excess)
        case "header line":
            data = request(url, headers=[header_of(LINE - 2 + excess)])
        case "headers":
            data = request(url, headers=[f"X-{i}: y" for i in range(HEADERS - 1 + excess)])  # CSeq is one
        case "body":
            data = request(url, body=b"x" * (BODY + excess))
        case _:
            bare = len(request(url))
            filler = [header_of(LINE - 2) for _ in range((HEAD - bare) // LINE)]
            rest = HEAD - len(request(url, headers=filler))
            filler.append(header_of(rest - 2 + excess)) if rest > 12 else filler
            data = request(url, headers=filler)
            assert len(data) == HEAD + excess
    got = status_of(narrow, path, data, playing=playing)
    allowed = {status} | ({413} if status == 400 else set())
    assert got in allowed, got


@pytest.mark.parametrize("playing", [False, True], ids=["before", "playing"])
@pytest.mark.parametrize(
    "data",
    [b"x" * 100_000, b"OPTIONS rtsp://x/ RTSP/1.0\r\n" + b"X: y\r\n" * 20_000, b"\r\n" * 100_000],
    ids=["a line without end", "headers without end", "empty lines without end"],
)
def test_nothing_grows_without_end(narrow: RouterProcess, path: str, data: bytes, playing: bool) -> None:
    with Publisher(narrow.publish(path)).start(), Reader(narrow.read(path)) as reader:
        if playing:
            reader.start()
        with suppress(ConnectionError):  # closed on the way: as good as an answer
            reader.connection.send(data)
        replies = reader.connection.wait_closed()
        assert all(400 <= reply.status < 500 for reply in replies)


def test_a_body_that_never_comes(narrow: RouterProcess) -> None:
    with RtspConnection(narrow.client_url) as connection:
        connection.send(b"OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 99999999999999999999\r\n\r\n")
        assert [reply.status for reply in connection.wait_closed()] in ([413], [400])


@pytest.mark.parametrize(("tracks", "status"), [(TRACKS, 200), (TRACKS + 1, 400)])
def test_tracks_of_a_mount(narrow: RouterProcess, path: str, tracks: int, status: int) -> None:
    with Publisher(narrow.publish(path), tracks=tracks) as publisher:
        publisher.announce(status)


@pytest.mark.parametrize("playing", [False, True], ids=["before", "playing"])
@pytest.mark.parametrize("excess", [0, 1, 500])
def test_pipelined_requests(narrow: RouterProcess, path: str, playing: bool, excess: int) -> None:
    with Publisher(narrow.publish(path)).start() as publisher, Reader(narrow.read(path)) as reader:
        if playing:
            reader.start()
        connection, first = reader.connection, reader.connection.cseq + 1
        count = PIPELINED + excess
        connection.send(b"".join(connection.build("OPTIONS", reader.url) for _ in range(count)))
        if not excess:
            assert [connection.reply()["CSeq"] for _ in range(count)] == [str(first + i) for i in range(count)]
            connection.expect(200, "OPTIONS", reader.url)
        elif playing:  # the worker passes them on one by one, and the front may be as fast as it is
            statuses: list[int] = []
            while len(statuses) < count and statuses[-1:] != [503]:
                statuses.append(connection.reply().status)
            assert set(statuses[:-1]) <= {200}
            assert statuses[-1] in (200, 503)
        else:
            assert [reply.status for reply in connection.wait_closed()][-1:] == [503]
        publisher.send(1)


def test_connections_in_all(start_router: StartRouter) -> None:
    router = start_router(settings={"limits": {"connections": 5}})
    with ExitStack() as stack:
        urls = [router.client_url, router.publish_url] * 3
        held = [stack.enter_context(RtspConnection(url)) for url in urls[:5]]
        for connection, url in zip(held, urls, strict=False):
            connection.expect(200, "OPTIONS", url)
        with RtspConnection(router.client_url) as one_more:
            one_more.wait_closed()
        for connection, url in zip(held, urls, strict=False):
            connection.expect(200, "OPTIONS", url)
        held[0].close()

        def let_in() -> bool:
            with RtspConnection(router.client_url) as connection:
                return connection.request("OPTIONS", router.client_url).status == 200

        eventually(let_in, "a place for another connection")


def test_connections_from_one_host(start_router: StartRouter) -> None:
    router = start_router(settings={"limits": {"connections_per_host": 3}})
    url = router.client_url
    with ExitStack() as stack:
        held = [stack.enter_context(RtspConnection(url)) for _ in range(3)]
        for connection in held:
            connection.expect(200, "OPTIONS", url)
        with RtspConnection(url) as one_more:
            one_more.wait_closed()
        with RtspConnection(url, source_host="127.0.0.2") as neighbour:
            neighbour.expect(200, "OPTIONS", url)


def test_sessions(start_router: StartRouter, path: str) -> None:
    router = start_router(settings={"limits": {"sessions": 3}})
    with Publisher(router.publish(path)).start(), ExitStack() as stack:
        readers = [stack.enter_context(Reader(router.read(path))).start() for _ in range(2)]
        with Reader(router.read(path)) as one_more:
            one_more.describe()
            header = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
            assert one_more.connection.expect(503, "SETUP", one_more.control_url(0), header).reason
            with Publisher(router.publish(f"{path}-other")) as publisher:
                publisher.announce(503)
            assert router.status()["front"]["sessions"] == 3
            assert len(router.status()["mounts"]) == 1
            readers[0].teardown()
            one_more.start()


OVER_TCP = "RTP/AVP/TCP;unicast;interleaved={}-{}"


def one_more(router: RouterProcess, path: str, status: int) -> str:
    """Ask for one reader more, give the reason phrase, and leave again."""
    with Reader(router.read(path)) as reader:
        reader.describe()
        offer = {"Transport": OVER_TCP.format(0, 1)}
        reply = reader.connection.expect(status, "SETUP", reader.control_url(0), offer)
        if status == 200:
            reader.teardown()
        return reply.reason


def test_readers_of_a_mount_and_in_all(start_router: StartRouter, path: str) -> None:
    """Sessions count, whatever the number of their tracks, and whether they play or not."""
    limits = {"max_readers": 5, "max_readers_per_mount": 2}
    mounts = {f"{path}-few": {"max_readers": 1}, f"{path}-many*": {"max_readers": 0}}
    router = start_router(settings={"limits": limits, "mounts": mounts})
    few, some, many = (f"{path}-few", f"{path}-some", f"{path}-many-too")
    with ExitStack() as stack:
        for each in (few, some, many):
            stack.enter_context(Publisher(router.publish(each), tracks=2).start())

        def read(mount: str, transport: str) -> Reader:
            return stack.enter_context(Reader(router.read(mount), transport=transport)).start()

        only = read(few, "udp")
        assert "few has 1 readers" in one_more(router, few, 503)
        only.pause()
        assert "few has 1 readers" in one_more(router, few, 503)
        both = [read(some, "udp"), read(some, "tcp")]
        assert "some has 2 readers" in one_more(router, some, 503)
        both[1].teardown()
        one_more(router, some, 200)
        both[0].connection.session = None  # a second session on a connection is another reader
        offer = {"Transport": OVER_TCP.format(4, 5)}
        both[0].connection.expect(200, "SETUP", both[0].control_url(0), offer)
        assert "some has 2 readers" in one_more(router, some, 503)
        for transport in ("udp", "tcp"):
            last = read(many, transport)
        assert "there are 5 readers" in one_more(router, many, 503)
        last.connection.close()
        eventually(lambda: one_more(router, many, 200), "the place of one who is gone")
        assert router.status()["front"]["sessions"] == 3 + 4


def test_readers_that_come_at_once(start_router: StartRouter, path: str) -> None:
    """All ask before the worker has answered any of them."""
    router = start_router(settings={"mounts": {path: {"max_readers": 3}}})
    with Publisher(router.publish(path)).start(), ExitStack() as stack:
        readers = [stack.enter_context(Reader(router.read(path))) for _ in range(12)]
        for reader in readers:
            reader.describe()
        for reader in readers:
            connection = reader.connection
            connection.send(connection.build("SETUP", reader.control_url(0), {"Transport": OVER_TCP.format(0, 1)}))
        assert sorted(reader.connection.reply().status for reader in readers) == [200] * 3 + [503] * 9


def test_mounts(start_router: StartRouter, path: str) -> None:
    router = start_router(settings={"limits": {"mounts": 2}})
    with ExitStack() as stack:
        held = [stack.enter_context(Publisher(router.publish(f"{path}-{i}"))).start() for i in range(2)]
        with Publisher(router.publish(f"{path}-2")) as one_more:
            assert one_more.announce(503).reason
            held[0].teardown()
            eventually(lambda: len(router.status()["mounts"]) == 1, "a mount gone")
            one_more.start()


@pytest.mark.parametrize("tracks", [1, 2])
def test_ports(start_router: StartRouter, path: str, tracks: int) -> None:
    """Two workers with two pairs each."""
    router = start_router(media_ports=8, settings={"port_rest_s": 0.1})
    with ExitStack() as stack:
        held = [
            stack.enter_context(Publisher(router.publish(f"{path}-{i}"), tracks=tracks)).start()
            for i in range(4 // tracks)
        ]
        full = router.wait_until(lambda status: ports(status) == [(0, 4), (0, 4)], "all ports used")
        assert full["front"]["sessions"] == len(held)
        with Publisher(router.publish(f"{path}-more"), tracks=tracks) as one_more:
            one_more.announce()
            offer = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"}
            reply = one_more.connection.expect(503, "SETUP", f"{one_more.url}/streamid=0", offer)
            assert "port" in reply.reason.lower()
            held[0].teardown()
            eventually(
                lambda: one_more.connection.request("SETUP", f"{one_more.url}/streamid=0", offer).status == 200,
                "ports for another mount",
            )


def test_nothing_half_allocated_stays(start_router: StartRouter, path: str) -> None:
    """A mount of three tracks does not fit into two pairs; both stay free for those that do."""
    router = start_router(media_ports=8)
    offer = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"}
    with Publisher(router.publish(path), tracks=3) as too_wide:
        too_wide.announce()
        too_wide.connection.expect(503, "SETUP", f"{too_wide.url}/streamid=0", offer)
        with ExitStack() as stack:
            for index in range(2):
                stack.enter_context(Publisher(router.publish(f"{path}-{index}"), tracks=2)).start()
            router.wait_until(lambda status: ports(status) == [(0, 4), (0, 4)], "all ports used")


def test_a_worker_without_free_ports_is_passed_over(start_router: StartRouter, path: str) -> None:
    """Equal load alternates, but a mount of two tracks only fits where two pairs are free."""
    router = start_router(media_ports=12)
    with ExitStack() as stack:
        for index, tracks in enumerate((2, 2, 1, 1)):
            stack.enter_context(Publisher(router.publish(f"{path}-{index}"), tracks=tracks)).start()
        router.wait_until(lambda status: sum(used for _, used in ports(status)) == 12, "all ports used")


def ports(status: dict[str, list[dict[str, int]]]) -> list[tuple[int, int]]:
    """Return each worker's free and used ports."""
    return [(worker["ports_free"], worker["ports_used"]) for worker in status["workers"]]


@pytest.mark.parametrize("begin", [b"", b"OPTIONS rtsp://", b"OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n", b"$\0\xff"])
@pytest.mark.parametrize("side", ["publish", "client"])
def test_an_idle_handshake_is_ended(hurried: RouterProcess, begin: bytes, side: str) -> None:
    with RtspConnection(hurried.publish_url if side == "publish" else hurried.client_url) as connection:
        if begin:
            connection.send(begin)
        connection.wait_closed(5 * HURRIED["handshake_timeout_s"])


def test_bytes_that_trickle_are_no_handshake(hurried: RouterProcess) -> None:
    """One byte at a time keeps nobody's connection for ever."""
    with RtspConnection(hurried.client_url) as connection:

        def trickle() -> bool:
            try:
                connection.send(b"x")
            except ConnectionError:
                return True
            connection.pump()
            return connection.closed

        eventually(trickle, "the end of the connection", 5 * HURRIED["handshake_timeout_s"], interval_s=0.1)


def test_setup_without_play_is_ended(hurried: RouterProcess, path: str) -> None:
    with Publisher(hurried.publish(path)).start() as publisher, Reader(hurried.read(path)) as reader:
        reader.describe()
        session = reader.set_up(0).session

        def gone() -> bool:
            publisher.send(1)
            return session not in {each["id"] for each in hurried.status()["sessions"]}

        eventually(gone, "the end of the session", 5 * HURRIED["session_timeout_s"])
        assert hurried.mount(path) is not None
