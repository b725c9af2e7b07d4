"""How long a publisher lives, who may take its path, and what its readers see."""

import time

import pytest

from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import HURRIED, RouterProcess, StartRouter
from tests.support.rtp import BYE, RECEIVER_REPORT, parse_rtcp
from tests.support.rtsp import RtspConnection
from tests.support.waiting import Deadline, eventually


def path_is_free(url: str) -> bool:
    with RtspConnection(url) as connection:
        return connection.request("DESCRIBE", url).status == 404


def check_over(router: RouterProcess, path: str, readers: list[Reader]) -> None:
    """See that a mount is gone with its readers, and that its path can be taken at once."""
    for reader in readers:
        reader.wait_ended()
    assert path_is_free(router.read(path))
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path)).start() as reader,
    ):
        publisher.send(3)
        reader.receive(3)
        reader.check(publisher)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_teardown_ends_a_mount(router: RouterProcess, path: str, transport: str) -> None:
    with (
        Publisher(router.publish(path), transport=transport).start() as publisher,
        Reader(router.read(path), transport="udp").start() as over_udp,
        Reader(router.read(path), transport="tcp").start() as over_tcp,
    ):
        publisher.send(3)
        for reader in (over_udp, over_tcp):
            reader.receive(3)
        publisher.teardown()
        check_over(router, path, [over_udp, over_tcp])


@pytest.mark.parametrize("end", ["close", "reset", "half_close"])
def test_the_end_of_a_tcp_publishers_connection_ends_its_mount(router: RouterProcess, path: str, end: str) -> None:
    with (
        Publisher(router.publish(path), transport="tcp").start() as publisher,
        Reader(router.read(path)).start() as reader,
    ):
        publisher.send(3)
        reader.receive(3)
        getattr(publisher.connection, end)()
        check_over(router, path, [reader])


def test_a_udp_publisher_without_connection_lives_by_its_rtp(hurried: RouterProcess, path: str) -> None:
    with Publisher(hurried.publish(path)).start() as publisher, Reader(hurried.read(path)).start() as reader:
        publisher.lose_connection()
        longer_than_every_timeout = Deadline(1.5 * HURRIED["publish_timeout_s"])
        while not longer_than_every_timeout.passed:
            publisher.send(1)
            reader.receive(len(publisher.tracks[0].sent))
            reader.connection.expect(200, "GET_PARAMETER", reader.url)
        reader.check(publisher)
        silent_since = time.monotonic()
        check_over(hurried, path, [reader])
        # Gone after `stale_after_s`, not after `publish_timeout_s`, which is three times as long.
        assert time.monotonic() - silent_since < HURRIED["publish_timeout_s"]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_silent_publisher_is_ended_after_publish_timeout(hurried: RouterProcess, path: str, transport: str) -> None:
    with (
        Publisher(hurried.publish(path), transport=transport).start() as publisher,
        Reader(hurried.read(path), transport="tcp").start() as reader,
    ):
        publisher.send(3)
        silent_since = time.monotonic()
        reader.receive(3)
        publisher.connection.wait_closed()
        assert time.monotonic() - silent_since >= HURRIED["publish_timeout_s"]
        check_over(hurried, path, [reader])


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_first_packet_may_take_longer(hurried: RouterProcess, path: str, transport: str) -> None:
    with (
        Publisher(hurried.publish(path), transport=transport).start() as publisher,
        Reader(hurried.read(path), transport="tcp").start() as reader,
    ):
        started = time.monotonic()
        publisher.connection.wait_closed()
        assert time.monotonic() - started >= HURRIED["publish_start_timeout_s"] - 0.5
        check_over(hurried, path, [reader])


def test_a_publisher_that_announces_and_no_more_does_not_keep_the_path(hurried: RouterProcess, path: str) -> None:
    with Publisher(hurried.publish(path)) as publisher:
        publisher.announce()
        publisher.set_up(0)
        publisher.connection.reset()
        eventually(lambda: hurried.mount(path) is None, "the path free again")


def test_announcing_holds_a_path_for_a_while_only(hurried: RouterProcess, path: str) -> None:
    """However alive the session is otherwise: a path is there for a stream."""
    with Publisher(hurried.publish(path)) as publisher:
        publisher.announce()
        publisher.set_up(0)
        started = time.monotonic()

        def ended() -> bool:
            try:
                publisher.connection.expect(200, "OPTIONS", publisher.url)
            except ConnectionError:
                return True
            return False

        eventually(ended, "the end of the connection", 3 * HURRIED["publish_start_timeout_s"], interval_s=0.1)
        assert time.monotonic() - started >= HURRIED["publish_start_timeout_s"] - 0.5
        check_over(hurried, path, [])


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("until", ["announced", "set up", "recording"])
def test_a_publisher_may_announce_its_own_path_anew(
    router: RouterProcess, path: str, transport: str, until: str
) -> None:
    with Publisher(router.publish(path), transport=transport) as publisher:
        publisher.announce()
        if until != "announced":
            publisher.set_up(0)
        readers = []
        if until == "recording":
            publisher.record()
            readers.append(Reader(router.read(path)).start())
            publisher.send(3)
            readers[0].receive(3)
        old, publisher.connection.session = publisher.connection.session, None
        publisher.start()
        assert publisher.connection.session != old
        for reader in readers:
            reader.wait_ended()
            reader.close()
        with Reader(router.read(path)).start() as new_reader:
            publisher.send(3)
            new_reader.receive(3)
            new_reader.check(publisher)
        publisher.teardown()
        assert router.mount(path) is None


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("end", ["teardown", "close"])
def test_udp_readers_are_told_goodbye_in_the_publishers_name(
    router: RouterProcess, path: str, transport: str, end: str
) -> None:
    """RFC 3550 6.6: with its connection gone, a UDP reader hears of the end in no other way."""
    with (
        Publisher(router.publish(path), transport=transport, tracks=2).start() as publisher,
        Reader(router.read(path)).start() as reader,
    ):
        publisher.send(1)
        reader.receive(1)
        reader.connection.reset()
        if end == "teardown" or transport == "udp":  # a UDP publisher outlives its connection
            publisher.teardown()
        else:
            publisher.connection.close()
        for index, track in enumerate(publisher.tracks):
            packets = parse_rtcp(reader.receive_report(index))
            assert packets[0].kind == RECEIVER_REPORT  # a compound begins with a report (6.1)
            assert [packet.ssrc for packet in packets if packet.kind == BYE] == [track.ssrc]


def test_default_policy_keeps_a_publisher_that_sends(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        publisher.send(3)
        reader.receive(3)
        with Publisher(router.publish(path)) as second:
            assert "publish" in second.announce(503).reason.lower()
        publisher.send(3)
        reader.receive(6)
        reader.check(publisher)


def test_default_policy_gives_a_silent_publishers_path_away(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        publisher.send(3)
        reader.receive(3)
        router.wait_until(
            lambda status: [each["state"] for each in status["mounts"] if each["path"] == path] == ["silent"],
            "the publisher is silent",
        )
        with Publisher(router.publish(path)).start() as second, Reader(router.read(path)) as new_reader:
            reader.wait_ended()
            publisher.connection.wait_closed()
            new_reader.start()
            second.send(3)
            new_reader.receive(3)
            new_reader.check(second)


def test_default_policy_gives_the_path_of_one_who_never_sent_away(hurried: RouterProcess, path: str) -> None:
    """After the same silence as if it had sent before."""
    with Publisher(hurried.publish(path)).start() as publisher, Publisher(hurried.publish(path)) as second:
        recorded = time.monotonic()
        announcement = {"Content-Type": "application/sdp"}

        def let_in() -> bool:
            return second.connection.request("ANNOUNCE", second.url, announcement, second.sdp).status == 200

        assert not let_in()
        eventually(let_in, "the path given away")
        taken = time.monotonic() - recorded
        # Had it waited for its first packet instead, this would have taken the whole of that timeout.
        assert HURRIED["stale_after_s"] - 0.5 <= taken < HURRIED["publish_start_timeout_s"] - 1
        publisher.connection.wait_closed()
        second.set_up(0)
        second.record()
        with Reader(hurried.read(path)).start() as reader:
            second.send(3)
            reader.receive(3)
            reader.check(second)


def test_default_policy_gives_the_path_of_a_lost_connection_away(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        publisher.send(3)
        reader.receive(3)
        publisher.lose_connection()
        with Publisher(router.publish(path)) as second:
            # At once, though RTP came a moment ago; only the end of the connection must have been noticed.
            eventually(lambda: second.connection.request(
                "ANNOUNCE", second.url, {"Content-Type": "application/sdp"}, second.sdp
            ).status == 200, "the path given away", 1.0)  # fmt: skip
            reader.wait_ended()
            second.set_up(0)
            second.record()
            with Reader(router.read(path)).start() as new_reader:
                publisher.send(3)  # whoever has lost the path is not heard on it any more
                second.send(3)
                new_reader.receive(3)
                new_reader.check(second)


def test_policy_reject(start_router: StartRouter, path: str) -> None:
    router = start_router(settings=HURRIED | {"publish_conflict": "reject", "publish_timeout_s": 60})
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        publisher.send(1)
        reader.receive(1)
        router.wait_until(
            lambda status: [each["state"] for each in status["mounts"]] == ["silent"], "the publisher is silent"
        )
        with Publisher(router.publish(path)) as second:
            second.announce(503)
        publisher.send(1)
        reader.receive(2)
        publisher.teardown()
        with Publisher(router.publish(path)) as second:
            second.announce()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_policy_takeover(start_router: StartRouter, path: str, transport: str) -> None:
    router = start_router(settings={"publish_conflict": "takeover"})
    with (
        Publisher(router.publish(path), transport=transport).start() as publisher,
        Reader(router.read(path)).start() as reader,
    ):
        publisher.send(3)
        reader.receive(3)
        with Publisher(router.publish(path), transport=transport).start() as second:
            publisher.connection.wait_closed()
            check_taken_over(router, path, second, reader)


def check_taken_over(router: RouterProcess, path: str, second: Publisher, old_reader: Reader) -> None:
    old_reader.wait_ended()
    with Reader(router.read(path)).start() as new_reader:
        second.send(3)
        new_reader.receive(3)
        new_reader.check(second)
