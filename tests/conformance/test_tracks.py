"""How tracks are found by their controls, and what readers learn of a publisher's SDP."""

from collections.abc import Sequence

import pytest

from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import RouterProcess
from tests.support.rtsp import RtspConnection
from tests.support.sdp import build_sdp
from tests.support.waiting import eventually

# What a publisher's SDP says (BASE is its URL), and where it then sets its tracks up.
PUBLISHERS = {
    "ffmpeg": (["streamid=0", "streamid=1"], ["BASE/streamid=0", "BASE/streamid=1"], None),
    "gstreamer": (["stream=0", "stream=1"], ["BASE/stream=0", "BASE/stream=1"], "*"),
    "camera": (["trackID=1", "trackID=2"], ["BASE/trackID=1", "BASE/trackID=2"], None),
    "absolute": (["BASE/trackID=1", "BASE/trackID=2"], ["BASE/trackID=1", "BASE/trackID=2"], None),
    "trailing slash": (["streamid=0", "streamid=1"], ["BASE/streamid=0/", "BASE/streamid=1/"], None),
    "session control": (["track1", "track2"], ["BASE/track1", "BASE/track2"], "BASE/"),
    "deep": (["a/b=1", "a/b=2"], ["BASE/a/b=1", "BASE/a/b=2"], None),
    "prefixes": (["track1", "track11"], ["BASE/track1", "BASE/track11"], None),
    "one track at the base": (["*"], ["BASE"], None),
    "one track without a control": ([None], ["BASE"], None),
    "one track, base with slash": (["streamid=0"], ["BASE/"], None),
}


def check_whole_way(
    router: RouterProcess,
    publish_url: str,
    read_url: str,
    controls: Sequence[str | None],
    setups: Sequence[str],
    session: str | None,
) -> None:
    """Publish with these controls, read all tracks, and see that none was taken for another."""
    controls = [each and each.replace("BASE", publish_url) for each in controls]
    sdp = build_sdp(controls, session_control=session and session.replace("BASE", publish_url))
    with Publisher(publish_url, controls=controls, sdp=sdp) as publisher:
        publisher.announce()
        for index, setup in enumerate(setups):
            publisher.set_up(index, setup.replace("BASE", publish_url))
        publisher.record()
        with Reader(read_url).start() as reader:
            publisher.send(5)
            reader.receive(5)
            assert len(reader.tracks) == len(controls)
            reader.check(publisher)


@pytest.mark.parametrize(("controls", "setups", "session"), PUBLISHERS.values(), ids=PUBLISHERS.keys())
def test_a_publishers_tracks_are_found_by_its_controls(
    router: RouterProcess, path: str, controls: list[str | None], setups: list[str], session: str | None
) -> None:
    check_whole_way(router, router.publish(path), router.read(path), controls, setups, session)


@pytest.mark.parametrize("setup", ["{base}?token=a/streamid={track}", "{base}/streamid={track}?token=a"])
def test_a_query_stays_with_the_path(router: RouterProcess, path: str, setup: str) -> None:
    """ffmpeg appends the control behind the query, others put the query last."""
    base = router.publish(path)
    setups = [setup.format(base=base, track=track) for track in (0, 1)]
    check_whole_way(router, f"{base}?token=a", router.read(path), ["streamid=0", "streamid=1"], setups, None)


@pytest.mark.parametrize("form", ["{url}?x=1&y=2/{control}", "{url}/{control}?x=1&y=2", "{url}/{control}/"])
def test_a_readers_query_stays_with_the_path(router: RouterProcess, path: str, form: str) -> None:
    with Publisher(router.publish(path), tracks=2).start() as publisher, Reader(router.read(path)) as reader:
        url = router.read(path)
        reader.url = f"{url}?x=1&y=2"
        reader.describe()
        names = [control.rstrip("/").rpartition("/")[2].partition("?")[0] for control in reader.controls]
        for index, name in enumerate(names):
            reader.base, control = url, form.format(url=url, control=name)
            object.__setattr__(reader, "control_url", lambda _, control=control: control)
            reader.set_up(index)
        reader.play()
        publisher.send(5)
        reader.receive(5)
        reader.check(publisher)


def test_two_mounts_of_which_one_is_below_the_other(router: RouterProcess, path: str) -> None:
    with (
        Publisher(router.publish(path)).start() as upper,
        Publisher(router.publish(f"{path}/streamid=0")).start() as lower,
        Reader(router.read(path)).start() as of_upper,
        Reader(router.read(f"{path}/streamid=0")).start() as of_lower,
    ):
        upper.send(5)
        lower.send(5)
        of_upper.receive(5)
        of_lower.receive(5)
        of_upper.check(upper)
        of_lower.check(lower)


def test_the_description_is_the_publishers_with_our_own_addresses(router: RouterProcess, path: str) -> None:
    controls = ["rtsp://camera.invalid/secret/trackID=1", "trackID=2"]
    # A reader that believed this would join the group instead of asking for a transport.
    sdp = build_sdp(controls, connection="c=IN IP4 239.1.2.3/16")
    sdp = sdp.replace(b"b=AS:500\r\n", b"c=IN IP4 239.1.2.4/16\r\nb=AS:500\r\n", 1)
    with Publisher(router.publish(path), controls=controls, sdp=sdp) as publisher:
        publisher.announce()
        publisher.set_up(0, controls[0])
        publisher.set_up(1)
        publisher.record()
        with Reader(router.read(path)) as reader:
            reply = reader.describe()
            text = reply.body.decode()
    assert "239.1.2" not in text
    assert "192.0.2.77" not in text
    assert "camera.invalid" not in text
    assert reader.description is not None
    session, medias = reader.description.session, reader.description.medias
    assert session[0] == "v=0"
    assert session[1].startswith("o=")
    assert "s=synthetic" in session
    assert "a=tool:trunkline tests" in session
    assert [media[0] for media in medias] == ["m=video 0 RTP/AVP 96", "m=audio 0 RTP/AVP 97"]
    for media, rtpmap, fmtp in (
        (medias[0], "a=rtpmap:96 H264/90000", "a=fmtp:96 packetization-mode=1;profile-level-id=42C01E"),
        (
            medias[1],
            "a=rtpmap:97 MPEG4-GENERIC/48000/1",
            "a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3",
        ),
    ):
        assert {"b=AS:500", rtpmap, fmtp, "a=x-vendor:kept as it is"} <= set(media)
    assert len(set(reader.controls)) == 2


def test_content_base_and_controls_lead_back_to_the_mount(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path), tracks=2).start(), Reader(router.read(path)) as reader:
        base = reader.describe()["Content-Base"]
        assert base.rstrip("/") == router.read(path)
        for index in (0, 1):
            assert reader.control_url(index).startswith(router.read(path))
            reader.set_up(index)


def test_a_trailing_slash_names_the_same_mount(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(path) + "/").start() as publisher, Reader(router.read(path)).start() as reader:
        publisher.send(3)
        reader.receive(3)
        with RtspConnection(router.client_url) as connection:
            connection.expect(200, "DESCRIBE", router.read(path) + "/")


MAX_URL_LENGTH = 2000


def padded(url: str, length: int) -> str:
    """Make a URL so long by its path."""
    return f"{url}/{'x' * (length - len(url) - 1)}"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_longest_url_is_served(router: RouterProcess, path: str, transport: str) -> None:
    """The only track is set up by the mount's own URL: what the router makes of it for RTP-Info is longer yet."""
    length = MAX_URL_LENGTH - len(router.client_url) + len(router.publish_url)
    with Publisher(padded(router.publish(path), length), transport=transport, packet_bytes=4000) as publisher:
        url = padded(router.read(path), MAX_URL_LENGTH)
        assert len(url) == MAX_URL_LENGTH
        assert url.endswith(publisher.mount)
        publisher.announce()
        publisher.set_up(0, publisher.url)
        publisher.record()
        publisher.send(3)
        router.wait_until(
            lambda status: [each["packets"] for each in status["sessions"] if each["mount"] == publisher.mount] == [3],
            "something to tell in RTP-Info",
        )
        with RtspConnection(url) as connection:
            connection.expect(200, "DESCRIBE", url)
            offer = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
            connection.expect(200, "SETUP", url, offer)
            assert url in connection.expect(200, "PLAY", url)["RTP-Info"]
            publisher.send(3)

            def arrived() -> bool:
                connection.pump()
                return [payload for _, payload in connection.frames] == publisher.tracks[0].sent[3:]

            eventually(arrived, "three packets")


@pytest.mark.parametrize("method", ["OPTIONS", "DESCRIBE", "SETUP", "ANNOUNCE"])
def test_a_longer_url_is_not(router: RouterProcess, path: str, method: str) -> None:
    url = router.publish(path) if method == "ANNOUNCE" else router.read(path)
    headers = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1", "Content-Type": "application/sdp"}
    body = build_sdp(["streamid=0"]) if method == "ANNOUNCE" else b""
    with RtspConnection(url) as connection:
        connection.expect(414, method, padded(url, MAX_URL_LENGTH + 1), headers, body)
        connection.expect(200, "OPTIONS", url)
