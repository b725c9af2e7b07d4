"""Which track a SETUP's URL names."""

from dataclasses import replace
from urllib.parse import unquote_to_bytes

import pytest

from router import paths
from router.rtsp.control import candidates, content_base, find_track, mount_path, reader_control, track_name, track_url
from router.rtsp.url import parse_url

TWO = ("streamid=0", "streamid=1")
CAMERA = ("rtsp://1.2.3.4/cam/trackID=1", "rtsp://1.2.3.4/cam/trackID=2")
CAMERA_WITH_QUERY = ("rtsp://1.2.3.4/cam?track=1", "rtsp://1.2.3.4/cam?track=2")


@pytest.mark.parametrize(
    ("base", "session_control", "controls", "target", "track"),
    [
        # ffmpeg 5.1 and GStreamer 1.22, as publishers
        ("rtsp://h/a", None, TWO, "rtsp://h/a/streamid=1", 1),
        ("rtsp://h/live/a?t=1/2", None, TWO, "rtsp://h/live/a?t=1/2/streamid=1", 1),
        ("rtsp://h/b?x=y", None, ("stream=0", "stream=1"), "rtsp://h/b/stream=1?x=y", 1),
        ("rtsp://h/b?x=y", None, ("stream=0", "stream=1"), "rtsp://h/b/stream=1", 1),
        # other names of the same box
        ("rtsp://10.0.0.1:554/a", None, TWO, "rtsp://example.org/a/streamid=0", 0),
        # slashes
        ("rtsp://h/a/", None, TWO, "rtsp://h/a/streamid=1", 1),
        ("rtsp://h/a", None, TWO, "rtsp://h/a/streamid=1/", 1),
        ("rtsp://h/a", None, ("/trackID=1", "/trackID=2"), "rtsp://h/a//trackID=2", 1),
        ("rtsp://h/a", None, ("/trackID=1", "/trackID=2"), "rtsp://h/a/trackID=2", 1),
        ("rtsp://h/", None, TWO, "rtsp://h/streamid=1", 1),
        ("rtsp://h", None, TWO, "rtsp://h/streamid=1", 1),
        # several segments
        ("rtsp://h/a", None, ("video/0", "audio/0"), "rtsp://h/a/audio/0", 1),
        # cameras: whole URLs, also of another path and host
        ("rtsp://h/a", "*", CAMERA, "rtsp://1.2.3.4/cam/trackID=2", 1),
        ("rtsp://h/a", "*", CAMERA, "rtsp://h:554/cam/trackID=2/", 1),
        ("rtsp://h/a", "*", CAMERA_WITH_QUERY, "rtsp://1.2.3.4/cam?track=2", 1),
        ("rtsp://h/a", "*", ("rtsp://bad url", "rtsp://1.2.3.4/cam?track=2"), "rtsp://1.2.3.4/cam?track=2", 1),
        # controls with a query
        ("rtsp://h/a", "*", ("?ctype=video", "?ctype=audio"), "rtsp://h/a/?ctype=audio", 1),
        ("rtsp://h/a", "*", ("?ctype=video", "?ctype=audio"), "rtsp://h/a?ctype=audio", 1),
        ("rtsp://h/a", "*", ("trackID=1?p=main", "trackID=2?p=main"), "rtsp://h/a/trackID=2?p=main", 1),
        # the session's control is a base too
        ("rtsp://h/a", "rtsp://1.2.3.4/cam/", TWO, "rtsp://1.2.3.4/cam/streamid=1", 1),
        ("rtsp://h/a", "rtsp://1.2.3.4/cam/", TWO, "rtsp://h/a/streamid=1", 1),
        ("rtsp://h/a", "rtsp://bad url", TWO, "rtsp://h/a/streamid=1", 1),
        ("rtsp://h/a", "session/", TWO, "rtsp://h/a/session/streamid=1", 1),
        # clients write a path each in its own way
        ("rtsp://h/k%C3%A4se", None, TWO, "rtsp://h/käse/streamid=1", 1),
        ("rtsp://h/a b", None, TWO, "rtsp://h/a%20b/streamid=1", 1),
        ("rtsp://h/a", "session%00/", TWO, "rtsp://h/a/streamid=1", 1),
        # a single track goes by the base's name
        ("rtsp://h/a", None, (None,), "rtsp://h/a", 0),
        ("rtsp://h/a", None, ("*",), "rtsp://h/a/", 0),
        ("rtsp://h/a?x=y", None, ("streamid=0",), "rtsp://h/a?x=y", 0),
        # nothing
        ("rtsp://h/a", None, TWO, "rtsp://h/a", None),
        ("rtsp://h/a", None, (None, None), "rtsp://h/a", None),
        ("rtsp://h/a", None, TWO, "rtsp://h/a/streamid=2", None),
        ("rtsp://h/a", None, TWO, "rtsp://h/b/streamid=0", None),
        ("rtsp://h/a", None, TWO, "rtsp://h/streamid=0", None),
        ("rtsp://h/a?x=y", None, TWO, "rtsp://h/a?x=z/streamid=0", None),
        ("rtsp://h/a", None, (), "rtsp://h/a", None),
    ],
)
def test_tracks_are_found_by_their_control(
    base: str, session_control: str | None, controls: tuple[str | None, ...], target: str, track: int | None
) -> None:
    assert find_track(parse_url(base), session_control, controls, parse_url(target)) == track


@pytest.mark.parametrize(
    ("target", "bases"),
    [
        ("rtsp://h/a", ["rtsp://h/a", "rtsp://h/"]),
        ("rtsp://h/", ["rtsp://h/"]),
        ("rtsp://h/a/b/t=0", ["rtsp://h/a/b/t=0", "rtsp://h/a/b", "rtsp://h/a", "rtsp://h/"]),
        ("rtsp://h/a?q/t=0", ["rtsp://h/a?q", "rtsp://h/a?q/t=0", "rtsp://h/?q/t=0"]),
        ("rtsp://h/a/t=0?q", ["rtsp://h/a/t=0?q", "rtsp://h/a?q", "rtsp://h/?q"]),
    ],
)
def test_every_base_that_a_url_may_have_is_a_candidate(target: str, bases: list[str]) -> None:
    assert [str(each) for each in candidates(parse_url(target))] == bases


def test_candidates_are_limited() -> None:
    assert len(list(candidates(parse_url("rtsp://h" + "/a" * 400 + "?" + "/b" * 400)))) == 17


@pytest.mark.parametrize(
    ("target", "query"),
    [
        ("rtsp://h/cam?token=x/trackID=1", "token=x"),
        ("rtsp://h/cam/trackID=1?token=x", "token=x"),
        ("rtsp://h/cam?token=x/y/trackID=1", "token=x/y"),
        ("rtsp://h/cam/trackID=1", ""),
    ],
)
def test_the_query_stays_with_the_session(target: str, query: str) -> None:
    names = [track_name(0), track_name(1)]
    found = (
        (each, find_track(each, None, names, parse_url(target)))
        for each in candidates(parse_url(target))
        if mount_path(each) == "/cam"
    )
    base, track = next((base, track) for base, track in found if track is not None)

    assert (base.path, base.query, track) == ("/cam", query, 1)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("rtsp://h", "/"),
        ("rtsp://h/", "/"),
        ("rtsp://h/a/", "/a"),
        ("rtsp://h/a//", "/a/"),
        ("rtsp://h/a%20b?x=y/", "/a b"),
        ("rtsp://h/a b", "/a b"),
        ("rtsp://h/k%C3%A4se/", "/käse"),
        ("rtsp://h/a%2Fb%2f", "/a%2Fb%2F"),
    ],
)
def test_a_mounts_path_is_decoded_and_has_no_query_and_no_slash_at_its_end(url: str, path: str) -> None:
    assert mount_path(parse_url(url)) == path


@pytest.mark.parametrize(
    ("url", "base", "control"),
    [
        ("rtsp://h/a", "rtsp://h/a/", "trackID=1"),
        ("rtsp://h/k%c3%a4se", "rtsp://h/k%c3%a4se/", "trackID=1"),
        ("rtsp://h/a/", "rtsp://h/a/", "trackID=1"),
        ("rtsp://h", "rtsp://h/", "trackID=1"),
        ("rtsp://h/a?x=y", "rtsp://h/a/?x=y", "rtsp://h/a/trackID=1?x=y"),
        ("rtsp://[::1]:554/?x=y", "rtsp://[::1]:554/?x=y", "rtsp://[::1]:554/trackID=1?x=y"),
    ],
)
def test_readers_are_told_a_base_and_controls_that_every_client_joins_alike(url: str, base: str, control: str) -> None:
    assert content_base(parse_url(url)) == base
    assert reader_control(parse_url(url), 1) == control
    assert track_url(parse_url(url), 1) == (control if "://" in control else base + control)


def test_a_mounts_path_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []

    def decode(text: str) -> bytes:
        decoded.append(text)
        return unquote_to_bytes(text)

    monkeypatch.setattr(paths, "unquote_to_bytes", decode)
    url = parse_url("rtsp://h/k%C3%A4se/")

    assert [mount_path(url), mount_path(url)] == ["/käse", "/käse"]
    assert decoded == ["/k%C3%A4se/"]
    assert mount_path(replace(url, path="/a%20b")) == "/a b", "another path has its own"
