"""What an operator finds in the log of those who were turned away."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.publisher import Publisher
from tests.support.router import RouterProcess
from tests.support.rtsp import Credentials, RtspConnection, resolve
from tests.support.waiting import eventually

VIEWER = Credentials("viewer", "s3cret-view", "basic")
HOOKS = """
class hooks:
    class client:
        @staticmethod
        def check_mount(request):
            return not request.path.endswith("/closed")
    publish = None
"""
REFUSALS_LOGGED = 10


@pytest.fixture(scope="module")
def telling() -> Iterator[RouterProcess]:
    """A router that knows one reader, and lets nobody read below /closed."""
    auth = {"client_users": {VIEWER.username: VIEWER.password}, "failure_delay_s": 0.1}
    with RouterProcess(workers=1, settings={"auth": auth}, hooks=HOOKS, options=["--log-format", "json"]) as router:
        yield router


def lines(router: RouterProcess, event: str, **facts: object) -> list[dict[str, Any]]:
    """Return the log's lines of one event that say these things."""
    whole, _, _ = router.log.rpartition("\n")  # the last line may be on its way still
    events = [json.loads(line) for line in whole.splitlines()]
    return [each for each in events if each["event"] == event and facts.items() <= each.items()]


def wait_refusal(router: RouterProcess, connection: RtspConnection, method: str, url: str) -> dict[str, Any]:
    """Wait for the line of a request that was refused to this client."""
    peer = f"127.0.0.1:{connection.local_port}"
    (line,) = eventually(
        lambda: lines(router, "request refused", method=method, url=url, peer=peer), "a line in the log"
    )
    assert line["level"] == "info"
    assert line["reason"]
    return line


def test_a_second_publisher(telling: RouterProcess, path: str) -> None:
    with (
        Publisher(telling.publish(path)).start() as publisher,
        Publisher(telling.publish(path)) as second,
    ):
        publisher.send(1)
        reply = second.announce(503)
        line = wait_refusal(telling, second.connection, "ANNOUNCE", second.url)
        assert (line["status"], line["reason"]) == (503, reply.reason)


@pytest.mark.parametrize(("below", "status"), [("", 404), ("/closed", 403)])
def test_a_reader_where_nothing_is_for_it(telling: RouterProcess, path: str, below: str, status: int) -> None:
    url = telling.read(path) + below
    with RtspConnection(url, credentials=VIEWER) as connection:
        reply = connection.expect(status, "DESCRIBE", url)
        line = wait_refusal(telling, connection, "DESCRIBE", url)
        assert (line["status"], line["reason"]) == (status, reply.reason)


def test_a_method_of_the_other_port(telling: RouterProcess, path: str) -> None:
    with RtspConnection(telling.publish_url) as connection:
        connection.expect(405, "DESCRIBE", telling.publish(path))
        line = wait_refusal(telling, connection, "DESCRIBE", telling.publish(path))
        assert line["status"] == 405
        assert str(resolve(telling.client_url)[1]) in line["reason"]


def test_wrong_credentials_are_one_stable_line(telling: RouterProcess, path: str) -> None:
    """Made for tools such as fail2ban; a challenge that was not answered yet is no failure."""
    url = telling.read(path)
    with RtspConnection(url, credentials=Credentials("viewer", "a wrong one", "basic")) as connection:
        for _ in range(2):
            connection.expect(401, "DESCRIBE", url)
        peer = f"127.0.0.1:{connection.local_port}"
    failures = eventually(lambda: lines(telling, "authentication failed", mount=path), "lines in the log")
    keys = {"time", "level", "program", "event", "peer", "user", "mount"}
    assert [set(each) for each in failures] == [keys] * len(failures)
    assert {(each["peer"], each["user"], each["level"]) for each in failures} == {("127.0.0.1", "viewer", "warning")}
    # The first request brought the challenge only; both then answered it, the second one at once and once more.
    assert len(failures) == 3
    assert not lines(telling, "request refused", peer=peer)
    assert "a wrong one" not in telling.log


def test_one_client_can_not_fill_the_log(telling: RouterProcess, path: str) -> None:
    with RtspConnection(telling.publish_url) as connection:
        for _ in range(REFUSALS_LOGGED + 5):
            connection.expect(405, "DESCRIBE", telling.publish(path))
        peer = f"127.0.0.1:{connection.local_port}"
        eventually(lambda: len(lines(telling, "request refused", peer=peer)) >= REFUSALS_LOGGED, "the last line")
        assert len(lines(telling, "request refused", peer=peer)) == REFUSALS_LOGGED
