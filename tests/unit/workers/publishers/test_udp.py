"""A publisher over UDP: where its packets are expected, and the way back to it."""

from tests.support.worker_parts import Parts, sockets
from workers.channel import Kind
from workers.contract.parts import UdpTransport
from workers.publishers.udp import UdpLink, expect_packets
from workers.sockets.addresses import IPV4
from workers.streams.track import make_tracks


def test_the_way_back_goes_where_its_packets_come_from() -> None:
    parts, (fakes, pair) = Parts(), sockets(2)
    (track,) = make_tracks([parts.track_state()], pair, parts.resources, replica=False)
    signs: list[float] = []
    link = UdpLink(track.stream, signs.append)
    assert not link.send(Kind.RTCP, b"report", 0.0, "")
    expect_packets(track.stream, UdpTransport("10.0.0.1", 6000, 6001), IPV4, 100.0)
    assert link.send(Kind.RTCP, b"report", 100.0, "")
    assert link.send(Kind.RTP, b"media", 100.0, "r")
    assert [each.sent for each in fakes] == [[(b"media", 6000)], [(b"report", 6001)]]
    track.stream.sources[Kind.RTCP].latch(IPV4.pack("10.0.0.1", 9001))
    assert link.send(Kind.RTCP, b"again", 100.0, "")
    assert fakes[1].sent[-1] == (b"again", 9001)
    assert len(parts.loop.due) == 1
    assert parts.loop.due[0] > 100.0
    link.on_rtcp(101.0)
    assert signs == [101.0]
