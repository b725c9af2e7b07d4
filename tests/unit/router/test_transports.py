"""Which of a client's offers is taken."""

import pytest

from router.rtsp.errors import PeerError
from router.rtsp.headers.transport import format as write
from router.rtsp.headers.transport import parse_transports
from router.transports import answer, choose
from workers.contract.messages import InterleavedTransport, TrackTransport, UdpTransport

HOST = "192.0.2.7"


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
