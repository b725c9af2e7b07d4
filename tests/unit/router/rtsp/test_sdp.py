"""Descriptions: what is read of a publisher's, and what readers get."""

import pytest

from router.rtsp.errors import LocalError, PeerError
from router.rtsp.sdp import MAX_FORMATS, description_for_readers, parse_sdp
from tests.unit.router.rtsp.cases import FFMPEG_SDP, GSTREAMER_SDP
from tests.unit.router.rtsp.sdp_cases import BAD_SDPS, SDPS, SdpCase


def _for_readers(body: bytes, host: str = "192.0.2.1") -> bytes:
    description = parse_sdp(body, 32)
    controls = [f"trackID={index}" for index in range(len(description.medias))]
    return description_for_readers(description, session_id=7, host=host, controls=controls)


@pytest.mark.parametrize("case", SDPS, ids=lambda case: case.name)
def test_descriptions_are_read(case: SdpCase) -> None:
    description = parse_sdp(case.body, 32)

    assert description.session_control == case.session_control
    medias = tuple((each.kind, each.clock_rates, each.encodings, each.control) for each in description.medias)
    assert medias == case.medias
    assert all(set(each.formats) == set(each.clock_rates) for each in description.medias)


@pytest.mark.parametrize(("name", "body"), BAD_SDPS, ids=[name for name, _ in BAD_SDPS])
def test_broken_descriptions_are_the_peers_fault(name: str, body: bytes) -> None:
    with pytest.raises(PeerError) as refusal:
        parse_sdp(body, 32)
    assert refusal.value.status == 400


def test_tracks_are_limited_at_the_limit_and_one_past_it() -> None:
    assert len(parse_sdp(b"m=video 0 RTP/AVP 96\n" * 3, 3).medias) == 3
    with pytest.raises(PeerError):
        parse_sdp(b"m=video 0 RTP/AVP 96\n" * 4, 3)


def test_formats_are_limited_at_the_limit_and_one_past_it() -> None:
    types = [b"%d" % each for each in range(MAX_FORMATS + 1)]

    assert len(parse_sdp(b"m=video 0 RTP/AVP " + b" ".join(types[:-1]), 1).medias[0].formats) == MAX_FORMATS
    with pytest.raises(PeerError):
        parse_sdp(b"m=video 0 RTP/AVP " + b" ".join(types), 1)


def test_readers_of_ffmpeg_get_its_description_with_our_addresses_and_controls() -> None:
    assert _for_readers(FFMPEG_SDP) == (
        FFMPEG_SDP.replace(b"o=- 0 0 IN IP4 127.0.0.1", b"o=- 7 1 IN IP4 192.0.2.1")
        .replace(b"c=IN IP4 127.0.0.1", b"c=IN IP4 0.0.0.0")
        .replace(b"a=tool", b"a=control:*\r\na=tool")
        .replace(b"streamid=", b"trackID=")
    )


def test_readers_of_gstreamer_get_its_clocks_and_one_address_line() -> None:
    text = _for_readers(GSTREAMER_SDP, "2001:db8::1").decode()

    assert "a=ts-refclk:local\r\na=mediaclk:sender\r\na=ssrc:1579875676 cname:user3247@host\r\n" in text
    assert [line for line in text.split("\r\n") if line.startswith("c=")] == ["c=IN IP6 ::"]
    assert "o=- 7 1 IN IP6 2001:db8::1\r\n" in text


def test_no_reader_joins_a_group_of_the_publishers() -> None:
    text = _for_readers(
        b"v=0\nc=IN IP4 239.0.0.1/127\nm=video 5004 RTP/AVP 96\nc=IN IP4 239.0.0.2/127\nc=IN IP4 239.0.0.3\n"
    )

    assert b"239." not in text
    assert b"m=video 0 RTP/AVP 96\r\n" in text


def test_missing_lines_are_made_up_and_strange_order_is_mended() -> None:
    text = _for_readers(
        b"a=x\nt=1 2\nr=7d 1h 0 25h\nb=AS:9\ni=info\nm=audio 49170/2 RTP/AVP 0\na=control:a\na=control:b\n"
    )

    assert text == (
        b"v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\ni=info\r\nc=IN IP4 0.0.0.0\r\nb=AS:9\r\nt=1 2\r\nr=7d 1h 0 25h\r\n"
        b"a=control:*\r\na=x\r\nm=audio 0 RTP/AVP 0\r\na=control:trackID=0\r\n"
    )


def test_a_range_is_kept() -> None:
    assert b"a=range:npt=now-\r\n" in _for_readers(b"v=0\na=range:npt=now-\nm=video 0 RTP/AVP 96\n")


@pytest.mark.parametrize("case", SDPS, ids=lambda case: case.name)
def test_what_readers_get_is_a_description_of_the_same_tracks(case: SdpCase) -> None:
    ours = parse_sdp(_for_readers(case.body), 32)

    assert ours.session_control == "*"
    assert [(each.kind, each.clock_rates, each.encodings) for each in ours.medias] == [
        (kind, clock_rates, encodings) for kind, clock_rates, encodings, _ in case.medias
    ]
    assert [each.control for each in ours.medias] == [f"trackID={index}" for index in range(len(case.medias))]


def test_text_that_is_not_utf8_comes_out_as_it_went_in() -> None:
    assert b"s=Cam\xe9ra\r\n" in _for_readers(b"v=0\ns=Cam\xe9ra\nm=video 0 RTP/AVP 96\n")


def test_values_that_would_end_a_line_are_our_own_fault() -> None:
    description = parse_sdp(GSTREAMER_SDP, 1)

    with pytest.raises(LocalError):
        description_for_readers(description, session_id=7, host="h\r\nc=IN IP4 239.0.0.1", controls=["a"])
    with pytest.raises(LocalError):
        description_for_readers(description, session_id=7, host="h", controls=["a\nb"])
    with pytest.raises(LocalError):
        description_for_readers(description, session_id=7, host="h", controls=[])
