"""Descriptions of real programs and devices, and what they say as types."""

from base64 import b64decode
from dataclasses import dataclass

from router.description import (
    AV1,
    G711,
    G722,
    H264,
    H265,
    LPCM,
    MJPEG,
    MPEGTS,
    VP8,
    VP9,
    Generic,
    Media,
    MPEG4Audio,
    MPEG4AudioLATM,
    Opus,
    SessionDescription,
)
from tests.unit.router.rtsp.cases import FFMPEG_SDP, GSTREAMER_SDP

_FFMPEG = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\na=tool:libavformat 59.27.100\r\n"
)
_GSTREAMER = (
    "v=0\r\no=- 11 1 IN IP4 127.0.0.1\r\ns=Session streamed with GStreamer\r\ni=rtspclientsink\r\nt=0 0\r\n"
    "a=tool:GStreamer\r\n"
)


@dataclass(frozen=True)
class DescriptionCase:
    """SDP, the description that it is, and what ffprobe calls its first codec ("" where it knows none)."""

    name: str
    body: bytes
    description: SessionDescription
    codec: str = ""


def _ffmpeg(lines: str, media: Media, codec: str, name: str = "") -> DescriptionCase:
    body = (_FFMPEG + lines).replace("\n", "\r\n").replace("\r\r", "\r").encode()
    described = SessionDescription([media], title="No Name", attributes=["tool:libavformat 59.27.100"])
    return DescriptionCase(f"ffmpeg, {name or codec}", body, described, codec)


def _gstreamer(lines: str, media: Media, codec: str, name: str = "") -> DescriptionCase:
    body = (_GSTREAMER + lines).replace("\n", "\r\n").replace("\r\r", "\r").encode()
    described = SessionDescription([media], title="Session streamed with GStreamer", attributes=["tool:GStreamer"])
    return DescriptionCase(f"GStreamer, {name or codec}", body, described, codec)


_SPS = b64decode("Z2QAC6zZQwTsBEAAAAMAQAAADIPFCmWA")
_PPS = b64decode("aOvjyyLA")
_VPS_265 = b64decode("QAEMAf//AWAAAAMAkAAAAwAAAwA8lZgJ")
_SPS_265 = b64decode("QgEBAWAAAAMAkAAAAwAAAwA8oBggJFllZpJMrwFoCAAAAwAIAAADAMhA")
_PPS_265 = b64decode("RAHBcrRiQA==")
_STREAM_0 = "stream=0"

DESCRIPTIONS = (
    _ffmpeg(
        "m=video 21178 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1; "
        "sprop-parameter-sets=Z2QAC6zZQwTsBEAAAAMAQAAADIPFCmWA,aOvjyyLA; profile-level-id=64000B\n",
        Media("video", [H264(payload_type=96, packetization_mode=1, sps=_SPS, pps=_PPS)]),
        "h264",
    ),
    _ffmpeg(
        "m=video 20272 RTP/AVP 96\na=rtpmap:96 H265/90000\na=fmtp:96 sprop-vps=QAEMAf//AWAAAAMAkAAAAwAAAwA8lZgJ; "
        "sprop-sps=QgEBAWAAAAMAkAAAAwAAAwA8oBggJFllZpJMrwFoCAAAAwAIAAADAMhA; sprop-pps=RAHBcrRiQA==\n",
        Media("video", [H265(payload_type=96, vps=_VPS_265, sps=_SPS_265, pps=_PPS_265)]),
        "hevc",
    ),
    _ffmpeg(
        "m=video 20542 RTP/AVP 96\nb=AS:256\na=rtpmap:96 VP8/90000\n", Media("video", [VP8(payload_type=96)]), "vp8"
    ),
    _ffmpeg("m=video 20980 RTP/AVP 96\na=rtpmap:96 VP9/90000\n", Media("video", [VP9(payload_type=96)]), "vp9"),
    _ffmpeg("m=video 20580 RTP/AVP 26\nb=AS:200\n", Media("video", [MJPEG()]), "mjpeg"),
    _ffmpeg(
        "m=audio 21152 RTP/AVP 97\nb=AS:128\na=rtpmap:97 MPEG4-GENERIC/48000/2\na=fmtp:97 profile-level-id=1;"
        "mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3; config=119056E500\n",
        Media(
            "audio",
            [
                MPEG4Audio(
                    payload_type=97,
                    sample_rate=48000,
                    channels=2,
                    streamtype=None,
                    config=bytes.fromhex("119056E500"),
                )
            ],
        ),
        "aac",
    ),
    _ffmpeg(
        "m=audio 20196 RTP/AVP 97\nb=AS:128\na=rtpmap:97 MP4A-LATM/48000/2\n"
        "a=fmtp:97 profile-level-id=41;cpresent=0;config=400023203fc0\n",
        Media(
            "audio",
            [
                MPEG4AudioLATM(
                    payload_type=97,
                    sample_rate=48000,
                    channels=2,
                    profile_level_id=41,
                    cpresent=False,
                    config=bytes.fromhex("400023203fc0"),
                )
            ],
        ),
        "aac",
        "LATM",
    ),
    _ffmpeg(
        "m=audio 21744 RTP/AVP 97\nb=AS:96\na=rtpmap:97 opus/48000/2\na=fmtp:97 sprop-stereo=1\n",
        Media("audio", [Opus(payload_type=97, sprop_stereo=True)]),
        "opus",
    ),
    _ffmpeg("m=audio 20766 RTP/AVP 0\nb=AS:64\n", Media("audio", [G711(payload_type=0, mu_law=True)]), "pcm_mulaw"),
    _ffmpeg(
        "m=audio 20140 RTP/AVP 97\nb=AS:256\na=rtpmap:97 PCMA/16000/2\n",
        Media("audio", [G711(payload_type=97, mu_law=False, sample_rate=16000, channels=2)]),
        "pcm_alaw",
    ),
    _ffmpeg("m=audio 20050 RTP/AVP 9\nb=AS:128\n", Media("audio", [G722()]), "adpcm_g722"),
    _ffmpeg(
        "m=audio 20202 RTP/AVP 10\nb=AS:1411\n",
        Media("audio", [LPCM(payload_type=10, bit_depth=16, sample_rate=44100, channels=2)]),
        "pcm_s16be",
    ),
    _ffmpeg(
        "m=audio 21380 RTP/AVP 97\nb=AS:2304\na=rtpmap:97 L24/48000/2\n",
        Media("audio", [LPCM(payload_type=97, bit_depth=24, sample_rate=48000, channels=2)]),
        "pcm_s24be",
    ),
    # ffmpeg has no rtpmap for unsigned bytes, and leaves a number that means nothing.
    _ffmpeg("m=audio 21002 RTP/AVP 97\nb=AS:64\n", Media("audio", [Generic(payload_type=97)]), "", "no rtpmap"),
    _gstreamer(
        "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=framerate:25\na=fmtp:96 packetization-mode=1;"
        "sprop-parameter-sets=Z2QAC6zZQwTsBEAAAAMAQAAADIPFCmWA,aOvjyyLA\na=control:stream=0\n",
        Media(
            "video",
            [H264(payload_type=96, packetization_mode=1, sps=_SPS, pps=_PPS)],
            control=_STREAM_0,
            attributes=["framerate:25"],
        ),
        "h264",
    ),
    _gstreamer(
        "m=video 0 RTP/AVP 26\na=rtpmap:26 JPEG/90000\na=framerate:25.000000\na=control:stream=0\n",
        Media("video", [MJPEG()], control=_STREAM_0, attributes=["framerate:25.000000"]),
        "mjpeg",
    ),
    _gstreamer(
        "m=audio 0 RTP/AVP 96\na=rtpmap:96 MP4A-LATM/48000\na=fmtp:96 cpresent=0;config=40002320adca00\n"
        "a=control:stream=0\n",
        Media(
            "audio",
            [
                MPEG4AudioLATM(
                    payload_type=96, sample_rate=48000, cpresent=False, config=bytes.fromhex("40002320adca00")
                )
            ],
            control=_STREAM_0,
        ),
        "aac",
    ),
    _gstreamer(
        "m=audio 0 RTP/AVP 96\na=rtpmap:96 OPUS/48000/2\na=fmtp:96 sprop-stereo=0;sprop-maxcapturerate=48000\n"
        "a=control:stream=0\n",
        Media("audio", [Opus(payload_type=96, sprop_maxcapturerate=48000)], control=_STREAM_0),
        "opus",
    ),
    _gstreamer(
        "m=audio 0 RTP/AVP 9\na=rtpmap:9 G722/8000/1\na=control:stream=0\n",
        Media("audio", [G722()], control=_STREAM_0),
        "adpcm_g722",
    ),
    _gstreamer(
        "m=video 0 RTP/AVP 33\na=rtpmap:33 MP2T/90000\na=control:stream=0\n",
        Media("video", [MPEGTS()], control=_STREAM_0),
        "",  # ffprobe wants to see packets
        "MPEG-TS",
    ),
    DescriptionCase(
        "browser: AV1 under a payload type below 96, and its retransmissions",
        b"m=video 9 RTP/AVPF 45 46\r\na=rtcp-fb:45 nack pli\r\na=rtpmap:45 AV1/90000\r\n"
        b"a=fmtp:45 level-idx=5;profile=0;tier=0\r\na=rtpmap:46 rtx/90000\r\na=fmtp:46 apt=45\r\na=mid:1\r\n",
        SessionDescription(
            [
                Media(
                    "video",
                    [
                        AV1(payload_type=45, level_idx=5, profile=0, tier=0),
                        Generic(payload_type=46, rtpmap="rtx/90000", fmtp="apt=45"),
                    ],
                    profile="RTP/AVPF",
                    attributes=["rtcp-fb:45 nack pli", "mid:1"],
                )
            ]
        ),
    ),
    DescriptionCase(
        "GStreamer, clocks",
        GSTREAMER_SDP,
        SessionDescription(
            [
                Media(
                    "video",
                    [
                        H264(
                            payload_type=96,
                            packetization_mode=1,
                            sps=b64decode("Z/QADZDZZBCbAWo="),
                            pps=b64decode("aOvMRIRA"),
                        )
                    ],
                    control=_STREAM_0,
                    attributes=[
                        "framerate:10",
                        "ts-refclk:local",
                        "mediaclk:sender",
                        "ssrc:1579875676 cname:user3247@host",
                    ],
                )
            ],
            title="Session streamed with GStreamer",
            attributes=["tool:GStreamer"],
        ),
    ),
    DescriptionCase(
        "ffmpeg, MPEG-4 video is generic",
        FFMPEG_SDP,
        SessionDescription(
            [
                Media(
                    "video",
                    [
                        Generic(
                            payload_type=96,
                            rtpmap="MP4V-ES/90000",
                            fmtp="profile-level-id=1; config=000001B001000001B5891300",
                        )
                    ],
                    control="streamid=0",
                ),
                Media(
                    "audio",
                    [
                        MPEG4Audio(
                            payload_type=97, sample_rate=44100, streamtype=None, config=bytes.fromhex("120856E500")
                        )
                    ],
                    control="streamid=1",
                ),
            ],
            title="No Name",
            attributes=["tool:libavformat LIBAVFORMAT_VERSION"],
        ),
    ),
    DescriptionCase(
        "camera: ONVIF back channel, metadata, start codes, a second PPS, unknown parameters",
        b"v=0\no=- 1 1 IN IP4 192.0.2.9\ns=Cam\xe9ra\nt=0 0\na=range:npt=now-\na=control:*\n"
        b"m=video 0 RTP/AVP 35\na=rtpmap:35 h264/90000\n"
        b"a=fmtp:35 Packetization-Mode=1;x-vendor=7; "
        b"sprop-parameter-sets=AAAAAWdkAAus2Q,aOvjyyLA,aOvjyyLA,junk!,;flag\n"
        b"a=recvonly\na=control:rtsp://192.0.2.9/trackID=1\n"
        b"m=audio 0 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=sendonly\na=control:back\n"
        b"m=application 0 RTP/AVP 107\na=rtpmap:107 vnd.onvif.metadata/90000\na=control:meta\n",
        SessionDescription(
            [
                Media(
                    "video",
                    [
                        H264(
                            payload_type=35,
                            packetization_mode=1,
                            profile_level_id=b"\x64\x00\x0b",
                            sps=bytes.fromhex("6764000bacd9"),
                            pps=_PPS,
                            more_sets=[_PPS],
                            extra=["x-vendor=7", "flag"],
                        )
                    ],
                    control="rtsp://192.0.2.9/trackID=1",
                ),
                Media(
                    "audio",
                    [
                        G711(payload_type=8, mu_law=False),
                        Generic(payload_type=101, rtpmap="telephone-event/8000", fmtp="0-15"),
                    ],
                    control="back",
                    back_channel=True,
                ),
                Media("application", [Generic(payload_type=107, rtpmap="vnd.onvif.metadata/90000")], control="meta"),
            ],
            title="Cam\udce9ra",
            attributes=["range:npt=now-"],
        ),
    ),
    DescriptionCase(
        "camera that calls all it sends sendonly",
        b"m=video 0 RTP/AVP 26\na=sendonly\n",
        SessionDescription([Media("video", [MJPEG()])]),
    ),
    DescriptionCase(
        "a known encoding in a media of another kind, and secure RTP",
        b"s= \nm=audio 0 RTP/SAVP 96\na=rtpmap:96 H264/90000\n",
        SessionDescription(
            [Media("audio", [Generic(payload_type=96, rtpmap="H264/90000")], profile="RTP/SAVP")],
        ),
    ),
)

_H264 = b"m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
BAD_DESCRIPTIONS = (
    ("no media", b"v=0\n", "SDP has no media"),
    ("broken", b"nonsense\n", "line 1"),
    ("clock rate of video", b"m=video 0 RTP/AVP 96\na=rtpmap:96 H264/8000\n", "media 1, H264: the clock rate is 8000"),
    ("clock rate of Opus", b"m=audio 0 RTP/AVP 96\na=rtpmap:96 opus/16000/2\n", "allowed: 48000 Hz"),
    ("channels of Opus", b"m=audio 0 RTP/AVP 96\na=rtpmap:96 opus/48000\n", "allowed: 2"),
    ("channels that are none", b"m=audio 0 RTP/AVP 96\na=rtpmap:96 L16/48000/x\n", "LPCM: channels are 'x'"),
    ("static type of another encoding", b"m=audio 0 RTP/AVP 0\na=rtpmap:0 opus/48000/2\n", "Opus: payload type 0"),
    ("static type with another clock", b"m=audio 0 RTP/AVP 0\na=rtpmap:0 PCMU/16000\n", "PCMU/8000, or a dynamic"),
    ("RTCP's numbers", b"m=video 0 RTP/AVP 72\na=rtpmap:72 H264/90000\n", "payload type 72"),
    ("packetization mode", _H264 + b"a=fmtp:96 packetization-mode=3\n", "packetization-mode is '3'; allowed: 0 to 2"),
    ("config that isn't hexadecimal",
     b"m=audio 0 RTP/AVP 96\na=rtpmap:96 mpeg4-generic/48000\na=fmtp:96 config=xyz\n",
     "config is 'xyz'; allowed: at least 2 bytes"),
    ("LATM without config", b"m=audio 0 RTP/AVP 96\na=rtpmap:96 MP4A-LATM/48000\na=fmtp:96 cpresent=0\n",
     "config is None"),
)  # fmt: skip
