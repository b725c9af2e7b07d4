"""What a reader sends, by whichever transport."""

import pytest

from tests.support.worker_parts import rtp
from tests.unit.workers.readers.readers import Scene
from workers.channel import Kind
from workers.contract.image import ReaderTrackImage
from workers.contract.parts import InterleavedTransport, TrackTransport
from workers.readers.transport import ReaderTransport
from workers.rtp import rtcp
from workers.runtime.counters import Drop


class Nowhere(ReaderTransport):
    """A reader that gets nothing."""

    packets_out = 0
    dropped = 0

    def open_gate(self, now: float) -> None: ...

    def go_on(self, now: float) -> None: ...

    def close_gate(self) -> None: ...

    def forget(self) -> None: ...

    def write(self, kind: Kind, packet: bytes, now: float) -> bool:
        return False


def made(scene: Scene) -> Nowhere:
    state = ReaderTrackImage(TrackTransport(0, InterleavedTransport(0, 1)))
    return Nowhere(state, scene.track, scene.context)


def lost(count: int) -> bytes:
    return rtcp.receiver_report(1, (rtcp.ReportBlock(7, 0, count, 0, 0, 0, 0),), "r")


def test_losses_that_it_reports_are_counted_once() -> None:
    scene = Scene()
    reader = made(scene)
    for now, packet in enumerate([lost(3), lost(3), b"junk", lost(5)]):
        reader.take_rtcp(packet, now)
    assert scene.parts.counters.drops[Drop.READER_REPORTED] == 5
    assert reader.state.reported_lost == 5
    assert scene.signs == [0, 1, 2, 3], "whoever sends lives"


@pytest.mark.parametrize(
    ("back_channel", "playing", "packet", "drop"),
    [
        (False, True, rtp(1), None),
        (True, True, rtp(1), None),
        (True, False, rtp(1), Drop.WRONG_SOURCE),
        (True, True, b"junk", Drop.NOT_RTP),
        (True, False, b"junk", Drop.NOT_RTP),
        (True, True, b"\x80\x61" + rtp(1)[2:], Drop.PAYLOAD_TYPE),
    ],
)
def test_what_it_sends_is_media_on_a_back_channel_while_it_plays(
    back_channel: bool, playing: bool, packet: bytes, drop: Drop | None
) -> None:
    scene = Scene(back_channel=back_channel)
    scene.state.playing = playing
    made(scene).take_rtp(packet, 0.0)
    counters = scene.parts.counters
    assert {cause for cause, count in counters.drops.items() if count} == ({drop} if drop else set())
    assert counters.packets_in == (1 if back_channel and drop is None else 0)
