"""Taps join the outputs that they copy, and leave them."""

import socket
from collections.abc import Iterator

import pytest

from tests.support.worker_parts import Parts, rtp, sockets
from workers.channel import ChannelBurst, Kind, decode
from workers.contract.image import PipeImage, TapImage
from workers.fanout.burst import packets_of
from workers.runtime.pipe import Pipe
from workers.streams.tap import BurstTap
from workers.streams.track import MountTrack, make_tracks


class Scene:
    """A mount of two tracks with one tap, whose other end is `far`."""

    def __init__(self, state: TapImage) -> None:
        self.parts = Parts()
        _, pairs = sockets(4)
        states = [self.parts.track_state(port) for port in (10_000, 10_002)]
        self.tracks: list[MountTrack] = make_tracks(states, pairs, self.parts.resources, replica=False)
        near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.far.setblocking(False)
        self.ended: list[str] = []
        pipe = Pipe(near, state.pipe, self.parts.resources, lambda burst, now: None, self.ended.append)
        pipe.resume(0.0)
        self.tap = BurstTap(state, pipe, self.tracks)

    def send(self, number: int) -> None:
        for each in self.tracks:
            each.stream.deliver_packets([rtp(number)], 0.0)

    def heard(self) -> list[ChannelBurst]:
        found = []
        while True:
            try:
                found.append(decode(self.far.recv(65_536)))
            except BlockingIOError:
                return found


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene(TapImage("t", PipeImage(), (1,)))
    yield made
    made.tap.close(0.0)
    made.far.close()


def test_only_what_is_wanted_is_copied(scene: Scene) -> None:
    scene.send(1)
    (burst,) = scene.heard()
    assert (burst.kind, burst.track) == (Kind.RTP, 1)
    assert [each for run in burst.runs for each in packets_of(run)] == [rtp(1)]
    scene.tap.copy((0,), readers=False, now=0.0)
    scene.send(2)
    assert [each.track for each in scene.heard()] == [0]
    scene.tap.copy((0, 1), readers=False, now=0.0)
    scene.tap.copy((0, 1), readers=False, now=0.0)
    scene.send(3)
    assert [each.track for each in scene.heard()] == [0, 1]


def test_a_track_that_is_copied_from_now_on_begins_with_what_its_times_mean(scene: Scene) -> None:
    scene.tracks[0].stream.reports.sender_report = b"report"
    scene.tap.copy((0, 1), readers=False, now=0.0)
    (burst,) = scene.heard()
    assert (burst.kind, burst.track) == (Kind.RTCP, 0)
    assert [each for run in burst.runs for each in packets_of(run)] == [b"report"]


def test_what_readers_send_is_heard_while_it_is_wanted(scene: Scene) -> None:
    scene.tap.copy((), readers=True, now=0.0)
    for each in scene.tracks[0].feedback.listeners:
        each.send_for(Kind.RTCP, b"report", "r")
    (burst,) = scene.heard()
    assert (burst.kind, burst.session) == (Kind.RTCP, "r")
    scene.tap.copy((), readers=False, now=0.0)
    assert scene.tracks[0].feedback.listeners == []


def test_an_ended_tap_is_nowhere(scene: Scene) -> None:
    scene.tap.copy((0, 1), readers=True, now=0.0)
    sinks = [len(each.sinks) for track in scene.tracks for each in track.stream.outputs]
    scene.tap.close(0.0)
    assert [len(each.sinks) + 1 for track in scene.tracks for each in track.stream.outputs] == sinks
    assert not any(track.feedback.listeners for track in scene.tracks)
    assert scene.parts.loop.watched == {}
    assert scene.far.recv(1) == b""


def test_a_replicas_tap_is_known_to_each_track() -> None:
    scene = Scene(TapImage("replica", PipeImage(), (0, 1), True, True))
    assert [len(each.replicas) for each in scene.tracks] == [1, 1]
    scene.tap.close(0.0)
    assert [len(each.replicas) for each in scene.tracks] == [0, 0]
    scene.far.close()
