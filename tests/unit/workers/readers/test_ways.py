"""Both ways to one reader open, close and count together."""

from tests.unit.workers.readers.readers import Scene as Track
from workers.channel import Kind
from workers.contract.image import DeliveryImage
from workers.fanout.destinations import Destination
from workers.readers.ways import WayPair
from workers.sockets.addresses import IPV4


class Scene(Track):
    def __init__(self) -> None:
        super().__init__()
        self.states = tuple(DeliveryImage(address=IPV4.pack("10.0.0.1", port)) for port in (7000, 7001))
        rtp, rtcp = self.states
        members = [Destination("r", each, IPV4) for each in self.states]
        fans = [each.udp for each in self.track.stream.outputs]
        self.ways = WayPair(self.track.stream, fans, members, (rtp, rtcp))


def test_both_ways_are_open_or_none_is() -> None:
    scene = Scene()
    for _ in range(2):
        scene.ways.open(0.0)
    assert [len(each) for each in scene.track.stream.outputs] == [1, 1]
    for _ in range(2):
        scene.ways.close()
    assert [len(each) for each in scene.track.stream.outputs] == [0, 0]


def test_the_last_report_comes_first_and_only_to_one_that_comes_anew() -> None:
    scene = Scene()
    scene.track.stream.reports.sender_report = b"report"
    scene.ways.open(0.0)
    scene.ways.open(0.0)
    scene.ways.close()
    scene.ways.go_on(0.0)
    assert scene.got(7001) == [b"report"], "one that goes on has had it"


def test_what_went_and_what_did_not_is_counted_over_both() -> None:
    scene = Scene()
    scene.ways.open(0.0)
    scene.send(1)
    scene.ways.write(Kind.RTCP, b"own", 0.0)
    assert (scene.ways.packets_out, scene.ways.dropped) == (2, 0)
    scene.states[0].dropped += 1
    assert (scene.ways.packets_out, scene.ways.dropped) == (1, 1)
