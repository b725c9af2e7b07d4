"""Groups for mounts: one for each track, all or none, and rest after use."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from router.rtsp.errors import PeerError
from router.rtsp.sdp import parse_sdp
from router.settings import Settings
from router.state.mounts import Mount
from router.state.multicast import Groups, Multicast
from tests.support.sdp import build_sdp
from workers.contract.parts import MulticastTransport

REST_S = 2.0


def groups(network: str) -> Groups:
    return Groups(ip_network(network), REST_S)


def mount(tracks: int = 2, path: str = "/cam") -> Mount:
    return Mount(path, 1, 0.0, parse_sdp(build_sdp([f"streamid={index}" for index in range(tracks)]), 16))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def multicast(clock: Clock, **settings: object) -> Multicast:
    return Multicast(Settings(runtime_dir=Path("/tmp/t"), **settings), clock)  # type: ignore[arg-type]  # checked there


def test_every_group_of_the_range_is_given_once() -> None:
    pool = groups("239.1.2.248/30")
    taken = pool.take(3, 0)
    assert taken == ("239.1.2.248", "239.1.2.249", "239.1.2.250")
    assert pool.count_used == 3
    assert pool.take(2, 0) is None, "all or none"
    assert pool.take(1, 0) == ("239.1.2.251",)
    assert pool.take(1, 1e9) is None


def test_a_freed_group_rests_before_it_is_given_again() -> None:
    pool = groups("239.0.0.0/31")
    taken = pool.take(2, 0)
    assert taken is not None
    pool.give_back(taken[:1], 10)
    pool.give_back(taken[:1], 10)  # said again
    pool.give_back(("239.0.0.99",), 10)  # nobody's
    assert pool.count_used == 1
    assert pool.take(1, 10 + REST_S - 0.01) is None
    assert pool.take(1, 10 + REST_S) == taken[:1]
    assert pool.take(1, 1e9) is None


def test_what_has_rested_comes_before_what_is_fresh() -> None:
    pool = groups("239.0.0.0/8")
    first, second = pool.take(2, 0) or ("", "")
    pool.give_back((second, first), 0)
    assert pool.take(1, 1) == ("239.0.0.2",), "the others still rest"
    assert pool.take(3, 5) == (second, first, "239.0.0.3")


@pytest.mark.parametrize(
    ("network", "first"),
    [
        ("ff15::/16", "ff15::8000:0"),  # RFC 3307: what is below is assigned
        ("ff05::/96", "ff05::8000:0"),
        ("ff15::7:0/112", "ff15::7:0"),
    ],
)
def test_ipv6_groups(network: str, first: str) -> None:
    assert groups(network).take(1, 0) == (first,)


def test_without_a_range_there_is_no_multicast() -> None:
    none = multicast(Clock())
    assert none.way_to(mount(), 0, "192.0.2.7") is None
    none.release(mount())


def test_a_mount_takes_its_groups_with_the_first_reader_and_gives_them_back() -> None:
    clock = Clock()
    served = multicast(
        clock, multicast_range="239.5.0.0/31", multicast_ttl=9, multicast_interface="eth1", port_rest_s=REST_S
    )
    cam, other = mount(), mount(1, "/other")
    ask = served.way_to(cam, 1, "192.0.2.7")
    assert ask is not None
    assert cam.groups == (), "asking for the way alone takes nothing"
    assert ask() == MulticastTransport("192.0.2.7", "239.5.0.1", 5004, 5005, 9, "eth1")
    again = served.way_to(cam, 0, "192.0.2.8")
    assert again is not None
    assert again().group == "239.5.0.0"
    exhausted = served.way_to(other, 0, "192.0.2.7")
    assert exhausted is not None
    with pytest.raises(PeerError) as refusal:
        exhausted()
    assert refusal.value.status == 503
    assert other.groups == ()
    served.release(cam)
    with pytest.raises(PeerError):
        exhausted()
    clock.now += REST_S
    assert exhausted().group == "239.5.0.0"
