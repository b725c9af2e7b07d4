"""What descriptions say of a file's streams."""

import pytest

from router.description import AV1, G711, G722, H264, H265, LPCM, MJPEG, VP8, VP9, Format, Generic, MPEG4Audio, Opus
from router.files.formats import Encoding, is_supported, media_of, supported
from tests.unit.router.files.setups import ANNEX_B, AVCC, HVCC, PPS, PPS5, SPS, SPS5, VPS5


@pytest.mark.parametrize(
    ("encoding", "format"),
    [
        (Encoding("video", "h264", AVCC), H264(payload_type=96, packetization_mode=1, sps=SPS, pps=PPS)),
        (Encoding("video", "h264", ANNEX_B), H264(payload_type=96, packetization_mode=1, sps=SPS, pps=PPS)),
        (Encoding("video", "h264"), H264(payload_type=96, packetization_mode=1)),
        (Encoding("video", "hevc", HVCC), H265(payload_type=96, vps=VPS5, sps=SPS5, pps=PPS5)),
        (Encoding("video", "av1", b"\x81\x05\x0c\x00"), AV1(payload_type=96, profile=0, level_idx=5, tier=0)),
        (Encoding("video", "av1"), AV1(payload_type=96)),
        (Encoding("video", "vp8"), VP8(payload_type=96)),
        (Encoding("video", "vp9"), VP9(payload_type=96)),
        (Encoding("video", "mjpeg"), MJPEG()),
        (
            Encoding("video", "mpeg4", b"\0\0\1\xb0"),
            Generic(payload_type=96, rtpmap="MP4V-ES/90000", fmtp="profile-level-id=1; config=000001B0"),
        ),
        (Encoding("video", "mpeg2video"), Generic(payload_type=32, rtpmap="MPV/90000")),
        (
            Encoding("audio", "aac", b"\x11\x90", 48_000, 2),
            MPEG4Audio(payload_type=96, sample_rate=48_000, channels=2, config=b"\x11\x90"),
        ),
        (Encoding("audio", "opus", b"", 48_000, 2), Opus(payload_type=96, sprop_stereo=True)),
        (Encoding("audio", "mp3", b"", 44_100, 2), Generic(payload_type=14, rtpmap="MPA/90000")),
        (
            Encoding("audio", "pcm_mulaw", b"", 8000, 1),
            G711(payload_type=0, mu_law=True, sample_rate=8000, channels=1),
        ),
        (
            Encoding("audio", "pcm_alaw", b"", 16_000, 2),
            G711(payload_type=96, mu_law=False, sample_rate=16_000, channels=2),
        ),
        (Encoding("audio", "adpcm_g722", b"", 16_000, 1), G722()),
        (
            Encoding("audio", "pcm_s24be", b"", 48_000, 2),
            LPCM(payload_type=96, bit_depth=24, sample_rate=48_000, channels=2),
        ),
    ],
    ids=lambda each: each.codec if isinstance(each, Encoding) else "",
)
def test_formats(encoding: Encoding, format: Format) -> None:
    assert list(media_of(encoding, 96).formats) == [format]


def test_what_is_not_sent_is_known() -> None:
    assert not is_supported(Encoding("audio", "ac3"))
    assert not is_supported(Encoding("audio", "h264"))
    assert {"h264", "hevc", "aac", "opus"} <= set(supported().split(", "))
