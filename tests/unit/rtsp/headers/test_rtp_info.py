"""The RTP-Info header."""

import pytest

from router.rtsp.errors import PeerError
from router.rtsp.headers.rtp_info import RtpInfoEntry, format_rtp_info, parse_rtp_info
from tests.unit.rtsp.headers.cases import BAD_RTP_INFOS, RTP_INFOS


@pytest.mark.parametrize(("value", "entries", "canonical"), RTP_INFOS)
def test_entries_are_read_and_written(value: str, entries: tuple[RtpInfoEntry, ...], canonical: bool) -> None:
    assert parse_rtp_info(value) == entries
    assert (format_rtp_info(entries) == value) is canonical
    assert parse_rtp_info(format_rtp_info(entries)) == entries


@pytest.mark.parametrize("value", BAD_RTP_INFOS)
def test_broken_entries_are_the_peers_fault(value: str) -> None:
    with pytest.raises(PeerError) as refusal:
        parse_rtp_info(value)
    assert refusal.value.status == 400
