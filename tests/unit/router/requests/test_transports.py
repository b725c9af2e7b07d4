"""Which of a client's offers is taken."""

import pytest

from router.requests.transports import Chosen, answer, choose
from router.rtsp.errors import PeerError
from router.rtsp.headers.transport import format as write
from router.rtsp.headers.transport import parse_transports
from workers.contract.parts import InterleavedTransport, MulticastTransport, TrackTransport, UdpTransport

HOST = "192.0.2.7"
GROUP = MulticastTransport(HOST, "239.1.2.3", 5004, 5005, 4, "")


@pytest.mark.parametrize(
    ("offer", "chosen"),
    [
        ("RTP/AVP;unicast;client_port=5000-5001", UdpTransport(HOST, 5000, 5001)),
        ("RTP/AVP/TCP;unicast;interleaved=4-5", InterleavedTransport(4, 5)),
        ("RTP/AVP/TCP;unicast", InterleavedTransport(0, 1)),  # Genetec names no channels
        ("RTP/AVP;multicast,RTP/AVP;unicast;client_port=6000-6001", UdpTransport(HOST, 6000, 6001)),
        ("RTP/AVP/TCP;interleaved=0-1,RTP/AVP;unicast;client_port=6000-6001", InterleavedTransport(0, 1)),
        ("RTP/SAVP;unicast;client_port=5000-5001,RTP/AVP/TCP;interleaved=2-3", InterleavedTransport(2, 3)),
        (f"RTP/AVP;unicast;client_port=5000-5001;destination={HOST}", UdpTransport(HOST, 5000, 5001)),
    ],
)
def test_the_first_offer_that_can_be_served_is_taken(offer: str, chosen: UdpTransport | InterleavedTransport) -> None:
    assert choose(parse_transports(offer), HOST, []) == chosen


@pytest.mark.parametrize(
    ("offer", "status"),
    [
        ("RTP/AVP;multicast", 461),
        ("RTP/SAVP;unicast;client_port=5000-5001", 461),
        ("RTP/AVP;unicast", 461),
        ("RTP/AVP;unicast;client_port=5000-5001;destination=203.0.113.9", 400),
    ],
)
def test_what_can_not_be_served_is_refused(offer: str, status: int) -> None:
    with pytest.raises(PeerError) as refusal:
        choose(parse_transports(offer), HOST, [])
    assert refusal.value.status == status


@pytest.mark.parametrize(
    ("offer", "chosen"),
    [
        ("RTP/AVP;multicast", GROUP),
        ("RTP/AVP/UDP;multicast;destination=239.9.9.9;port=7000-7001;ttl=64", GROUP),  # the client only suggests
        ("RTP/AVP/TCP;multicast,RTP/AVP;multicast", GROUP),
        ("RTP/AVP;multicast,RTP/AVP;unicast;client_port=6000-6001", GROUP),
        ("RTP/AVP;unicast;client_port=6000-6001,RTP/AVP;multicast", UdpTransport(HOST, 6000, 6001)),
    ],
)
def test_multicast_is_taken_where_there_is_some(offer: str, chosen: Chosen) -> None:
    assert choose(parse_transports(offer), HOST, [], lambda: GROUP) == chosen


def test_when_no_group_is_left_the_other_offers_count() -> None:
    asked = []

    def none_left() -> MulticastTransport:
        asked.append(1)
        raise PeerError(503, "no groups left")

    offers = parse_transports("RTP/AVP;multicast,RTP/AVP;multicast,RTP/AVP/TCP;unicast;interleaved=0-1")
    assert choose(offers, HOST, [], none_left) == InterleavedTransport(0, 1)
    with pytest.raises(PeerError) as refusal:
        choose(offers[:2], HOST, [], none_left)
    assert refusal.value.status == 503
    assert len(asked) == 2, "once for each SETUP"


def test_channels_are_given_once() -> None:
    taken = [TrackTransport(0, InterleavedTransport(0, 1))]
    assert choose(parse_transports("RTP/AVP/TCP;unicast"), HOST, taken) == InterleavedTransport(2, 3)
    with pytest.raises(PeerError):
        choose(parse_transports("RTP/AVP/TCP;unicast;interleaved=1-2"), HOST, taken)


def test_the_answer_names_ports_and_ssrc() -> None:
    text = write(answer(UdpTransport(HOST, 5000, 5001), 10_000, "play", 0xDEADBEEF))
    assert "client_port=5000-5001" in text
    assert "server_port=10000-10001" in text
    assert "ssrc=DEADBEEF" in text


def test_the_answer_names_the_group() -> None:
    text = write(answer(GROUP, 10_000, "play", 0xDEADBEEF))
    assert text == 'RTP/AVP;multicast;destination=239.1.2.3;port=5004-5005;ttl=4;ssrc=DEADBEEF;mode="PLAY"'
