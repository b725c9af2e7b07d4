"""One connection, several sessions: it goes to whichever worker has the mount that is played next."""

from contextlib import ExitStack

import pytest

from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import RouterProcess, StartRouter
from tests.support.rtsp import RtspConnection
from tests.support.waiting import eventually


def two_mounts_apart(router: RouterProcess, path: str, stack: ExitStack) -> list[Publisher]:
    """Publish until two mounts are on different workers, and return their publishers."""
    first: Publisher | None = None
    home = None
    for number in range(8):
        publisher = stack.enter_context(Publisher(router.publish(f"{path}-{number}")).start())
        mount = router.mount(publisher.mount)
        assert mount is not None
        if first is None:
            first, home = publisher, mount["worker"]
        elif mount["worker"] != home:
            return [first, publisher]
    raise AssertionError("eight mounts on one of two workers")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_connection_follows_its_sessions_from_worker_to_worker(
    router: RouterProcess, path: str, transport: str
) -> None:
    with ExitStack() as stack:
        publishers = two_mounts_apart(router, path, stack)
        connection = stack.enter_context(RtspConnection(router.client_url))
        for _ in range(3):
            for publisher in publishers:
                connection.session = None
                reader = Reader(router.read(publisher.mount), transport=transport, connection=connection)
                reader.start()
                publisher.send(5)
                reader.receive(5)
                reader.check(publisher)
                reader.teardown()
                for track in reader.tracks.values():
                    track.close()


def test_a_connection_may_play_two_mounts_of_two_workers_over_udp(router: RouterProcess, path: str) -> None:
    with ExitStack() as stack:
        publishers = two_mounts_apart(router, path, stack)
        connection = stack.enter_context(RtspConnection(router.client_url))
        sessions: list[str | None] = []
        readers: list[Reader] = []
        for publisher in publishers:
            connection.session = None
            reader = stack.enter_context(Reader(router.read(publisher.mount), connection=connection))
            readers.append(reader.start())
            sessions.append(connection.session)
        for publisher, reader in zip(publishers, readers, strict=True):
            publisher.send(5)
            reader.receive(5)
            reader.check(publisher)
        for publisher, session in zip(publishers, sessions, strict=True):
            connection.expect(200, "GET_PARAMETER", router.read(publisher.mount), {"Session": session})
            connection.expect(200, "TEARDOWN", router.read(publisher.mount), {"Session": session})


def test_requests_are_answered_in_order_while_a_connection_moves(router: RouterProcess, path: str) -> None:
    """All of it in one segment: two sessions' PLAY, and requests before, between and behind them."""
    with ExitStack() as stack:
        publishers = two_mounts_apart(router, path, stack)
        connection = stack.enter_context(RtspConnection(router.client_url))
        readers = []
        for publisher in publishers:
            connection.session = None
            reader = stack.enter_context(Reader(router.read(publisher.mount), connection=connection))
            reader.describe()
            reader.set_up(0)
            readers.append((reader, connection.session))
        connection.session = None
        first = connection.cseq + 1
        requests = [connection.build("OPTIONS", router.client_url)]
        for reader, session in readers * 2:
            requests.append(connection.build("PLAY", reader.url, {"Session": session}))
            requests.append(connection.build("GET_PARAMETER", reader.url, {"Session": session}))
            requests.append(connection.build("OPTIONS", router.client_url))
        connection.send(b"".join(requests))
        replies = [connection.reply() for _ in requests]
        assert [reply.status for reply in replies] == [200] * len(requests)
        assert [reply["CSeq"] for reply in replies] == [str(first + number) for number in range(len(requests))]
        for publisher, (reader, _) in zip(publishers, readers, strict=True):
            publisher.send(5)
            reader.receive(5)
            reader.check(publisher)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_publisher_may_announce_again_on_its_connection(router: RouterProcess, path: str, transport: str) -> None:
    with Publisher(router.publish(path), transport=transport) as publisher:
        for number in range(3):
            publisher.connection.session = None
            publisher.start()
            with Reader(router.read(path)).start() as reader:
                publisher.send(3)
                reader.receive(3)
                reader.check(publisher)
            publisher.teardown()
            assert router.mount(path) is None, number


def play_twice(url: str, connection: RtspConnection, offer: str) -> list[tuple[int, int]]:
    """Play a mount in two sessions of one connection, and return their channels."""
    channels = []
    for _ in range(2):
        connection.session = None
        reply = connection.expect(200, "SETUP", f"{url}/trackID=0", {"Transport": offer})
        channels.append(reply.ports("interleaved"))
        connection.expect(200, "PLAY", url)
    return channels


def test_sessions_of_one_connection_get_channels_of_their_own(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, RtspConnection(router.client_url) as connection:
        pairs = play_twice(router.read(path), connection, "RTP/AVP/TCP;unicast")
        assert len({channel for pair in pairs for channel in pair}) == 4
        publisher.send(5)
        wanted = publisher.tracks[0].sent

        def arrived() -> bool:
            connection.pump()
            return len(connection.frames) >= 2 * len(wanted)

        eventually(arrived, "every packet, once for each session")
        for rtp_channel, _ in pairs:
            assert [payload for channel, payload in connection.frames if channel == rtp_channel] == wanted


@pytest.mark.parametrize("again", ["0-1", "1-2"])
def test_channels_that_another_session_of_the_connection_has(router: RouterProcess, path: str, again: str) -> None:
    url = router.read(path)
    with Publisher(router.publish(path)).start() as publisher, RtspConnection(url) as connection:
        first = Reader(url, transport="tcp", connection=connection).start()
        session = connection.session
        offer = {"Transport": f"RTP/AVP/TCP;unicast;interleaved={again}", "Session": None}
        assert connection.expect(400, "SETUP", f"{url}/trackID=0", offer).reason
        publisher.send(3)
        first.receive(3)
        first.check(publisher)
        connection.expect(200, "TEARDOWN", url, {"Session": session})
        connection.expect(200, "SETUP", f"{url}/trackID=0", offer)


def test_sessions_of_one_connection_are_limited(start_router: StartRouter, path: str) -> None:
    most = 3
    router = start_router(workers=1, settings={"limits": {"sessions_per_connection": most}})
    url, offer = f"{router.read(path)}/trackID=0", {"Transport": "RTP/AVP;unicast;client_port=40000-40001"}
    with Publisher(router.publish(path)).start(), RtspConnection(url) as connection, RtspConnection(url) as other:
        sessions = [connection.expect(200, "SETUP", url, offer | {"Session": None}).session for _ in range(most)]
        assert len(set(sessions)) == most
        assert str(most) in connection.expect(503, "SETUP", url, offer | {"Session": None}).reason
        assert router.status()["front"]["sessions"] == most + 1
        other.expect(200, "SETUP", url, offer)
        connection.expect(200, "TEARDOWN", router.read(path), {"Session": sessions[0]})
        connection.expect(200, "SETUP", url, offer | {"Session": None})


@pytest.mark.parametrize("end", ["teardown", "reset"])
def test_a_reader_hears_of_its_mounts_end_though_its_connection_carries_another(
    router: RouterProcess, path: str, end: str
) -> None:
    with (
        Publisher(router.publish(f"{path}-a"), transport="tcp").start() as ending,
        Publisher(router.publish(f"{path}-b"), transport="tcp").start(),
        RtspConnection(router.client_url) as connection,
        Reader(router.read(f"{path}-a"), connection=connection).start(),
    ):
        connection.session = None
        with Reader(router.read(f"{path}-b"), connection=connection).start():
            ending.teardown() if end == "teardown" else ending.connection.reset()
            connection.wait_closed()
