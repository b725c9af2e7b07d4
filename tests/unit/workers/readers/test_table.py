"""The readers of a mount by session: commands that may come again, and those that can't be carried out."""

from collections.abc import Sequence

import pytest

from tests.support.worker_parts import FakeConnection, Parts, rtp, sockets
from workers.channel import Kind
from workers.contract.commands import Play
from workers.contract.parts import (
    InterleavedTransport,
    MulticastTransport,
    Refusal,
    RtpInfo,
    TrackTransport,
    UdpTransport,
)
from workers.readers.table import ReaderTable
from workers.runtime.refusal import RefusedError
from workers.streams.track import make_tracks


def udp(port: int, track: int = 0, host: str = "10.0.0.1") -> TrackTransport:
    return TrackTransport(track, UdpTransport(host, port, port + 1))


TCP = TrackTransport(1, InterleavedTransport(2, 3))


class Scene:
    def __init__(self) -> None:
        self.parts = Parts()
        self.fakes, pairs = sockets(4)
        states = [self.parts.track_state(port) for port in (10_000, 10_002)]
        self.tracks = make_tracks(states, pairs, self.parts.resources, replica=False)
        self.table = ReaderTable("/cam", self.tracks, self.parts.resources)

    def play(self, *transports: TrackTransport, connection: FakeConnection | None = None) -> Sequence[RtpInfo]:
        command = Play("/cam", 1, "r", "c", None, transports, b"", (), b"record")
        infos = self.table.arm(command, None if connection is None else connection.real, 0.0)
        self.table.open_gate("r", 0.0)
        return infos

    def got(self, port: int) -> int:
        return sum(sent_to == port for fake in self.fakes for _, sent_to in fake.sent)


@pytest.mark.parametrize(
    ("transport", "reason"),
    [
        (udp(7000, track=2), "/cam has 2 tracks, none with index 2"),
        (udp(7000, host="::1"), "no numeric address"),
        (udp(7000, host="example.org"), "no numeric address"),
        (TrackTransport(0, MulticastTransport("10.0.0.1", "::g", 1, 2, 1, "")), "no multicast to ::g"),
    ],
)
def test_what_can_not_be_carried_out_registers_nobody(transport: TrackTransport, reason: str) -> None:
    scene = Scene()
    with pytest.raises(RefusedError, match=reason):
        scene.table.set_up("r", transport)
    assert len(scene.table) == 0


def test_nobody_publishes_by_multicast() -> None:
    transport = TrackTransport(0, MulticastTransport("10.0.0.1", "239.1.2.3", 5004, 5005, 1, ""))
    with pytest.raises(RefusedError, match="/cam can't be published by multicast"):
        Scene().table.check((transport,), publishing=True)


def test_a_reader_is_told_where_its_tracks_stand() -> None:
    scene = Scene()
    assert scene.table.set_up("r", udp(7000)) is None
    scene.tracks[0].stream.deliver_packets([rtp(41, ssrc=9)], 0.0)
    assert scene.table.set_up("r", udp(7000)) == 9
    first, second = scene.play(udp(7002, track=1), udp(7000))
    assert (first, second.track, second.sequence) == (RtpInfo(1, None, None), 0, 42)


def test_a_command_that_comes_again_keeps_what_a_punch_has_corrected() -> None:
    scene = Scene()
    scene.table.set_up("r", udp(7000))
    before = scene.table.find("r", 0)
    scene.table.set_up("r", udp(7000))
    assert scene.table.find("r", 0) is before
    scene.table.set_up("r", udp(8000))
    assert scene.table.find("r", 0) is not before


def test_play_drops_the_tracks_that_it_does_not_name() -> None:
    scene = Scene()
    scene.play(udp(7000), udp(7002, track=1))
    scene.play(udp(7000))
    for each in scene.tracks:
        each.stream.deliver_packets([rtp(1)], 0.0)
    assert (scene.got(7000), scene.got(7002)) == (1, 0)
    assert scene.table.find("r", 1) is None


def test_a_packet_for_one_reader_alone_finds_it_or_not() -> None:
    scene = Scene()
    scene.play(udp(7000), TCP)
    assert scene.table.write("r", 0, Kind.RTP, rtp(1), 0.0)
    assert not scene.table.write("r", 1, Kind.RTP, rtp(1), 0.0), "its connection is not here"
    assert not scene.table.write("stranger", 0, Kind.RTP, rtp(1), 0.0)
    scene.play(udp(7000), TCP, connection=FakeConnection())
    assert scene.table.write("r", 1, Kind.RTP, rtp(1), 0.0)
    assert len(scene.table.carriers()) == 1


def test_who_is_paused_must_be_here_and_who_is_removed_need_not() -> None:
    scene = Scene()
    with pytest.raises(RefusedError, match="session r does not read /cam") as caught:
        scene.table.pause("r")
    assert caught.value.cause is Refusal.UNKNOWN_READER
    scene.play(udp(7000))
    scene.table.pause("r")
    scene.tracks[0].stream.deliver_packets([rtp(1)], 0.0)
    assert scene.got(7000) == 0
    scene.table.remove("r")
    scene.table.remove("r")
    assert len(scene.table) == 0


def test_those_that_play_elsewhere_are_not_served_here() -> None:
    scene = Scene()
    scene.table.set_up("r", udp(7000), elsewhere=True)
    scene.table.set_up("s", udp(7100))
    assert (len(scene.table), scene.table.served) == (2, 1)
    scene.table.remove_all()
    assert len(scene.table) == 0
