"""The parts of a worker that carry media, without sockets: what is sent and watched is there to be looked at."""

import itertools
import logging
import random
import socket
from collections.abc import Callable
from typing import cast

from tests.support.fake_front import settings
from tests.support.pipes import Pipe, outlet
from workers.connections.connection import Connection
from workers.connections.users import Users
from workers.contract.image import MountImage, TrackImage
from workers.contract.messages import Event
from workers.contract.parts import Format, Peer, TrackSpec
from workers.fanout.receive import Receiver
from workers.runtime.counters import Counters
from workers.runtime.loop import Loop, Timer
from workers.runtime.resources import Resources
from workers.sockets.addresses import IPV4
from workers.sockets.ports import PortPairs
from workers.streams.reports import new_reports

RATE = 90_000
SPEC = TrackSpec((Format(96, RATE),))
_numbers = itertools.count(1000)


class FakeSocket:
    """A UDP socket that has room until it is told otherwise."""

    def __init__(self) -> None:
        self.number = next(_numbers)
        self.family = socket.AF_INET
        self.has_room = True
        self.closed = False
        self.sent: list[tuple[bytes, int]] = []
        """Packets with the ports that they went to."""

    def fileno(self) -> int:
        return self.number

    def sendto(self, data: bytes, flags: int, target: tuple[str, int]) -> int:
        if not self.has_room:
            raise BlockingIOError(11, "EAGAIN")
        self.sent.append((data, target[1]))
        return len(data)

    def sendmsg(self, parts: list[bytes], control: object, flags: int, target: tuple[str, int]) -> int:
        return self.sendto(parts[0], flags, target)

    def close(self) -> None:
        self.closed = True


class FakeLoop:
    """Knows what is watched, and calls nobody."""

    def __init__(self) -> None:
        self.now = 0.0
        self.watched: dict[int, int] = {}
        self.timers: list[Timer] = []

    def clock(self) -> float:
        return self.now

    def add(self, fd: int, watcher: object, *, media: bool, events: int = 1) -> None:
        assert fd not in self.watched
        self.watched[fd] = events

    def change(self, fd: int, events: int) -> None:
        self.watched[fd] = events

    def remove(self, fd: int) -> None:
        self.watched.pop(fd, None)

    def call_at(self, when: float, callback: Callable[[float], None]) -> Timer:
        timer = Timer(when, callback)
        self.timers.append(timer)
        return timer

    @property
    def due(self) -> list[float]:
        """When timers that were not cancelled are due."""
        return [each.when for each in self.timers if each.callback is not None]


class Parts:
    """What all mounts of a worker share."""

    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.counters = Counters()
        self.told: list[Event] = []
        self.resources = Resources(
            loop=cast("Loop", self.loop),
            counters=self.counters,
            logger=logging.getLogger("test"),
            tell=self.told.append,
            settings=settings(10_000, 100),
            family=IPV4,
            bind_address="127.0.0.1",
            receiver=Receiver(IPV4),
            ports=PortPairs(10_000, 100, 1.0),
            name="worker",
            randomness=random.Random(1),
        )

    def mount_state(self, tracks: int = 1) -> MountImage:
        """Begin a mount."""
        return MountImage("/cam", 1, tuple(self.track_state(10_000 + 2 * index) for index in range(tracks)))

    def track_state(self, port: int = 10_000) -> TrackImage:
        """Begin a track."""
        return TrackImage(SPEC, port, new_reports("worker", self.resources.randomness))


def sockets(count: int) -> tuple[list[FakeSocket], list[socket.socket]]:
    """Make sockets; gives them as what they are and as what they stand for."""
    made = [FakeSocket() for _ in range(count)]
    return made, [cast("socket.socket", each) for each in made]


def rtp(sequence: int, *, ssrc: int = 7, time: int = 0) -> bytes:
    """Make a packet of the announced type."""
    head = bytes([0x80, 96]) + (sequence & 0xFFFF).to_bytes(2, "big")
    return head + time.to_bytes(4, "big") + ssrc.to_bytes(4, "big") + b"content"


class FakeConnection:
    """An RTSP connection that carries media: who uses it, and what is written into it."""

    def __init__(self, name: str = "c", peer: str = "10.0.0.1") -> None:
        self.name = name
        self.peer = Peer(peer, 5000)
        self.pipe = Pipe()
        self.outlet, self.counters, _ = outlet(self.pipe, 100_000)
        self.users = Users(self.counters, lambda used: None)
        self.gathers = False

    def gather(self) -> None:
        self.gathers = True

    def bring(self, channel: int, *packets: bytes, now: float = 0.0) -> None:
        """Let packets come on a channel."""
        self.users.deliver({channel: list(packets)}, now)

    def end(self) -> None:
        """End it, as its users are told."""
        for each in self.users.take_all():
            each.on_end()

    @property
    def routed(self) -> set[int]:
        """The channels whose packets somebody takes."""
        return set(self.users._ways)

    @property
    def frames(self) -> list[tuple[int, bytes]]:
        """Interleaved frames that were written: channel and packet."""
        found, data = [], self.pipe.written
        while data:
            size = int.from_bytes(data[2:4], "big")
            found.append((data[1], data[4 : 4 + size]))
            data = data[4 + size :]
        return found

    @property
    def real(self) -> Connection:
        """What it stands for."""
        return cast("Connection", self)
