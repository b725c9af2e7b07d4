"""Who gets what a track sends one way."""

from tests.support.worker_parts import FakeConnection, Parts, rtp, sockets
from workers.contract.image import DeliveryImage, PortImage
from workers.fanout.burst import PacketBurst, rtp_burst
from workers.fanout.destinations import Destination
from workers.fanout.send_tcp import Subscriber
from workers.sockets.addresses import IPV4
from workers.streams.outputs import Outputs


class Tap:
    def __init__(self) -> None:
        self.got: list[PacketBurst] = []

    def send(self, burst: PacketBurst, now: float) -> None:
        self.got.append(burst)


def test_a_burst_goes_to_every_kind_of_sink() -> None:
    parts, (fakes, (sock,)) = Parts(), sockets(1)
    outputs, connection, tap = Outputs(sock, parts.resources), FakeConnection(), Tap()
    outputs.add(outputs.udp, Destination("r", DeliveryImage(address=IPV4.pack("10.0.0.1", 7000)), IPV4), 0.0)
    outputs.add(outputs.tcp, Subscriber(connection.outlet, 4, DeliveryImage()), 0.0)
    assert len(outputs) == 2
    outputs.add_copy(tap)
    burst = rtp_burst([rtp(1)])
    outputs.send(burst, 0.0)
    assert fakes[0].sent == [(rtp(1), 7000)]
    connection.outlet.flush(0.0)
    assert connection.frames == [(4, rtp(1))]
    assert tap.got == [burst]
    assert len(outputs) == 2, "a tap is no reader"


def test_what_waits_for_room_is_in_the_state_until_another_worker_takes_it() -> None:
    parts, (fakes, (sock,)), state = Parts(), sockets(1), PortImage()
    outputs = Outputs(sock, parts.resources)
    delivery = DeliveryImage(address=IPV4.pack("10.0.0.1", 7000))
    outputs.add(outputs.udp, Destination("r", delivery, IPV4), 0.0)
    fakes[0].has_room = False
    outputs.send(rtp_burst([rtp(1)]), 0.0)
    outputs.pack(state)
    assert [each.readers for each in state.waiting] == [("r",)]
    after = Outputs(sock, parts.resources)
    after.add(after.udp, Destination("r", delivery, IPV4), 0.0)
    after.go_on(state)
    assert state.waiting == ()
    fakes[0].has_room = True
    after.udp.send_waiting(0.1)
    assert fakes[0].sent == [(rtp(1), 7000)]


def test_only_sinks_that_have_somebody_are_called() -> None:
    parts, (_, (sock,)) = Parts(), sockets(1)
    outputs, tap = Outputs(sock, parts.resources), Tap()
    udp = Destination("r", DeliveryImage(address=IPV4.pack("10.0.0.1", 7000)), IPV4)
    tcp = Subscriber(FakeConnection().outlet, 4, DeliveryImage())
    assert outputs.sinks == []
    outputs.add_copy(tap)
    outputs.add(outputs.tcp, tcp, 0.0)
    outputs.add(outputs.udp, udp, 0.0)
    outputs.add(outputs.udp, udp, 0.0)
    assert outputs.sinks == [outputs.udp, outputs.tcp, tap]
    outputs.remove(outputs.udp, udp)
    outputs.remove(outputs.udp, udp)
    assert outputs.sinks == [outputs.tcp, tap]
    outputs.remove(outputs.tcp, tcp)
    outputs.remove_copy(tap)
    assert outputs.sinks == []
