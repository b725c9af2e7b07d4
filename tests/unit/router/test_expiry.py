"""What ends by time, with a clock that is told: connections, and what a standstill of this process must not end."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from router.expiry import TICK_S, Expiry
from router.settings import Settings

LIMITS = Settings(write_timeout_s=10, handshake_timeout_s=5)


class Client:
    """A connection that has said something, and may read nothing."""

    def __init__(self, last_request: float = 0.0, stalled_since: float | None = None) -> None:
        self.id, self.peer = "c", "192.0.2.1:1"
        self.last_request, self.stalled_since = last_request, stalled_since
        self.busy = self.closing = False
        self.ended: list[str] = []

    def abort(self, reason: str) -> None:
        self.ended.append(reason)

    def close(self) -> None:
        self.ended.append("closed")


class Scene:
    def __init__(self, *clients: Client, sessions: int = 0) -> None:
        self.expired: list[float] = []
        self.ticked: list[float] = []
        state = SimpleNamespace(
            settings=LIMITS,
            connections=clients,
            sessions=SimpleNamespace(of=lambda connection: [object()] * sessions),
            lifecycle=SimpleNamespace(expire=self.expired.append),
        )
        fleet = SimpleNamespace(tick=lambda now, late_s: self.ticked.append(now))
        self.expiry = Expiry(cast(Any, state), cast(Any, fleet))

    def tick(self, now: float, late_s: float = 0.0) -> None:
        self.expiry._tick(now, late_s)


@pytest.mark.parametrize(("now", "ended"), [(5.0, []), (5.1, ["closed"])])
def test_a_client_that_says_nothing_is_let_go_of(now: float, ended: list[str]) -> None:
    client = Client()
    Scene(client).tick(now)
    assert client.ended == ended


@pytest.mark.parametrize("why", ["busy", "closing", "a session"])
def test_one_that_is_at_something_may_be_silent(why: str) -> None:
    client = Client()
    if why != "a session":
        setattr(client, why, True)
    Scene(client, sessions=int(why == "a session")).tick(100.0)
    assert client.ended == []


@pytest.mark.parametrize(("now", "ended"), [(11.0, []), (11.1, ["it read nothing for 10 s"])])
def test_a_client_that_reads_nothing_is_cut_off_whatever_it_has(now: float, ended: list[str]) -> None:
    client = Client(last_request=now, stalled_since=1.0)
    Scene(client, sessions=1).tick(now)
    assert client.ended == ended


def test_after_a_standstill_signs_of_life_are_read_first() -> None:
    client = Client()
    scene = Scene(client)
    scene.tick(100.0, late_s=TICK_S * 1.1)
    assert (scene.ticked, scene.expired, client.ended) == ([100.0], [], [])
    scene.tick(200.0, late_s=TICK_S * 1.1)
    assert (scene.expired, client.ended) == ([200.0], ["closed"]), "one that is always late must not wait for ever"
