"""One connection, several sessions: it goes to whichever worker has the mount that is played next."""

from contextlib import ExitStack

import pytest

from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import RouterProcess
from tests.support.rtsp import RtspConnection


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
