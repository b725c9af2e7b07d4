"""What a server says of tracks."""

import pytest

from router.rtsp.client.events import RemoteTrack
from router.rtsp.client.tracks import granted_transport, started
from router.rtsp.errors import PeerError
from router.rtsp.headers.transport import TransportSpec
from router.rtsp.message import Response

UDP = "RTP/AVP;unicast;server_port=6000-6001"


@pytest.mark.parametrize(
    ("value", "udp", "granted"),
    [
        (UDP, True, TransportSpec(server_port=(6000, 6001))),
        ("RTP/AVP/TCP;interleaved=4-5", True, TransportSpec(tcp=True, interleaved=(4, 5))),
        ("RTP/AVP/TCP", False, TransportSpec(tcp=True, interleaved=(2, 3))),
    ],
)
def test_transports_are_granted(value: str, udp: bool, granted: TransportSpec) -> None:
    assert granted_transport(1, Response(200, (("Transport", value),)), udp=udp) == granted


@pytest.mark.parametrize("headers", [(), (("Transport", UDP),), (("Transport", "RTP/AVP;multicast"),)])
def test_what_nobody_asked_for_is_refused(headers: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(PeerError):
        granted_transport(1, Response(200, headers), udp=False)


@pytest.mark.parametrize(
    ("value", "starts"),
    [
        ("url=rtsp://h/cam/t1;seq=5,url=rtsp://h/cam/t0/;seq=4", [4, 5]),
        ("url=t1;seq=5,url=t0;seq=4", [4, 5]),
        ("url=rtsp://10.0.0.9/x;seq=4,url=rtsp://10.0.0.9/y;seq=5", [4, 5]),  # behind a NAT: by their order
        ("url=rtsp://h/cam/t1;seq=5", [None, 5]),
        ("url=1;seq=5", [None, None]),
        ("", [None, None]),
    ],
)
def test_tracks_begin_where_rtp_info_says(value: str, starts: list[int | None]) -> None:
    tracks = {index: RemoteTrack(index, f"rtsp://h/cam/t{index}", TransportSpec()) for index in range(2)}
    assert [each.sequence for each in started(tracks, Response(200, (("RTP-Info", value),)))] == starts
