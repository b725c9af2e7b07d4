"""The ports of a mount that is opened: all of them, or none kept."""

import errno
import socket
from collections.abc import Iterator

import pytest

from tests.support.ports import PortSlice, bound_udp_ports
from tests.support.worker_parts import SPEC, Parts
from workers.contract.commands import OpenMount
from workers.contract.parts import Refusal
from workers.mounts import binding
from workers.mounts.binding import bind_ports
from workers.runtime.refusal import RefusedError
from workers.sockets.ports import PortPairs


class Scene:
    """A worker with three pairs of ports."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.resources = Parts().resources
        self.resources.ports = PortPairs(start, 6, 5.0)

    def bind(self, tracks: int, ports: tuple[int, ...] = ()) -> list[int]:
        found = bind_ports(OpenMount("/cam", 1, (SPEC,) * tracks, ports), self.resources, 0.0)
        for _, pair in found:
            for each in pair:
                each.close()
        return [port for port, _ in found]


@pytest.fixture
def scene() -> Iterator[Scene]:
    with PortSlice.claim() as ports:
        yield Scene(ports.media_start)


def test_each_track_has_a_pair_of_its_own(scene: Scene) -> None:
    assert scene.bind(3) == [scene.start, scene.start + 2, scene.start + 4]
    assert scene.resources.ports.count_used == 6


def test_where_the_slice_is_too_small_nothing_is_kept(scene: Scene) -> None:
    with pytest.raises(RefusedError, match="no RTP port pair is free for /cam") as caught:
        scene.bind(4)
    assert caught.value.cause is Refusal.NO_PORTS
    assert scene.resources.ports.count_used == 0
    assert bound_udp_ports(scene.start, 6) == []
    assert len(scene.bind(3)) == 3, "what was never used need not rest"


def test_another_programs_port_is_skipped_and_rests(scene: Scene) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", scene.start + 1))
        assert scene.bind(1) == [scene.start + 2]
    assert scene.resources.ports.count_free(0.0) == 2
    assert scene.resources.ports.count_free(5.0) == 4


def test_a_mount_that_comes_back_gets_the_ports_that_it_had_and_no_others(scene: Scene) -> None:
    theirs = scene.start + 100  # of another worker's slice
    assert scene.bind(2, (scene.start + 4, theirs)) == [scene.start + 4, theirs]
    assert scene.resources.ports.count_used == 2
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", theirs))
        with pytest.raises(RefusedError, match=f"port {theirs} or {theirs + 1} is in use"):
            scene.bind(2, (scene.start, theirs))
    assert scene.resources.ports.count_used == 2


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_where_no_descriptor_is_left_it_says_what_helps(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, "too many")

    monkeypatch.setattr(binding, "bind_pair", fail)
    for ports in ((), (scene.start,)):
        with pytest.raises(RefusedError, match=r"no descriptor is left for a socket: raise the hard limit"):
            scene.bind(1, ports)
    assert scene.resources.ports.count_used == 0
