"""A reader inside its connection."""

from tests.support.worker_parts import FakeConnection, rtp
from tests.unit.workers.readers.readers import Scene as Track
from workers.channel import Kind
from workers.connections.users import ConnectionUser
from workers.contract.image import ReaderTrackImage
from workers.contract.parts import InterleavedTransport, TrackTransport
from workers.readers.interleaved import TcpReaderTrack
from workers.rtp import rtcp
from workers.runtime.counters import Drop

CHANNELS = InterleavedTransport(4, 5)
USER = ConnectionUser("/cam", "reader r", lambda: None)


class Scene(Track):
    def __init__(self, *, back_channel: bool = False) -> None:
        super().__init__(back_channel=back_channel)
        self.connection = FakeConnection()
        state = ReaderTrackImage(TrackTransport(0, CHANNELS))
        self.reader = TcpReaderTrack(state, CHANNELS, self.track, self.context)

    def attach(self) -> None:
        self.reader.attach(self.connection.real, USER)

    def frames(self) -> list[tuple[int, bytes]]:
        self.connection.outlet.flush(0.0)
        return self.connection.frames


def test_without_its_connection_nothing_goes_to_it() -> None:
    scene = Scene()
    scene.reader.open_gate(0.0)
    scene.send(1)
    assert not scene.reader.write(Kind.RTP, rtp(2), 0.0)
    assert (scene.reader.packets_out, scene.frames()) == (0, [])


def test_packets_go_in_its_channels_after_the_last_report() -> None:
    scene = Scene()
    scene.attach()
    scene.track.stream.reports.sender_report = b"report"
    scene.reader.open_gate(0.0)
    scene.reader.open_gate(0.0)
    scene.send(1)
    assert scene.reader.write(Kind.RTCP, b"own", 0.0)
    assert scene.frames() == [(5, b"report"), (4, rtp(1)), (5, b"own")]
    assert scene.reader.packets_out == 3


def test_what_it_says_is_heard_on_its_rtcp_channel_alone() -> None:
    scene = Scene()
    scene.attach()
    assert scene.connection.routed == {5}
    scene.connection.bring(5, rtcp.receiver_report(1, (rtcp.ReportBlock(7, 0, 4, 0, 0, 0, 0),), "r"), b"junk", now=1.0)
    assert scene.parts.counters.drops[Drop.READER_REPORTED] == 4
    assert scene.parts.counters.drops[Drop.NOT_RTP] == 1
    assert scene.signs == [1.0, 1.0]


def test_a_back_channel_is_heard_while_it_plays() -> None:
    scene = Scene(back_channel=True)
    scene.attach()
    scene.connection.bring(4, rtp(1))
    assert scene.parts.counters.drops[Drop.WRONG_SOURCE] == 1
    scene.state.playing = True
    scene.connection.bring(4, rtp(2), b"junk")
    assert scene.parts.counters.packets_in == 1
    assert scene.parts.counters.drops[Drop.NOT_RTP] == 1


def test_counts_stay_when_its_connection_goes() -> None:
    scene = Scene()
    scene.attach()
    scene.reader.open_gate(0.0)
    scene.send(1)
    scene.reader.detach()
    scene.reader.detach()
    scene.send(2)
    assert scene.reader.packets_out == 1
    scene.reader.attach(FakeConnection("other").real, USER)
    scene.reader.open_gate(0.0)
    scene.send(3)
    assert scene.reader.packets_out == 2
