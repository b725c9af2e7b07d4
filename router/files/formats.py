"""Formats of a file's streams: from what FFmpeg says of their encodings to what a session description says."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from router.description import (
    AV1,
    G711,
    G722,
    H264,
    H265,
    LPCM,
    MJPEG,
    VP8,
    VP9,
    Format,
    Generic,
    Media,
    MPEG4Audio,
    Opus,
)
from router.files.parameter_sets import nal_units
from router.rtsp.sdp import Rtpmap

FIRST_DYNAMIC = 96
"""The first payload type without a fixed meaning (RFC 3551 section 3)."""


@dataclass(frozen=True)
class Encoding:
    """What FFmpeg says of a stream: its codec's name and set-up bytes, and of audio the sample rate in Hz."""

    kind: str
    codec: str
    extradata: bytes = b""
    sample_rate: int = 0
    channels: int = 0


def is_supported(encoding: Encoding) -> bool:
    return (encoding.kind, encoding.codec) in _FORMATS


def media_of(encoding: Encoding, dynamic: int) -> Media:
    """Describe a stream that is supported; `dynamic` is its payload type unless its encoding has one of its own.

    Raises:
        DescriptionError: if what FFmpeg says of it isn't allowed there.
    """
    return Media(encoding.kind, [_FORMATS[encoding.kind, encoding.codec](encoding, dynamic)])


def supported() -> str:
    """Name the codecs that are sent, for people."""
    return ", ".join(sorted(codec for _, codec in _FORMATS))


def _h264(encoding: Encoding, dynamic: int) -> Format:
    sets = _texts(nal_units("h264", encoding.extradata))
    fmtp = f"packetization-mode=1; sprop-parameter-sets={sets}"
    return H264.from_sdp(dynamic, Rtpmap("H264", 90_000, None), fmtp)


def _h265(encoding: Encoding, dynamic: int) -> Format:
    sets = _texts(nal_units("hevc", encoding.extradata))
    fmtp = "; ".join(f"{name}={sets}" for name in ("sprop-vps", "sprop-sps", "sprop-pps"))  # each takes its own
    return H265.from_sdp(dynamic, Rtpmap("H265", 90_000, None), fmtp)


def _texts(units: list[bytes]) -> str:
    return ",".join(b64encode(unit).decode() for unit in units)


def _av1(encoding: Encoding, dynamic: int) -> Format:
    config = encoding.extradata
    if len(config) < 4 or config[0] != 0x81:  # AV1 Codec ISO Media File Format Binding, section 2.3.3: version 1
        return AV1(payload_type=dynamic)
    return AV1(payload_type=dynamic, profile=config[1] >> 5, level_idx=config[1] & 0x1F, tier=config[2] >> 7)


def _mpeg4_video(encoding: Encoding, dynamic: int) -> Format:
    config = f"; config={encoding.extradata.hex().upper()}" if encoding.extradata else ""
    return Generic(payload_type=dynamic, rtpmap="MP4V-ES/90000", fmtp=f"profile-level-id=1{config}")


def _aac(encoding: Encoding, dynamic: int) -> Format:
    return MPEG4Audio(
        payload_type=dynamic,
        sample_rate=encoding.sample_rate,
        channels=encoding.channels,
        config=encoding.extradata or None,
    )


def _g711(encoding: Encoding, dynamic: int) -> Format:
    mu_law = encoding.codec == "pcm_mulaw"
    static = encoding.sample_rate == 8000 and encoding.channels == 1
    return G711(
        payload_type=(0 if mu_law else 8) if static else dynamic,
        mu_law=mu_law,
        sample_rate=encoding.sample_rate,
        channels=encoding.channels,
    )


def _lpcm(encoding: Encoding, dynamic: int) -> Format:
    depth = {"pcm_u8": 8, "pcm_s16be": 16, "pcm_s24be": 24}[encoding.codec]
    return LPCM(payload_type=dynamic, bit_depth=depth, sample_rate=encoding.sample_rate, channels=encoding.channels)


_FORMATS: Mapping[tuple[str, str], Callable[[Encoding, int], Format]] = {
    ("video", "h264"): _h264,
    ("video", "hevc"): _h265,
    ("video", "av1"): _av1,
    ("video", "vp8"): lambda encoding, dynamic: VP8(payload_type=dynamic),
    ("video", "vp9"): lambda encoding, dynamic: VP9(payload_type=dynamic),
    ("video", "mjpeg"): lambda encoding, dynamic: MJPEG(),
    ("video", "mpeg4"): _mpeg4_video,
    ("video", "mpeg1video"): lambda encoding, dynamic: Generic(payload_type=32, rtpmap="MPV/90000"),
    ("video", "mpeg2video"): lambda encoding, dynamic: Generic(payload_type=32, rtpmap="MPV/90000"),
    ("audio", "aac"): _aac,
    ("audio", "opus"): lambda encoding, dynamic: Opus(payload_type=dynamic, sprop_stereo=encoding.channels == 2),
    ("audio", "mp2"): lambda encoding, dynamic: Generic(payload_type=14, rtpmap="MPA/90000"),
    ("audio", "mp3"): lambda encoding, dynamic: Generic(payload_type=14, rtpmap="MPA/90000"),
    ("audio", "pcm_alaw"): _g711,
    ("audio", "pcm_mulaw"): _g711,
    ("audio", "adpcm_g722"): lambda encoding, dynamic: G722(),
    ("audio", "pcm_u8"): _lpcm,
    ("audio", "pcm_s16be"): _lpcm,
    ("audio", "pcm_s24be"): _lpcm,
}  # all are in FFmpeg's RTP muxer
