"""What real clients send: one table for parsing, serialising, byte-by-byte feeding and fuzz seeds."""

from dataclasses import dataclass

from router.rtsp.message import Headers, Request


@dataclass(frozen=True)
class RequestCase:
    """A request on the wire and what it says; `canonical` where we would write the same bytes."""

    name: str
    wire: bytes
    request: Request
    canonical: bool = True


@dataclass(frozen=True)
class BadRequestCase:
    """Bytes that are no request, and what they get."""

    name: str
    wire: bytes
    status: int
    cseq: str | None = None


FFMPEG_SDP = (
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"a=tool:libavformat LIBAVFORMAT_VERSION\r\n"
    b"m=video 0 RTP/AVP 96\r\nb=AS:200\r\na=rtpmap:96 MP4V-ES/90000\r\n"
    b"a=fmtp:96 profile-level-id=1; config=000001B001000001B5891300\r\na=control:streamid=0\r\n"
    b"m=audio 0 RTP/AVP 97\r\nb=AS:69\r\na=rtpmap:97 MPEG4-GENERIC/44100/1\r\n"
    b"a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3; config=120856E500\r\n"
    b"a=control:streamid=1\r\n"
)
"""ffmpeg 5.1's muxer."""

GSTREAMER_SDP = (
    b"v=0\r\no=- 1198978121 1 IN IP4 127.0.0.1\r\ns=Session streamed with GStreamer\r\ni=rtspclientsink\r\nt=0 0\r\n"
    b"a=tool:GStreamer\r\nm=video 0 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\nb=AS:2097\r\na=rtpmap:96 H264/90000\r\n"
    b"a=framerate:10\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z/QADZDZZBCbAWo,aOvMRIRA\r\n"
    b"a=control:stream=0\r\na=ts-refclk:local\r\na=mediaclk:sender\r\na=ssrc:1579875676 cname:user3247@host\r\n"
)
"""rtspclientsink of GStreamer 1.22."""

REQUESTS = (
    RequestCase(
        "ffmpeg OPTIONS",
        b"OPTIONS rtsp://127.0.0.1:5554/live/a?tok=1/2 RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: Lavf59.27.100\r\n\r\n",
        Request(
            "OPTIONS",
            "rtsp://127.0.0.1:5554/live/a?tok=1/2",
            Headers([("CSeq", "1"), ("User-Agent", "Lavf59.27.100")]),
        ),
    ),
    RequestCase(
        "ffmpeg ANNOUNCE",
        b"ANNOUNCE rtsp://127.0.0.1:5554/a RTSP/1.0\r\nContent-Type: application/sdp\r\nCSeq: 2\r\n"
        b"User-Agent: Lavf59.27.100\r\nContent-Length: %d\r\n\r\n" % len(FFMPEG_SDP) + FFMPEG_SDP,
        Request(
            "ANNOUNCE",
            "rtsp://127.0.0.1:5554/a",
            Headers(
                [
                    ("Content-Type", "application/sdp"),
                    ("CSeq", "2"),
                    ("User-Agent", "Lavf59.27.100"),
                    ("Content-Length", str(len(FFMPEG_SDP))),
                ]
            ),
            FFMPEG_SDP,
        ),
    ),
    RequestCase(
        "GStreamer SETUP",
        b"SETUP rtsp://127.0.0.1:5554/live/b/stream=0?x=y RTSP/1.0\r\nCSeq: 4\r\nUser-Agent: GStreamer/1.22.0\r\n"
        b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=RECORD\r\nDate: Fri, 20 Nov 2026 16:29:58 GMT\r\n\r\n",
        Request(
            "SETUP",
            "rtsp://127.0.0.1:5554/live/b/stream=0?x=y",
            Headers(
                [
                    ("CSeq", "4"),
                    ("User-Agent", "GStreamer/1.22.0"),
                    ("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1;mode=RECORD"),
                    ("Date", "Fri, 20 Nov 2026 16:29:58 GMT"),
                ]
            ),
        ),
    ),
    RequestCase(
        "two headers of one name, as rtspsrc's RealMedia disguise has them",
        b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: GStreamer/1.22.0\r\nUser-Agent: RealMedia Player\r\n"
        b"CompanyID: KnKV4M4I/B2FjJ1TToLycw==\r\n\r\n",
        Request(
            "OPTIONS",
            "*",
            Headers(
                [
                    ("CSeq", "1"),
                    ("User-Agent", "GStreamer/1.22.0"),
                    ("User-Agent", "RealMedia Player"),
                    ("CompanyID", "KnKV4M4I/B2FjJ1TToLycw=="),
                ]
            ),
        ),
    ),
    RequestCase(
        "session with its timeout, lower-case headers, no space",
        b"GET_PARAMETER rtsp://h/a RTSP/1.0\r\ncseq:7\r\nsession:123;timeout=60\r\n\r\n",
        Request("GET_PARAMETER", "rtsp://h/a", Headers([("cseq", "7"), ("session", "123;timeout=60")])),
        canonical=False,
    ),
    RequestCase(
        "lines that end with LF alone",
        b"PLAY rtsp://h/a RTSP/1.0\nCSeq: 8\nRange: npt=0.000-\n\n",
        Request("PLAY", "rtsp://h/a", Headers([("CSeq", "8"), ("Range", "npt=0.000-")])),
        canonical=False,
    ),
    RequestCase(
        "a user agent in Latin-1, blanks around a value, an empty value",
        b"TEARDOWN rtsp://h/a RTSP/1.0\r\nCSeq: \t9 \r\nUser-Agent: Cam\xe9ra\r\nX-Empty:\r\n\r\n",
        Request("TEARDOWN", "rtsp://h/a", Headers([("CSeq", "9"), ("User-Agent", "Cam\ufffdra"), ("X-Empty", "")])),
        canonical=False,
    ),
    RequestCase(
        "a path in UTF-8, an unknown method",
        "REGISTER rtsp://h/käse RTSP/1.0\r\nCSeq: 10\r\n\r\n".encode(),
        Request("REGISTER", "rtsp://h/käse", Headers([("CSeq", "10")])),
    ),
    RequestCase(
        "a space in the URL, as ffmpeg 5.1 sends it",
        b"DESCRIBE rtsp://h/a b RTSP/1.0\r\nCSeq: 11\r\n\r\n",
        Request("DESCRIBE", "rtsp://h/a b", Headers([("CSeq", "11")])),
    ),
)

_OK = b"OPTIONS rtsp://h/ RTSP/1.0\r\n"
BAD_REQUESTS = (
    BadRequestCase("nothing", b"", 400),
    BadRequestCase("no empty line", _OK + b"CSeq: 1\r\n", 400, "1"),
    BadRequestCase("no CSeq", _OK + b"\r\n", 400),
    BadRequestCase("CSeq is empty", _OK + b"CSeq: \r\n\r\n", 400),
    BadRequestCase("CSeq with a sign", _OK + b"CSeq: +1\r\n\r\n", 400),
    BadRequestCase("CSeq with an underscore", _OK + b"CSeq: 1_0\r\n\r\n", 400),
    BadRequestCase("CSeq in other digits", _OK + "CSeq: \uff11\r\n\r\n".encode(), 400),
    BadRequestCase("CSeq of 20 digits", _OK + b"CSeq: " + b"1" * 20 + b"\r\n\r\n", 400),
    BadRequestCase("two words", b"OPTIONS RTSP/1.0\r\nCSeq: 2\r\n\r\n", 400, "2"),
    BadRequestCase("a space before the URL", b"OPTIONS  rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\n\r\n", 400, "2"),
    BadRequestCase("a space behind the URL", b"OPTIONS rtsp://h/a  RTSP/1.0\r\nCSeq: 2\r\n\r\n", 400, "2"),
    BadRequestCase("a vertical tab in the URL", b"OPTIONS rtsp://h/a\vb RTSP/1.0\r\nCSeq: 2\r\n\r\n", 400, "2"),
    BadRequestCase("no URL", b"OPTIONS  RTSP/1.0\r\nCSeq: 2\r\n\r\n", 400, "2"),
    BadRequestCase("a NUL in the URL", b"OPTIONS rtsp://h/\0 RTSP/1.0\r\nCSeq: 2\r\n\r\n", 400, "2"),
    BadRequestCase("a method that is no token", b"(x) rtsp://h/ RTSP/1.0\r\nCSeq: 2\r\n\r\n", 400, "2"),
    BadRequestCase("a request line in Latin-1", b"OPTIONS rtsp://h/\xe9 RTSP/1.0\r\nCSeq: 2\r\n\r\n", 400, "2"),
    BadRequestCase("no version", b"OPTIONS rtsp://h/ RTSP\r\nCSeq: 2\r\n\r\n", 400, "2"),
    BadRequestCase("RTSP 2.0", b"OPTIONS rtsp://h/ RTSP/2.0\r\nCSeq: 2\r\n\r\n", 505, "2"),
    BadRequestCase("HTTP", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 505),
    BadRequestCase("a header without colon", _OK + b"CSeq: 3\r\nnonsense\r\n\r\n", 400, "3"),
    BadRequestCase("a blank before the colon", _OK + b"CSeq: 3\r\nX : y\r\n\r\n", 400, "3"),
    BadRequestCase("a folded line", _OK + b"CSeq: 3\r\nX: y\r\n z\r\n\r\n", 400, "3"),
    BadRequestCase("a lone CR in a value", _OK + b"CSeq: 3\r\nX: y\rSession: 1\r\n\r\n", 400, "3"),
    BadRequestCase("a NUL in a value", _OK + b"CSeq: 3\r\nX: y\0\r\n\r\n", 400, "3"),
)
