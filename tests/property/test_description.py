"""Descriptions as types: whatever can be made is read back as it was, and bytes give a description or the one error."""

from dataclasses import fields
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

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
    DescriptionError,
    Format,
    Generic,
    Media,
    MPEG4Audio,
    MPEG4AudioLATM,
    Opus,
    SessionDescription,
)
from router.rtsp.sdp import parse_sdp
from tests.unit.router.description.sdp_cases import BAD_DESCRIPTIONS, DESCRIPTIONS
from tests.unit.router.rtsp.sdp_cases import BAD_SDPS, SDPS

_WILD = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 300), st.text(max_size=8), st.binary(max_size=8), st.lists(st.text())
)
_EXTRA = st.lists(st.from_regex(r"x-[a-z]{1,4}(=[!-:<-~]{0,8})?", fullmatch=True), max_size=2)
_TEXT = st.text(st.characters(exclude_characters="\0\r\n"), max_size=20)
_SEEDS = [case.body for case in DESCRIPTIONS + SDPS] + [body for _, body, *_ in BAD_DESCRIPTIONS + BAD_SDPS]


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def _units(*headers: bytes) -> st.SearchStrategy[bytes]:
    return st.builds(bytes.__add__, st.sampled_from(headers), st.binary(min_size=4, max_size=12))


def _make(family: type[Format], **values: st.SearchStrategy[Any]) -> st.SearchStrategy[Format]:
    payload_type = st.sampled_from([*family.static, 35, 71, 77, *range(96, 128)])
    drawn = st.fixed_dictionaries({"payload_type": payload_type, "extra": _EXTRA, **values})

    def build(made: dict[str, Any]) -> Format | None:
        try:
            return family(**made)
        except DescriptionError:
            return None

    return drawn.map(build).filter(lambda each: each is not None)  # type: ignore[return-value]  # the filter's doing


_SETS = {
    H264: {"sps": b"\x67", "pps": b"\x68"},
    H265: {"vps": b"\x40\x01", "sps": b"\x42\x01", "pps": b"\x44\x01"},
}
_RATES = {"sample_rate": st.sampled_from([8000, 16000, 44100, 48000, 2**31]), "channels": st.integers(1, 255)}
_LENGTH = st.integers(0, 32)
_CONFIG = _maybe(st.binary(min_size=2, max_size=8))
_FLAGS = {each: st.booleans() for each in ("sprop_stereo", "stereo", "cbr", "useinbandfec", "usedtx")}
_VIDEO = st.one_of(
    *(
        _make(
            family,
            more_sets=st.lists(_units(*units.values()), max_size=3),
            **{name: _maybe(_units(unit)) for name, unit in units.items()},
        )
        for family, units in _SETS.items()
    ),
    _make(H264, packetization_mode=st.integers(0, 2), profile_level_id=_maybe(st.binary(min_size=3, max_size=3))),
    _make(H265, profile_id=_maybe(st.integers(0, 31)), sprop_max_don_diff=st.integers(0, 32767)),
    _make(AV1, profile=_maybe(st.integers(0, 2)), level_idx=_maybe(st.integers(0, 31)), tier=_maybe(st.integers(0, 1))),
    _make(VP8, max_fr=_maybe(st.integers(1)), max_fs=_maybe(st.integers(1, 2**32 - 1))),
    _make(VP9, profile_id=_maybe(st.integers(0, 3))),
    _make(MJPEG),
    _make(MPEGTS),
    st.builds(Generic, payload_type=st.integers(34, 127), rtpmap=st.sampled_from(["X/90000", "y/1/2", None])),
)
_AUDIO = st.one_of(
    _make(MPEG4Audio, mode=st.sampled_from(["AAC-hbr", "generic", None]), config=_CONFIG, sizelength=_LENGTH,
          indexlength=_LENGTH, indexdeltalength=_LENGTH, streamtype=_maybe(st.just(5)), **_RATES),
    _make(MPEG4AudioLATM, cpresent=st.booleans(), config=_CONFIG, bitrate=_maybe(st.integers(0, 10**6)), **_RATES),
    _make(Opus, maxaveragebitrate=_maybe(st.integers(6000, 510_000)), **_FLAGS),
    _make(G711, mu_law=st.booleans(), **_RATES),
    _make(G711, mu_law=st.booleans()),
    _make(G722, channels=st.integers(1, 2)),
    _make(LPCM, bit_depth=st.sampled_from([8, 16, 24]), **_RATES),
    st.builds(Generic, payload_type=st.integers(96, 127), rtpmap=st.just("telephone-event/8000"), fmtp=st.just("0-15")),
)  # fmt: skip


def _medias(kind: str, formats: st.SearchStrategy[Format]) -> st.SearchStrategy[Media]:
    return st.builds(
        Media,
        st.just(kind),
        st.lists(formats, min_size=1, max_size=3, unique_by=lambda each: each.payload_type),
        control=st.none() | st.from_regex(r"[!-~]([ -~]*[!-~])?", fullmatch=True),
        back_channel=st.just(False),
        profile=st.sampled_from(["RTP/AVP", "RTP/AVPF"]),
        attributes=st.lists(st.from_regex(r"x-[a-z]+(:[ -~]*)?", fullmatch=True), max_size=2),
    )


_DESCRIPTION_MEDIAS = st.lists(_medias("video", _VIDEO) | _medias("audio", _AUDIO), min_size=1, max_size=4)


@given(_DESCRIPTION_MEDIAS, _TEXT)
def test_what_is_written_is_read_as_the_same(medias: list[Media], title: str) -> None:
    try:
        description = SessionDescription(medias, title=title)
    except DescriptionError:
        description = SessionDescription(medias)

    written = description.to_sdp()
    assert SessionDescription.from_sdp(written) == description
    assert SessionDescription.from_sdp(written).to_sdp() == written
    assert len(parse_sdp(written, 4).medias) == len(medias)


@given(st.sampled_from(_SEEDS), st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=3)), max_size=4))
def test_damaged_descriptions_give_a_description_or_the_one_error(
    seed: bytes, damages: list[tuple[int, bytes]]
) -> None:
    for place, piece in damages:
        place %= len(seed) + 1
        seed = seed[:place] + piece + seed[place + len(piece) :]
    try:
        description = SessionDescription.from_sdp(seed)
    except DescriptionError:
        return
    assert SessionDescription.from_sdp(description.to_sdp()) == description


@given(
    st.sampled_from([AV1, G711, G722, H264, H265, LPCM, MJPEG, MPEG4Audio, MPEG4AudioLATM, MPEGTS, Opus, VP8, VP9]),
    st.data(),
)
def test_wild_values_give_a_format_that_is_read_back_or_the_one_error(
    family: type[Format], data: st.DataObject
) -> None:
    names = {each.name for each in fields(family)}
    required = {"payload_type", "sample_rate", "bit_depth", "mu_law"} & names
    chosen = data.draw(st.sets(st.sampled_from(sorted(names)), max_size=2)) | required
    values: dict[str, Any] = {name: data.draw(_WILD | st.integers(96, 99), label=name) for name in sorted(chosen)}
    try:
        description = SessionDescription([Media(family.kind or "video", [family(**values)])])
    except DescriptionError:
        return
    assert SessionDescription.from_sdp(description.to_sdp()) == description


@given(_WILD, _WILD, _WILD, _WILD)
def test_wild_generic_formats_too(payload_type: Any, rtpmap: Any, fmtp: Any, attribute: Any) -> None:
    try:
        generic = Generic(payload_type=payload_type, rtpmap=rtpmap, fmtp=fmtp)
        description = SessionDescription([Media("video", [generic], attributes=[attribute])], title=fmtp)
    except DescriptionError:
        return
    assert SessionDescription.from_sdp(description.to_sdp()) == description
