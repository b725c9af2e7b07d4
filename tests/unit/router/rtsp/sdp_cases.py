"""Descriptions: real ones, strange ones that are served, and broken ones."""

from dataclasses import dataclass

from tests.unit.router.rtsp.cases import FFMPEG_SDP, GSTREAMER_SDP


@dataclass(frozen=True)
class SdpCase:
    """A description and, for each media, kind, clock rates, encodings and control."""

    name: str
    body: bytes
    medias: tuple[tuple[str, dict[int, int], dict[int, str], str | None], ...]
    session_control: str | None = None


SDPS = (
    SdpCase(
        "ffmpeg",
        FFMPEG_SDP,
        (
            ("video", {96: 90000}, {96: "MP4V-ES"}, "streamid=0"),
            ("audio", {97: 44100}, {97: "MPEG4-GENERIC"}, "streamid=1"),
        ),
    ),
    SdpCase("GStreamer", GSTREAMER_SDP, (("video", {96: 90000}, {96: "H264"}, "stream=0"),)),
    SdpCase("LF alone", GSTREAMER_SDP.replace(b"\r", b""), (("video", {96: 90000}, {96: "H264"}, "stream=0"),)),
    SdpCase(
        "camera with whole URLs",
        b"v=0\r\no=RTSP Session 1 2 IN IP4 0.0.0.0\r\ns=Cam\xe9ra\r\nc=IN c=IN IP4 0.0.0.0\r\nt=0 0\r\n"
        b"a=control:*\r\na=range:npt=now-\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000 \r\n"
        b"a=control:rtsp://1.2.3.4/cam/trackID=1\r\nm=audio 0 RTP/AVP 8\r\n"
        b"a=control: rtsp://1.2.3.4/cam/trackID=2 \r\n",
        (
            ("video", {96: 90000}, {96: "H264"}, "rtsp://1.2.3.4/cam/trackID=1"),
            ("audio", {8: 8000}, {}, "rtsp://1.2.3.4/cam/trackID=2"),
        ),
        "*",
    ),
    SdpCase("nothing but media", b"m=video 0 RTP/AVP 26\n", (("video", {26: 90000}, {}, None),)),
    SdpCase(
        "session lines out of order, empty lines, none at the end",
        b"v=0\n\na=control:*\n \ns=x\nm=audio 49170/2 RTP/AVP/TCP 0 8 0 101\na=rtpmap:101 telephone-event/8000/1",
        (("audio", {0: 8000, 8: 8000, 101: 8000}, {101: "telephone-event"}, None),),
        "*",
    ),
    SdpCase(
        "TP-Link",
        b"v=0\nm=application/TP-LINK 0 RTP/AVP smart/1/90000\na=rtpmap:95 TP-LINK/90000\na=control:track3\n",
        (("application/TP-LINK", {95: 90000}, {95: "TP-LINK"}, "track3"),),
    ),
    SdpCase("control is empty", b"m=video 0 RTP/AVP 96\na=control:\n", (("video", {96: 90000}, {}, None),)),
    SdpCase(
        "rtpmap of a type that isn't in the media line",
        b"m=video 0 RTP/SAVPF 96\na=rtpmap:97 H264/90000\n",
        (("video", {96: 90000}, {}, None),),
    ),
    SdpCase(
        "control that is not UTF-8",
        b"m=video 0 RTP/AVP 96\na=control:\xe9\n",
        (("video", {96: 90000}, {}, "\ufffd"),),
    ),
)

_MEDIA = b"m=video 0 RTP/AVP 96\n"
BAD_SDPS = (
    ("nothing", b""),
    ("no media", b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nt=0 0\n"),
    ("another version", b"v=1\n" + _MEDIA),
    ("no line", b"v=0\nnonsense\n" + _MEDIA),
    ("a capital", b"v=0\nC=IN IP4 239.0.0.1\n" + _MEDIA),
    ("a line behind blanks", b"v=0\n c=IN IP4 239.0.0.1\n" + _MEDIA),
    ("a line behind a lone CR", _MEDIA + b"a=x\rc=IN IP4 239.0.0.1\n"),
    ("a NUL", _MEDIA + b"a=x\0\n"),
    ("no formats", b"m=video 0 RTP/AVP\n"),
    ("no protocol", b"m=video 0\n"),
    ("a kind in Latin-1", b"m=vid\xe9o 0 RTP/AVP 96\n"),
    ("not RTP", b"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\n"),
    ("payload type over 127", b"m=video 0 RTP/AVP 128\n"),
    ("payload type in other digits", "m=video 0 RTP/AVP \uff11\uff12\uff18\n".encode()),
    ("rtpmap without clock rate", _MEDIA + b"a=rtpmap:96 H264\n"),
    ("rtpmap with clock rate 0", _MEDIA + b"a=rtpmap:96 H264/0\n"),
    ("rtpmap with clock rate over 2^31", _MEDIA + b"a=rtpmap:96 H264/2147483649\n"),
    ("rtpmap with a signed clock rate", _MEDIA + b"a=rtpmap:96 H264/+90000\n"),
    ("rtpmap of type 128", _MEDIA + b"a=rtpmap:128 H264/90000\n"),
    ("rtpmap with an endless number", _MEDIA + b"a=rtpmap:96 H264/" + b"9" * 5000 + b"\n"),
)
