"""RTSP URLs as clients send them."""

import pytest

from router.rtsp.errors import PeerError
from router.rtsp.url import MAX_URL_LENGTH, RtspUrl, parse_url
from tests.unit.router.rtsp.url_cases import BAD_URLS, URLS


@pytest.mark.parametrize(("text", "url", "written"), URLS)
def test_urls_are_read_and_written(text: str, url: RtspUrl, written: str) -> None:
    assert parse_url(text) == url
    assert str(url) == written
    assert parse_url(written) == url


@pytest.mark.parametrize("text", BAD_URLS)
def test_anything_else_is_the_peers_fault(text: str) -> None:
    with pytest.raises(PeerError) as refusal:
        parse_url(text)
    assert refusal.value.status == 400


def test_length_is_limited_at_the_limit_and_one_past_it() -> None:
    text = "rtsp://h/".ljust(MAX_URL_LENGTH, "a")

    assert str(parse_url(text)) == text
    with pytest.raises(PeerError) as refusal:
        parse_url(text + "a")
    assert refusal.value.status == 414


def test_hosts_are_limited_at_the_limit_and_one_past_it() -> None:
    parse_url(f"rtsp://{'h' * 253}/")
    with pytest.raises(PeerError):
        parse_url(f"rtsp://{'h' * 254}/")


def test_the_tail_is_what_follows_the_host() -> None:
    assert parse_url("rtsp://h:1/p/q?x=y").tail == "/p/q?x=y"
    assert parse_url("rtsp://h").tail == "/"
