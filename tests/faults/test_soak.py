"""Clients that come and vanish in every state; afterwards all is as it was."""

import random
from collections.abc import Callable
from typing import Any

from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import HURRIED, RouterProcess, StartRouter
from tests.support.rtsp import RtspConnection
from tests.support.waiting import eventually

ROUNDS = 25
PORTS_A_ROUND = 32
"""Two for each track of each of its publishers, if one worker gets them all."""


def vanish(connection: RtspConnection, chance: random.Random) -> None:
    """End a connection in one of the ways in which they end."""
    if chance.random() < 0.5:
        connection.reset()
    else:
        connection.close()


class Visitors:
    """Everything that a client can leave half done, each once a round."""

    def __init__(self, router: RouterProcess, path: str, seed: int) -> None:
        self._router = router
        self._path = path
        self._chance = random.Random(seed)
        self._left: list[Publisher | Reader] = []

    def round(self, number: int) -> None:
        """Let all of them come and go, in another order each time."""
        visits: list[Callable[[str], None]] = [
            self.connect, self.half_request, self.half_body, self.garbage, self.unread_pipeline, self.announce,
            self.publisher_set_up, self.publisher, self.publisher_over_tcp, self.orderly,
        ]  # fmt: skip
        self._chance.shuffle(visits)
        path = f"{self._path}-{number}"
        with Publisher(self._router.publish(path), tracks=2).start() as publisher:
            for visit in visits:
                publisher.send(1)
                visit(f"{path}-{visit.__name__}")
            for transport in ("udp", "tcp"):
                for stop_at in ("describe", "one track", "set up", "playing", "paused"):
                    self.reader(self._router.read(path), transport, stop_at)
            publisher.send(3)
            vanish(publisher.connection, self._chance)
        for each in self._left:
            each.close()
        self._left.clear()

    def connect(self, path: str) -> None:
        for url in (self._router.publish_url, self._router.client_url):
            vanish(RtspConnection(url), self._chance)

    def half_request(self, path: str) -> None:
        connection = RtspConnection(self._router.client_url)
        request = connection.build("DESCRIBE", self._router.read(path))
        connection.send(request[: self._chance.randrange(1, len(request))])
        vanish(connection, self._chance)

    def half_body(self, path: str) -> None:
        connection = RtspConnection(self._router.publish_url)
        connection.send(connection.build("ANNOUNCE", self._router.publish(path), None, b"v=0\r\n" * 50)[:-20])
        vanish(connection, self._chance)

    def garbage(self, path: str) -> None:
        connection = RtspConnection(self._router.client_url)
        connection.send(self._chance.randbytes(500))
        vanish(connection, self._chance)

    def unread_pipeline(self, path: str) -> None:
        connection = RtspConnection(self._router.client_url)
        connection.send(b"".join(connection.build("OPTIONS", self._router.read(path)) for _ in range(50)))
        vanish(connection, self._chance)

    def announce(self, path: str) -> None:
        publisher = Publisher(self._router.publish(path))
        publisher.announce()
        vanish(publisher.connection, self._chance)

    def publisher_set_up(self, path: str) -> None:
        publisher = Publisher(self._router.publish(path), tracks=2)
        publisher.announce()
        publisher.set_up(0)
        vanish(publisher.connection, self._chance)
        self._left.append(publisher)

    def publisher(self, path: str) -> None:
        publisher = Publisher(self._router.publish(path)).start()
        publisher.send(self._chance.randrange(3))
        vanish(publisher.connection, self._chance)
        self._left.append(publisher)

    def publisher_over_tcp(self, path: str) -> None:
        publisher = Publisher(self._router.publish(path), transport="tcp").start()
        publisher.send(2)
        publisher.connection.send(b"$\0\x05\x00half a frame")
        vanish(publisher.connection, self._chance)

    def orderly(self, path: str) -> None:
        with Publisher(self._router.publish(path)).start() as publisher:
            with Reader(self._router.read(path)).start() as reader:
                publisher.send(2)
                reader.receive(2)
                reader.teardown()
            publisher.teardown()

    def reader(self, url: str, transport: str, stop_at: str) -> None:
        """Go as far as `stop_at`, then vanish."""
        reader = Reader(url, transport=transport)
        reader.describe()
        if stop_at != "describe":
            reader.set_up(0)
        if stop_at not in ("describe", "one track"):
            reader.set_up(1)
        if stop_at in ("playing", "paused"):
            reader.play()
        if stop_at == "paused":
            reader.pause()
        vanish(reader.connection, self._chance)
        self._left.append(reader)


def held(router: RouterProcess) -> dict[str, Any]:
    """What a router holds for its clients."""
    status = router.status()
    return {
        "mounts": len(status["mounts"]),
        "sessions": status["front"]["sessions"],
        "connections": status["front"]["connections"],
        "tasks": status["front"]["tasks"],
        "in workers": [(worker["mounts"], worker["readers"], worker["ports_used"]) for worker in status["workers"]],
        "ports free": [worker["ports_free"] for worker in status["workers"]],
    }


def test_nothing_is_left_of_those_who_vanish(start_router: StartRouter, path: str) -> None:
    router = start_router(settings=HURRIED)
    at_start = held(router)
    assert at_start["connections"] == at_start["sessions"] == 0
    visitors = Visitors(router, path, seed=1)
    visitors.round(0)

    def settled() -> bool:
        return held(router) == at_start

    # What is made once, at first use, is no leak: the first round makes it.
    eventually(settled, "an empty router after one round", 20)
    descriptors = router.settled_descriptors()
    for number in range(1, ROUNDS):
        # A publisher that vanished holds its ports for a while, and rounds may come faster than that.
        router.wait_until(
            lambda status: all(worker["ports_free"] >= PORTS_A_ROUND for worker in status["workers"]),
            "ports for a round",
        )
        visitors.round(number)
    eventually(settled, "an empty router after all rounds", 20)
    router.wait_descriptors(descriptors)
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        publisher.send(3)
        reader.receive(3)
        reader.check(publisher)
