"""URLs as clients join them."""

import pytest

from router.rtsp.client import ClientCredentials
from router.rtsp.client.target import address_of, base_of, parse_target, track_urls
from router.rtsp.message import Response
from router.rtsp.sdp import parse_sdp
from router.rtsp.url import parse_url


@pytest.mark.parametrize(
    ("text", "address", "credentials"),
    [
        ("rtsp://h/a", ("h", 554), None),
        ("rtsp://h:1/a", ("h", 1), None),
        ("rtsps://[::1]/a", ("::1", 322), None),
        ("rtsp://u:p%40:w@h/a", ("h", 554), ClientCredentials("u", "p@:w")),
        ("rtsp://u@h/a", ("h", 554), ClientCredentials("u", "")),
        ("rtsp://h/a@b", ("h", 554), None),
    ],
)
def test_targets_are_read(text: str, address: tuple[str, int], credentials: ClientCredentials | None) -> None:
    url, found = parse_target(text)
    assert (address_of(url), found) == (address, credentials)
    assert "p%40" not in repr(found)


@pytest.mark.parametrize(
    ("base", "control", "url"),
    [
        ("rtsp://h/cam/", "trackID=1", "rtsp://h/cam/trackID=1"),
        ("rtsp://h/cam", "trackID=1", "rtsp://h/cam/trackID=1"),
        ("rtsp://h/cam?x=1", "trackID=1", "rtsp://h/cam?x=1/trackID=1"),
        ("rtsp://h/cam", "/trackID=1", "rtsp://h/cam/trackID=1"),
        ("rtsp://h/cam/", None, "rtsp://h/cam/"),
        ("rtsp://h/cam/", "*", "rtsp://h/cam/"),
        ("rtsp://h/cam/", "rtsp://u:p@10.0.0.9/t1", "rtsp://10.0.0.9/t1"),
    ],
)
def test_controls_are_put_behind_the_base(base: str, control: str | None, url: str) -> None:
    assert track_urls(base, [control]) == (url,)


@pytest.mark.parametrize(
    ("headers", "control", "base"),
    [
        ((), "*", "rtsp://h/cam"),
        ((("Content-Location", "rtsp://h/c/"),), "*", "rtsp://h/c/"),
        ((("Content-Location", "rtsp://h/c/"), ("Content-Base", "rtsp://h/b/")), "*", "rtsp://h/b/"),
        ((("Content-Base", "/cam/"),), "*", "rtsp://h/cam"),
        ((("Content-Base", "rtsp://h/b/"),), "rtsp://h/all/", "rtsp://h/all/"),
    ],
)
def test_the_base_is_what_the_server_says(headers: tuple[tuple[str, str], ...], control: str, base: str) -> None:
    document = parse_sdp(f"a=control:{control}\nm=video 0 RTP/AVP 96\n".encode(), 1)
    assert base_of(parse_url("rtsp://h/cam"), Response(200, headers), document) == base
