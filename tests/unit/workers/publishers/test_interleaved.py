"""A publisher inside its connection."""

from tests.support.worker_parts import FakeConnection, Parts, rtp, sockets
from workers.channel import Kind
from workers.connections.users import ConnectionUser
from workers.contract.parts import InterleavedTransport
from workers.publishers.interleaved import InterleavedLink
from workers.rtp import rtcp
from workers.runtime.counters import Drop
from workers.streams.stream import Stream
from workers.streams.track import make_tracks


def made() -> tuple[Stream, InterleavedLink, FakeConnection, Parts]:
    parts, (_, pair) = Parts(), sockets(2)
    (track,) = make_tracks([parts.track_state()], pair, parts.resources, replica=False)
    connection = FakeConnection()
    user = ConnectionUser("/cam", "publisher", lambda: None)
    link = InterleavedLink(track.stream, InterleavedTransport(6, 7), connection.real, user)
    track.stream.link = link
    return track.stream, link, connection, parts


def test_what_comes_on_its_channels_is_media_or_counted() -> None:
    stream, _, connection, parts = made()
    wrong_type = b"\x80\x61" + rtp(1)[2:]
    connection.bring(6, rtp(1), b"junk", wrong_type, rtp(2))
    assert (stream.state.packets_in, stream.state.not_rtp, stream.state.wrong_payload_type) == (2, 1, 1)
    assert (parts.counters.drops[Drop.NOT_RTP], parts.counters.drops[Drop.PAYLOAD_TYPE]) == (1, 1)
    connection.bring(6, b"junk")
    assert stream.state.packets_in == 2
    connection.bring(7, rtcp.receiver_report(1, (), "p"), b"junk")
    assert stream.state.not_rtp == 3


def test_the_way_back_is_its_channels() -> None:
    _, link, connection, parts = made()
    assert link.send(Kind.RTCP, b"report", 0.0, "")
    assert link.send(Kind.RTP, b"media", 0.0, "r")
    connection.outlet.flush(0.0)
    assert connection.frames == [(7, b"report"), (6, b"media")]
    link.on_rtcp(1.0)
    assert parts.told == [], "it lives by its connection"
