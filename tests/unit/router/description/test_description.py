"""Descriptions as types: real ones are read and written, wrong ones are refused where they are made."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from router.description import (
    AV1,
    G711,
    G722,
    H264,
    H265,
    LPCM,
    MJPEG,
    VP8,
    DescriptionError,
    Generic,
    Media,
    MPEG4Audio,
    MPEG4AudioLATM,
    Opus,
    SessionDescription,
)
from router.rtsp.sdp import MAX_FORMATS, description_for_readers, parse_sdp
from tests.support.media import REQUIRED
from tests.unit.router.description.sdp_cases import BAD_DESCRIPTIONS, DESCRIPTIONS, DescriptionCase
from tests.unit.router.rtsp.sdp_cases import BAD_SDPS, SDPS
from workers.contract.parts import MAX_TRACKS

_SPS = bytes.fromhex("6764000bacd9")
_PPS = bytes.fromhex("68ebe3cb")


def _named(case: DescriptionCase) -> str:
    return case.name


@pytest.mark.parametrize("case", DESCRIPTIONS, ids=_named)
def test_real_descriptions_are_read(case: DescriptionCase) -> None:
    assert SessionDescription.from_sdp(case.body) == case.description


@pytest.mark.parametrize("case", DESCRIPTIONS, ids=_named)
def test_what_is_written_is_read_as_the_same(case: DescriptionCase) -> None:
    written = case.description.to_sdp()

    assert SessionDescription.from_sdp(written) == case.description
    assert hash(SessionDescription.from_sdp(written)) == hash(case.description)


@pytest.mark.parametrize("case", DESCRIPTIONS, ids=_named)
def test_what_is_written_serves_the_router(case: DescriptionCase) -> None:
    parsed = parse_sdp(case.description.to_sdp(), MAX_TRACKS)

    for media, ours in zip(parsed.medias, case.description.medias, strict=True):
        assert media.clock_rates == {each.payload_type: each.clock_rate for each in ours.formats}
    controls = [f"trackID={index}" for index in range(len(parsed.medias))]
    assert description_for_readers(parsed, session_id=1, host="192.0.2.1", controls=controls)


@pytest.mark.parametrize("body", [case.body for case in SDPS], ids=[case.name for case in SDPS])
def test_what_the_router_takes_has_types(body: bytes) -> None:
    description = SessionDescription.from_sdp(body)

    assert SessionDescription.from_sdp(description.to_sdp()) == description


@pytest.mark.parametrize("body", [body for _, body in BAD_SDPS], ids=[name for name, _ in BAD_SDPS])
def test_what_the_router_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(DescriptionError, match="session: SDP"):
        SessionDescription.from_sdp(body)


@pytest.mark.parametrize(("name", "body", "reason"), BAD_DESCRIPTIONS, ids=[name for name, _, _ in BAD_DESCRIPTIONS])
def test_wrong_values_are_refused_with_their_place(name: str, body: bytes, reason: str) -> None:
    with pytest.raises(DescriptionError) as refusal:
        SessionDescription.from_sdp(body)
    assert reason in str(refusal.value)


_VP8 = VP8(payload_type=96)
_VIDEO = Media("video", [_VP8])
WRONG: tuple[tuple[str, Callable[[], object]], ...] = (
    ("session: it has 0 medias; allowed: 1 to 32", lambda: SessionDescription([])),
    ("session: it has 33 medias", lambda: SessionDescription([_VIDEO] * (MAX_TRACKS + 1))),
    ("is a media", lambda: SessionDescription(["video"])),  # type: ignore[list-item]  # what isn't typed
    ("medias is", lambda: SessionDescription(_VIDEO)),  # type: ignore[arg-type]  # the same
    ("back channels", lambda: SessionDescription([Media("audio", [G722()], back_channel=True)])),
    ("title: ", lambda: SessionDescription([_VIDEO], title="a\r\nm=audio 0 RTP/AVP 0")),
    ("title: ", lambda: SessionDescription([_VIDEO], title="\ud800")),
    ("is an attribute", lambda: SessionDescription([_VIDEO], attributes=["control:*"])),
    ("video: it has 0 formats", lambda: Media("video", [])),
    (f"formats; allowed: 1 to {MAX_FORMATS}", lambda: Media("video", [_VP8] * (MAX_FORMATS + 1))),
    ("payload type 96 is there twice", lambda: Media("video", [_VP8, AV1(payload_type=96)])),
    ("audio: it has VP8; allowed: that in video", lambda: Media("audio", [_VP8])),
    ("H264(...)", lambda: Media("video", [Generic(payload_type=96, rtpmap="h264/90000")])),
    ("MJPEG(...)", lambda: Media("video", [Generic(payload_type=26)])),
    ("is a format", lambda: Media("video", [96])),  # type: ignore[list-item]  # what isn't typed
    ("kind is", lambda: Media("video audio", [_VP8])),
    ("profile is", lambda: Media("video", [_VP8], profile="UDP")),
    ("control", lambda: Media("video", [_VP8], control="a\nb")),
    ("control", lambda: Media("video", [_VP8], control="")),
    ("control", lambda: Media("video", [_VP8], control="\udce9")),
    ("'fmtp:96 x' is an attribute", lambda: Media("video", [_VP8], attributes=["fmtp:96 x"])),
    ("H264: payload type 128; allowed: 96 to 127", lambda: H264(payload_type=128)),
    ("H264: payload type 26", lambda: H264(payload_type=26)),
    ("H264: payload type '96'", lambda: H264(payload_type="96")),  # type: ignore[arg-type]  # what isn't typed
    ("Generic: payload type -1; allowed: 0 to 127", lambda: Generic(payload_type=-1)),
    ("packetization-mode is 3; allowed: 0 to 2", lambda: H264(payload_type=96, packetization_mode=3)),
    ("H264: sps is b''", lambda: H264(payload_type=96, sps=b"")),
    ("H264: sps is", lambda: H264(payload_type=96, sps=_PPS)),
    ("H264: sps is", lambda: H264(payload_type=96, sps=b"\0\0\0\1" + _SPS)),
    ("H264: pps is", lambda: H264(payload_type=96, pps=b"\xe8" + _PPS[1:])),
    ("the first one in pps", lambda: H264(payload_type=96, more_sets=[_PPS])),
    ("H264: more_sets is", lambda: H264(payload_type=96, more_sets=[b"\x65abc"])),
    ("profile-level-id is b'B'", lambda: H264(payload_type=96, profile_level_id=b"B")),
    ("H265: vps is", lambda: H265(payload_type=96, vps=_SPS)),
    ("level-idx is 32; allowed: 0 to 31", lambda: AV1(payload_type=96, level_idx=32)),
    ("channels are 0; allowed: 1 to 255", lambda: G711(payload_type=96, mu_law=True, channels=0)),
    ("the sample rate is 0", lambda: LPCM(payload_type=96, bit_depth=16, sample_rate=0)),
    ("bit_depth is 12; allowed: 8, 16, 24", lambda: LPCM(payload_type=96, bit_depth=12, sample_rate=8000)),
    ("L16/44100/2, or a dynamic", lambda: LPCM(payload_type=10, bit_depth=16, sample_rate=48000, channels=2)),
    ("PCMA/8000, or a dynamic", lambda: G711(payload_type=8, mu_law=True)),
    ("mu_law is 1", lambda: G711(payload_type=0, mu_law=1)),  # type: ignore[arg-type]  # what isn't typed
    ("16000 Hz", lambda: G722(sample_rate=8000)),
    ("config is b'1'", lambda: MPEG4Audio(payload_type=96, sample_rate=8000, config=b"1")),
    ("config is None", lambda: MPEG4AudioLATM(payload_type=96, sample_rate=8000, cpresent=False)),
    ("mode is 'a;b'", lambda: MPEG4Audio(payload_type=96, sample_rate=8000, mode="a;b")),
    ("'stereo=1' is extra", lambda: Opus(payload_type=96, extra=["stereo=1"])),
    ("'a=1;b=2' is extra", lambda: Opus(payload_type=96, extra=["a=1;b=2"])),
    ("extra is 'a'", lambda: Opus(payload_type=96, extra="a")),
    ("rtpmap is 'X'", lambda: Generic(payload_type=96, rtpmap="X")),
    ("all parameters in fmtp", lambda: Generic(payload_type=96, extra=["a=1"])),
    ("Generic, fmtp", lambda: Generic(payload_type=96, fmtp=" a")),
)


@pytest.mark.parametrize(("reason", "make"), WRONG, ids=[f"{index} {each[0]}" for index, each in enumerate(WRONG)])
def test_what_is_not_allowed_is_refused_to_its_maker(reason: str, make: Callable[[], object]) -> None:
    with pytest.raises(DescriptionError) as refusal:
        make()
    assert reason in str(refusal.value)
    assert refusal.value.allowed


def test_the_limits_themselves_are_allowed() -> None:
    formats = [Generic(payload_type=each) for each in (*range(1, 8), *range(12, 26), *range(34, 34 + MAX_FORMATS - 21))]

    assert len(Media("x", formats).formats) == MAX_FORMATS
    description = SessionDescription([_VIDEO] * MAX_TRACKS)
    assert SessionDescription.from_sdp(description.to_sdp()) == description


def test_formats_say_what_their_rfcs_call_things() -> None:
    aac = MPEG4Audio(payload_type=97, sample_rate=48000, channels=2, config=b"\x11\x90", extra=["x=1"])

    assert (aac.encoding, aac.clock_rate, aac.channels) == ("MPEG4-GENERIC", 48000, 2)
    assert aac.rtpmap == "MPEG4-GENERIC/48000/2"
    assert aac.fmtp == (
        "streamtype=5; profile-level-id=1; mode=AAC-hbr; config=1190; sizelength=13; indexlength=3; "
        "indexdeltalength=3; x=1"
    )
    assert aac.parameters["sizelength"] == "13"
    assert (G722().clock_rate, G722().sample_rate) == (8000, 16000)
    assert Opus(payload_type=96, sprop_stereo=True).channels == 2
    assert H264(payload_type=96, sps=_SPS).profile_level_id == _SPS[1:4]
    assert Generic(payload_type=14).clock_rate == 90000


def test_a_format_is_found_with_its_media() -> None:
    audio = Media("audio", [G722(), Opus(payload_type=96)])
    description = SessionDescription([_VIDEO, audio])

    assert description.find(Opus) == (audio, Opus(payload_type=96))
    assert description.find(MJPEG) is None


_PROBED = [case for case in DESCRIPTIONS if case.codec]


@pytest.mark.parametrize("case", _PROBED, ids=_named)
def test_ffprobe_understands_what_is_written(case: DescriptionCase, tmp_path: Path) -> None:
    if shutil.which("ffprobe") is None:
        (pytest.fail if REQUIRED else pytest.skip)("ffprobe is missing")
    path = tmp_path / "session.sdp"
    path.write_bytes(case.description.to_sdp())
    # With custom I/O it opens no ports: it says what the description alone tells.
    command = ["ffprobe", "-v", "error", "-sdp_flags", "custom_io", "-analyzeduration", "0", "-of", "json"]
    command += ["-show_streams", str(path)]
    probe = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=True)

    assert [each["codec_name"] for each in json.loads(probe.stdout)["streams"]] == [case.codec]
