"""Header values: as they come, what they say, and as we write them."""

from router.rtsp.headers.range import Range
from router.rtsp.headers.session import SessionHeader
from router.rtsp.headers.transport import TransportSpec as Spec

TRANSPORTS = (
    # ffmpeg 5.1, publisher and reader
    ("RTP/AVP/TCP;unicast;interleaved=0-1;mode=record", (Spec(tcp=True, interleaved=(0, 1), mode="record"),),
     'RTP/AVP/TCP;unicast;interleaved=0-1;mode="RECORD"'),
    ("RTP/AVP/UDP;unicast;client_port=21180-21181", (Spec(client_port=(21180, 21181)),),
     "RTP/AVP;unicast;client_port=21180-21181"),
    # GStreamer's rtspsrc offers several
    ("RTP/AVP;unicast;client_port=5000-5001,RTP/AVP;multicast,RTP/AVP/TCP;unicast;interleaved=0-1",
     (Spec(client_port=(5000, 5001)), Spec(multicast=True), Spec(tcp=True, interleaved=(0, 1))),
     "RTP/AVP;unicast;client_port=5000-5001,RTP/AVP;multicast,RTP/AVP/TCP;unicast;interleaved=0-1"),
    # live555, VLC: quoted mode; commas inside of quotes
    ('RTP/AVP;unicast;client_port=3456-3457;mode="PLAY"', (Spec(client_port=(3456, 3457), mode="play"),),
     'RTP/AVP;unicast;client_port=3456-3457;mode="PLAY"'),
    ('RTP/AVP/TCP;append;x="a,b;c";interleaved="0-1"', (Spec(tcp=True, interleaved=(0, 1)),),
     "RTP/AVP/TCP;unicast;interleaved=0-1"),
    # Genetec: no channels, no unicast
    ("RTP/AVP/TCP", (Spec(tcp=True),), "RTP/AVP/TCP;unicast"),
    ("RTP/AVP/TCP;unicast;interleaved=", (Spec(tcp=True),), "RTP/AVP/TCP;unicast"),
    # spaces, lower case, parameters before the profile, one port
    (" rtp/avp ; unicast ; client_port = 5000 - 5001 ; Mode = Record ",
     (Spec(client_port=(5000, 5001), mode="record"),),
     'RTP/AVP;unicast;client_port=5000-5001;mode="RECORD"'),
    ("client_port=3456-3457;RTP/AVP;unicast", (Spec(client_port=(3456, 3457)),),
     "RTP/AVP;unicast;client_port=3456-3457"),
    ("RTP/AVP/UDP;unicast;server_port=8052;client_port=14186",
     (Spec(client_port=(14186, 14187), server_port=(8052, 8053)),),
     "RTP/AVP;unicast;client_port=14186-14187;server_port=8052-8053"),
    # encoders that tell the server's mode
    ("RTP/AVP/UDP;unicast;mode=receive;source=127.0.0.1;client_port=14186-14187",
     (Spec(client_port=(14186, 14187), source="127.0.0.1", mode="record"),),
     'RTP/AVP;unicast;source=127.0.0.1;client_port=14186-14187;mode="RECORD"'),
    # SSRCs: odd digits, Hikvision's and Dahua's blanks, a decimal one too long to be hex
    ("RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=     D93FF", (Spec(tcp=True, interleaved=(0, 1), ssrc=0xD93FF),),
     "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=000D93FF"),
    ("RTP/AVP;unicast;client_port=1-2;ssrc=1449463210", (Spec(client_port=(1, 2)),), "RTP/AVP;unicast;client_port=1-2"),
    ("RTP/AVP;unicast;client_port=1-2;ssrc=+1", (Spec(client_port=(1, 2)),), "RTP/AVP;unicast;client_port=1-2"),
    # multicast, addresses, an empty one, what is said twice
    ("RTP/AVP;multicast;destination=225.219.201.15;port=7000-7001;ttl=127",
     (Spec(multicast=True, destination="225.219.201.15", port=(7000, 7001), ttl=127),),
     "RTP/AVP;multicast;destination=225.219.201.15;port=7000-7001;ttl=127"),
    ("RTP/AVP;unicast;source=;destination;client_port=1-2;client_port=3-4;append;layers=1",
     (Spec(client_port=(1, 2)),), "RTP/AVP;unicast;client_port=1-2"),
    # what nobody serves is left out, trailing commas too
    ("RTP/SAVP;unicast;client_port=1-2, RAW/RAW/UDP;unicast;port=7, RTP/AVP/TCP;unicast;interleaved=2-3,",
     (Spec(tcp=True, interleaved=(2, 3)),), "RTP/AVP/TCP;unicast;interleaved=2-3"),
    ("RTP/SAVP;unicast;client_port=1-2", (), ""),
)  # fmt: skip

BAD_TRANSPORTS = (
    "",
    " , ",
    ";",
    "invalid",
    "invalid;unicast;client_port=1-2",
    'RTP/AVP;mode="PLAY',
    "RTP/AVP;unicast;client_port=a-b",
    "RTP/AVP;unicast;client_port=1-",
    "RTP/AVP;unicast;client_port=-1",
    "RTP/AVP;unicast;client_port=1-2-3",
    "RTP/AVP;unicast;client_port=+1-2",
    "RTP/AVP;unicast;client_port=1_0-11",
    "RTP/AVP;unicast;client_port=\uff11-2",
    "RTP/AVP;unicast;client_port=65535",
    "RTP/AVP;unicast;client_port=65536-65537",
    "RTP/AVP/TCP;interleaved=255",
    "RTP/AVP/TCP;interleaved=256-257",
    "RTP/AVP;unicast;server_port=x",
    "RTP/AVP;multicast;port=x",
    "RTP/AVP;multicast;ttl=256",
    "RTP/AVP;multicast;ttl=",
)

SESSIONS = (
    ("12345678", SessionHeader("12345678")),
    ("12345678;timeout=60", SessionHeader("12345678", 60)),
    ("12345678 ; Timeout = 30", SessionHeader("12345678", 30)),
    ("a;x=y;timeout=5", SessionHeader("a", 5)),
    ("a;timeout=+5", SessionHeader("a")),
    ("a;timeout=", SessionHeader("a")),
    ("a;timeout=" + "9" * 5000, SessionHeader("a")),
    ("", SessionHeader("")),
)

RANGES = (
    ("npt=0.000-", Range("npt", "0.000"), "npt=0.000-"),
    ("npt=0-", Range("npt", "0"), "npt=0-"),
    ("npt=now-", Range("npt", "now"), "npt=now-"),
    ("npt=-20", Range("npt", "", "20"), "npt=-20"),
    (" NPT = 12:05:35.3 - 13:00:00 ", Range("npt", "12:05:35.3", "13:00:00"), "npt=12:05:35.3-13:00:00"),
    ("npt=7", Range("npt", "7"), "npt=7-"),
    ("smpte=10:07:00-10:07:33:05.01", Range("smpte", "10:07:00", "10:07:33:05.01"), "smpte=10:07:00-10:07:33:05.01"),
    ("smpte-25=0:10:00:01-", Range("smpte-25", "0:10:00:01"), "smpte-25=0:10:00:01-"),
    (
        "clock=19961108T142300Z-19961108T143520.25Z;time=19970123T143720Z",
        Range("clock", "19961108T142300Z", "19961108T143520.25Z", "19970123T143720Z"),
        "clock=19961108T142300Z-19961108T143520.25Z;time=19970123T143720Z",
    ),
    ("bytes=0-5;x=y", Range("bytes", "0-5"), "bytes=0-5"),
)
BAD_RANGES = (
    "",
    "npt",
    "npt=",
    "npt=-",
    "=0-",
    "npt=a-",
    "npt=+1-",
    "npt=1_0-",
    "npt=\uff11-",
    "npt=0-1-2",
    "npt=00:00:00:00-",
    "npt=0:60:00-",
    "smpte=123-",
    "smpte=00:00:00:aa-",
    "clock=20060102T150405-",
    "npt=0-;time=aa",
    "bytes=0 5",
)
