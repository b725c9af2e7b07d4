"""The life of a session: across connections, hosts and silence."""

import pytest

from tests.support.programs import Status
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import RouterProcess
from tests.support.rtp import build_receiver_report
from tests.support.rtsp import RtspConnection
from tests.support.waiting import Deadline, eventually


def get_parameter(reader_or_url: Reader | str, session: str | None) -> int:
    """Ask for nothing in a session on a new connection, and return the status."""
    url = reader_or_url if isinstance(reader_or_url, str) else reader_or_url.url
    with RtspConnection(url) as connection:
        return connection.request("GET_PARAMETER", url, {"Session": session}).status


def test_a_udp_reader_outlives_its_connection_and_is_taken_up_from_another(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        session = reader.connection.session
        publisher.send(5)
        reader.receive(5)
        reader.connection.reset()
        publisher.send(5)
        reader.receive(10)
        reader.connection = RtspConnection(reader.url)
        reader.connection.session = session
        reader.connection.expect(200, "GET_PARAMETER", reader.url)
        reader.pause()
        reader.play()
        publisher.send(5)
        reader.receive(15)
        reader.check(publisher)
        reader.teardown()
        assert get_parameter(reader, session) == 454


def test_a_session_is_used_from_two_connections_in_turn(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        assert get_parameter(reader, reader.connection.session) == 200
        reader.connection.expect(200, "GET_PARAMETER", reader.url)
        publisher.send(5)
        reader.receive(5)


@pytest.mark.parametrize("publish_over", ["udp", "tcp"])
def test_an_interleaved_session_lives_with_the_connection_that_carries_it(
    router: RouterProcess, path: str, publish_over: str
) -> None:
    """Whatever another connection says in its name, and however that one ends."""
    with (
        Publisher(router.publish(path), transport=publish_over).start() as publisher,
        Reader(router.read(path), transport="tcp").start() as reader,
    ):
        for each in (reader, publisher):
            session = each.connection.session
            before = router.wait_until(
                lambda status: status["front"]["connections"] == 2, "the two connections and no other"
            )
            assert get_parameter(each.url, session) == 200
            after = router.wait_until(lambda status: status["front"]["connections"] != 3, "the end of the third")
            assert after["front"]["connections"] == 2
            assert ids_on(after, path) == ids_on(before, path)
            publisher.send(5)
            reader.receive(len(publisher.tracks[0].sent))
            each.connection.expect(200, "GET_PARAMETER", each.url)
        reader.check(publisher)


@pytest.mark.parametrize("role", ["reader", "publisher"])
def test_an_interleaved_session_ends_with_its_connection_though_another_asked_last(
    router: RouterProcess, path: str, role: str
) -> None:
    with (
        Publisher(router.publish(path), transport="tcp").start() as publisher,
        Reader(router.read(path), transport="tcp").start() as reader,
    ):
        each: Publisher | Reader = reader if role == "reader" else publisher
        session = each.connection.session
        with RtspConnection(each.url) as another:
            another.expect(200, "GET_PARAMETER", each.url, {"Session": session})
            each.connection.close()
            router.wait_until(lambda status: session not in ids_on(status, path), "the end of the session")
            another.expect(454, "GET_PARAMETER", each.url, {"Session": session})
        if role == "publisher":
            reader.wait_ended()
            assert router.mount(path) is None


def ids_on(status: Status, path: str) -> set[str]:
    """Return the ids of a mount's sessions."""
    return {each["id"] for each in status["sessions"] if each["mount"] == path}


def test_a_udp_publisher_is_taken_up_from_another_connection(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        session = publisher.connection.session
        publisher.send(5)
        publisher.lose_connection()
        publisher.connection = RtspConnection(publisher.url)
        publisher.connection.session = session
        publisher.connection.expect(200, "GET_PARAMETER", publisher.url)
        publisher.send(5)
        reader.receive(10)
        reader.check(publisher)
        publisher.teardown()
        reader.wait_ended()


@pytest.mark.parametrize("method", ["GET_PARAMETER", "PLAY", "PAUSE", "TEARDOWN", "SETUP"])
def test_a_session_is_unknown_from_another_host(router: RouterProcess, path: str, method: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        with RtspConnection(reader.url, source_host="127.0.0.2") as stranger:
            url = reader.control_url(0) if method == "SETUP" else reader.url
            headers = {"Session": reader.connection.session, "Transport": "RTP/AVP;unicast;client_port=40000-40001"}
            assert stranger.request(method, url, headers).status == 454
        publisher.send(5)
        reader.receive(5)
        reader.check(publisher)


def test_a_udp_session_without_a_sign_of_life_ends(hurried: RouterProcess, path: str) -> None:
    """Two readers lose their connections; the one that sends RTCP lives until it stops."""
    with (
        Publisher(hurried.publish(path)).start() as publisher,
        Reader(hurried.read(path)).start() as lively,
        Reader(hurried.read(path)).start() as silent,
    ):
        lively.connection.reset()
        silent.connection.reset()
        sessions = {each["id"]: each for each in hurried.status()["sessions"] if each["mount"] == path}
        assert {lively.connection.session, silent.connection.session} <= set(sessions)

        def living() -> set[str]:
            publisher.send(1)
            return {each["id"] for each in hurried.status()["sessions"] if each["mount"] == path}

        def send_report() -> None:
            track = lively.tracks[0]
            assert track.rtcp is not None
            track.rtcp.sendto(build_receiver_report(7), (lively.server_host, track.server_ports[1]))

        def silent_is_gone() -> bool:
            send_report()
            now = living()
            assert lively.connection.session in now
            return silent.connection.session not in now

        eventually(silent_is_gone, "the end of the silent session")
        # Its own life would be over, too, if nobody heard its reports.
        past_another_timeout = Deadline(2.5)
        while not past_another_timeout.passed:
            assert not silent_is_gone() or lively.connection.session in living()
        received = len(publisher.tracks[0].sent)
        lively.receive(received)
        eventually(lambda: lively.connection.session not in living(), "the end of the session that was lively")


def test_requests_keep_a_session_alive(hurried: RouterProcess, path: str) -> None:
    with (
        Publisher(hurried.publish(path)).start() as publisher,
        Reader(hurried.read(path)).start() as asking,
        Reader(hurried.read(path)).start() as silent,
    ):

        def silent_is_gone() -> bool:
            publisher.send(1)
            asking.connection.expect(200, "GET_PARAMETER", asking.url)
            ids = {each["id"] for each in hurried.status()["sessions"]}
            return silent.connection.session not in ids

        eventually(silent_is_gone, "the end of the silent session")
        past_another_timeout = Deadline(2.5)
        while not past_another_timeout.passed:
            assert silent_is_gone()
        asking.receive(len(publisher.tracks[0].sent))
        asking.check(publisher)


def test_a_session_that_ended_is_unknown(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start(), Reader(router.read(path)).start() as reader:
        session = reader.connection.session
        reader.teardown()
        assert get_parameter(reader, session) == 454


def test_session_ids_cannot_be_guessed(router: RouterProcess, path: str) -> None:
    ids = set()
    with Publisher(router.publish(path)).start():
        for _ in range(20):
            with Reader(router.read(path)) as reader:
                reader.describe()
                ids.add(reader.set_up(0).session)
    assert len(ids) == 20
    assert min(len(each) for each in ids) >= 16  # 64 bits in hex
