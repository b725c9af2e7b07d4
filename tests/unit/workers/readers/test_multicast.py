"""Multicast readers: one group for all of a track, aimed once, without a packet on any network."""

import pytest

from tests.support.worker_parts import rtp
from tests.unit.workers.readers.readers import Scene as Track
from workers.contract.image import ReaderImage, ReaderTrackImage
from workers.contract.parts import MulticastTransport, Refusal, TrackTransport
from workers.readers import multicast
from workers.readers.multicast import MulticastGroups, MulticastReaderTrack, interface_of
from workers.readers.transport import ReaderContext
from workers.rtp import rtcp
from workers.runtime.refusal import RefusedError
from workers.sockets.addresses import IPV4

REPORT = rtcp.receiver_report(1, (rtcp.ReportBlock(7, 0, 4, 0, 0, 0, 0),), "r")


def to_group(host: str = "10.0.0.1", group: str = "239.1.2.3", interface: str = "") -> MulticastTransport:
    return MulticastTransport(host, group, 5004, 5005, 1, interface)


class Scene(Track):
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.aimed = 0
        self.error: OSError | None = None
        monkeypatch.setattr(multicast, "aim_multicast", self._aim)
        self.groups = MulticastGroups(IPV4)
        self.lives: dict[str, list[float]] = {}

    def _aim(self, sock: object, *, version: int, ttl: int, interface: int) -> None:
        assert (version, ttl) == (4, 1)
        if self.error is not None:
            raise self.error
        self.aimed += 1

    def reader(self, session: str, transport: MulticastTransport) -> MulticastReaderTrack:
        signs = self.lives[session] = []
        context = ReaderContext(ReaderImage(session), "/cam", self.parts.resources, signs.append)
        state = ReaderTrackImage(TrackTransport(0, transport))
        group = self.groups.on(self.track, transport)
        return MulticastReaderTrack(state, transport, self.track, context, group)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_a_burst_goes_once_whatever_the_number_of_readers(scene: Scene) -> None:
    scene.track.stream.reports.sender_report = b"report"
    readers = [scene.reader(str(number), to_group()) for number in range(3)]
    assert scene.aimed == 2, "the track's two sockets, once"
    scene.send(1)
    for each in readers:
        each.open_gate(0.0)
        each.open_gate(0.0)
    scene.send(2)
    assert (scene.got(5004), scene.got(5005)) == ([rtp(2)], [b"report"])
    for each in readers:
        each.close_gate()
    scene.send(3)
    assert scene.got(5004) == [rtp(2)]


def test_each_reader_counts_what_the_group_got_while_it_played(scene: Scene) -> None:
    first, second = scene.reader("a", to_group()), scene.reader("b", to_group())
    first.open_gate(0.0)
    scene.send(1)
    second.open_gate(0.0)
    scene.send(2)
    first.close_gate()
    first.close_gate()
    scene.send(3)
    assert (first.packets_out, second.packets_out) == (2, 2)
    first.open_gate(0.0)
    scene.send(4)
    assert (first.packets_out, second.packets_out) == (3, 3)


def test_the_last_reader_ends_the_group(scene: Scene) -> None:
    readers = [scene.reader("a", to_group()), scene.reader("b", to_group())]
    assert scene.track.stream.state.group is not None
    for each in readers:
        each.forget()
    assert scene.track.stream.state.group is None
    scene.groups.check(scene.track, to_group(group="239.9.9.9"))


def test_rtcp_from_a_host_is_a_sign_of_all_its_readers_and_of_no_other(scene: Scene) -> None:
    for session, host in (("a", "10.0.0.1"), ("b", "10.0.0.1"), ("c", "10.0.0.2")):
        scene.reader(session, to_group(host))
    assert scene.groups.take_rtcp(0, REPORT, IPV4.pack("10.0.0.1", 9), 1.0)
    assert scene.lives == {"a": [1.0], "b": [1.0], "c": []}
    assert not scene.groups.take_rtcp(0, REPORT, IPV4.pack("10.0.0.3", 9), 1.0)
    assert not scene.groups.take_rtcp(0, b"junk", IPV4.pack("10.0.0.1", 9), 1.0)
    assert not scene.groups.take_rtcp(1, REPORT, IPV4.pack("10.0.0.1", 9), 1.0)


@pytest.mark.parametrize(
    ("transport", "reason"),
    [
        (to_group(group="239.1.2.4"), "track 0 goes to another group than 239.1.2.4"),
        (to_group(host="fe80::1"), "no multicast to 239.1.2.3"),
        (to_group(group="nowhere"), "no multicast to nowhere"),
    ],
)
def test_what_is_no_address_or_another_group_is_refused(
    scene: Scene, transport: MulticastTransport, reason: str
) -> None:
    scene.reader("a", to_group())
    with pytest.raises(RefusedError, match=reason) as caught:
        scene.groups.check(scene.track, transport)
    assert caught.value.cause is Refusal.FAILED


def test_an_interface_that_can_not_be_used_leaves_no_group(scene: Scene) -> None:
    with pytest.raises(RefusedError, match="no interface here has the name or address 'nosuch0'"):
        scene.groups.check(scene.track, to_group(interface="nosuch0"))
    scene.error = OSError(19, "No such device")
    with pytest.raises(RefusedError, match="multicast can't leave by 'lo'"):
        scene.groups.on(scene.track, to_group(interface="lo"))
    scene.error = None
    scene.groups.on(scene.track, to_group(group="239.9.9.9"))


@pytest.mark.parametrize("interface", ["lo", "127.0.0.1"])
def test_an_interface_is_known_by_name_and_by_address(interface: str) -> None:
    assert interface_of(to_group(interface=interface)) > 0
    assert interface_of(to_group()) == 0
