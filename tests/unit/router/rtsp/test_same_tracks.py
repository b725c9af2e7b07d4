"""Which descriptions promise the same tracks, so that readers of one can go on with packets of the other."""

import pytest

from router.rtsp.same_tracks import same_tracks
from router.rtsp.sdp import parse_sdp

VIDEO = """m=video 0 RTP/AVP 96
b=AS:500
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1; profile-level-id=42C01E;sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==
a=control:streamid=0
"""
AUDIO = """m=audio 0 RTP/AVP 97
a=rtpmap:97 MPEG4-GENERIC/48000/1
a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;config=1188
a=control:streamid=1
"""
SDP = f"v=0\no=- 1 1 IN IP4 192.0.2.1\ns=one\nt=0 0\n{VIDEO}{AUDIO}"

SAME = [
    ("o=- 1 1", "o=- 2 7"),
    ("s=one", "s=another"),
    ("b=AS:500", "b=AS:900"),
    ("streamid=0", "track9"),
    ("H264", "h264"),
    ("packetization-mode=1; profile-level-id=42C01E", "profile-level-id=42C01E ;packetization-mode=1"),
    ("48000/1", "48000"),
]
OTHER = [
    ("packetization-mode=1", "packetization-mode=0"),
    ("aMuMsg==", "aMuMsh=="),
    ("config=1188", "config=1190"),
    ("H264/90000", "H265/90000"),
    ("48000/1", "48000/2"),
    ("48000", "44100"),
    ("m=video", "m=application"),
    ("96", "98"),
    ("RTP/AVP 97", "RTP/AVP 97 0"),
    (AUDIO, ""),
    (VIDEO + AUDIO, AUDIO + VIDEO),
    ("a=control:streamid=1", "a=control:streamid=1\na=sendonly"),
]


@pytest.mark.parametrize(("old", "new"), SAME)
def test_what_readers_decoders_are_not_made_from_may_differ(old: str, new: str) -> None:
    assert old in SDP
    assert same_tracks(parse_sdp(SDP.encode(), 4), parse_sdp(SDP.replace(old, new).encode(), 4))


@pytest.mark.parametrize(("old", "new"), OTHER)
def test_other_tracks_are_no_continuation(old: str, new: str) -> None:
    assert old in SDP
    assert not same_tracks(parse_sdp(SDP.encode(), 4), parse_sdp(SDP.replace(old, new).encode(), 4))


def test_tracks_with_retransmission_are_never_the_same() -> None:
    rtx = SDP.replace("RTP/AVP 96", "RTP/AVP 96 99") + ""
    rtx = rtx.replace("a=rtpmap:96", "a=rtpmap:99 rtx/90000\na=fmtp:99 apt=96\na=rtpmap:96")
    assert not same_tracks(parse_sdp(rtx.encode(), 4), parse_sdp(rtx.encode(), 4))
