"""A socket in the loop: watched for what is wanted, and for nothing else."""

from tests.support.worker_parts import FakeSocket, Parts, sockets
from workers.contract.image import DeliveryImage, PortImage
from workers.fanout.burst import single
from workers.fanout.destinations import Destination
from workers.runtime.loop import READ, WRITE
from workers.sockets.addresses import IPV4
from workers.streams.outputs import Outputs
from workers.streams.port import Port


def made() -> tuple[Port, FakeSocket, Parts]:
    """A port with one reader."""
    parts, ((fake,), (sock,)) = Parts(), sockets(1)
    outputs = Outputs(sock, parts.resources)
    outputs.add(outputs.udp, Destination("r", DeliveryImage(address=IPV4.pack("10.0.0.1", 5000)), IPV4), 0.0)
    port = Port(PortImage(), outputs, parts.resources.loop, lambda error: None)
    return port, fake, parts


def test_a_worker_that_leaves_reads_no_media_again_when_what_waited_is_sent() -> None:
    port, fake, parts = made()
    port.resume(0.0)
    port.start_reading()
    assert parts.loop.watched == {fake.number: READ}
    fake.has_room = False
    port.outputs.send(single(b"waits"), 0.0)
    assert parts.loop.watched == {fake.number: READ | WRITE}
    port.stop_reading()
    assert parts.loop.watched == {fake.number: WRITE}
    fake.has_room = True
    port.ready(WRITE, 0.1)
    assert fake.sent == [(b"waits", 5000)]
    assert parts.loop.watched == {}


def test_nothing_is_watched_before_it_begins_and_while_it_is_suspended() -> None:
    port, fake, parts = made()
    port.start_reading()
    assert parts.loop.watched == {}
    port.resume(0.0)
    fake.has_room = False
    port.outputs.send(single(b"waits"), 0.0)
    port.suspend()
    assert parts.loop.watched == {}
    port.resume(0.1)
    assert parts.loop.watched == {fake.number: READ | WRITE}
    port.detach()
    assert parts.loop.watched == {}
    assert fake.closed


def test_a_port_that_is_not_read_is_watched_only_while_something_waits() -> None:
    port, fake, parts = made()
    port.resume(0.0)
    assert parts.loop.watched == {}
    fake.has_room = False
    port.outputs.send(single(b"waits"), 0.0)
    assert parts.loop.watched == {fake.number: WRITE}
    port.ready(WRITE, 1.0)  # too late by now
    assert parts.loop.watched == {}
