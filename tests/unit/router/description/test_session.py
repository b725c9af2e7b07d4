"""Descriptions as types: real ones are read and written, wrong ones are refused where they are made."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from router.description import G722, MJPEG, VP8, DescriptionError, Media, Opus, SessionDescription
from router.rtsp.sdp import description_for_readers, parse_sdp
from tests.support.media import REQUIRED
from tests.unit.router.description.refusals import Refusals, check_refused
from tests.unit.router.description.sdp_cases import BAD_DESCRIPTIONS, DESCRIPTIONS, DescriptionCase
from tests.unit.router.rtsp.sdp_cases import BAD_SDPS, SDPS
from workers.contract.parts import MAX_TRACKS


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


_VIDEO = Media("video", [VP8(payload_type=96)])
WRONG: Refusals = (
    ("session: it has 0 medias; allowed: 1 to 32", lambda: SessionDescription([])),
    ("session: it has 33 medias", lambda: SessionDescription([_VIDEO] * (MAX_TRACKS + 1))),
    ("is a media", lambda: SessionDescription(["video"])),  # type: ignore[list-item]  # what isn't typed
    ("medias is", lambda: SessionDescription(_VIDEO)),  # type: ignore[arg-type]  # the same
    ("back channels", lambda: SessionDescription([Media("audio", [G722()], back_channel=True)])),
    ("title: ", lambda: SessionDescription([_VIDEO], title="a\r\nm=audio 0 RTP/AVP 0")),
    ("title: ", lambda: SessionDescription([_VIDEO], title="\ud800")),
    ("is an attribute", lambda: SessionDescription([_VIDEO], attributes=["control:*"])),
)


@pytest.mark.parametrize(("reason", "make"), WRONG, ids=[f"{index} {each[0]}" for index, each in enumerate(WRONG)])
def test_what_is_not_allowed_is_refused_to_its_maker(reason: str, make: Callable[[], object]) -> None:
    check_refused(reason, make)


def test_the_limits_themselves_are_allowed() -> None:
    description = SessionDescription([_VIDEO] * MAX_TRACKS)
    assert SessionDescription.from_sdp(description.to_sdp()) == description


@pytest.mark.parametrize("title", ["", " ", "-", " - "])
def test_a_title_that_says_nothing_is_none(title: str) -> None:
    assert SessionDescription([_VIDEO], title=title) == SessionDescription([_VIDEO])
    assert b"\r\ns=-\r\n" in SessionDescription([_VIDEO], title=title).to_sdp()


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
