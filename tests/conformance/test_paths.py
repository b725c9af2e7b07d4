"""One mount, however clients write its path."""

from typing import Any

import pytest

from tests.support.clip import Clip
from tests.support.media import publish, read
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import RouterProcess, StartRouter
from tests.support.rtsp import RtspConnection
from tests.support.waiting import eventually

SPELLINGS = ("/käse brot", "/k%C3%A4se%20brot", "/k%c3%a4se brot", "/ka\u0308se%20brot", "/%6Ba%CC%88se%20brot")


@pytest.mark.parametrize("published", SPELLINGS[:2])
@pytest.mark.parametrize("asked", SPELLINGS)
def test_a_mount_is_found_however_its_path_is_written(
    router: RouterProcess, path: str, published: str, asked: str
) -> None:
    with (
        Publisher(router.publish(path + published), tracks=2, transport="tcp").start() as publisher,
        Reader(router.read(path + asked), transport="tcp").start() as reader,
    ):
        publisher.send(3)
        reader.receive(3)
        assert router.mount(path + "/käse brot") is not None


def test_a_path_has_one_publisher_however_it_is_written(start_router: StartRouter, path: str) -> None:
    router = start_router(settings={"publish_conflict": "reject"})
    with (
        Publisher(router.publish(path + SPELLINGS[0])).start(),
        Publisher(router.publish(path + SPELLINGS[1])) as second,
    ):
        second.announce(503)


def test_an_escaped_slash_is_no_slash(router: RouterProcess, path: str) -> None:
    with Publisher(router.publish(f"{path}/a%2fb")).start() as publisher:
        assert router.mount(f"{path}/a%2Fb") is not None
        with Reader(router.read(f"{path}/a/b")) as reader:
            reader.describe(404)
        with Reader(router.read(f"{path}/a%2Fb")).start() as reader:
            publisher.send(3)
            reader.receive(3)


@pytest.mark.parametrize("bad", [b"/%00", b"/a%0d%0aX: y", b"/%7F", b"/%C2%85", b"/%FF", b"/%C3", b"/\xff", b"/\x01"])
def test_a_path_that_is_no_text_is_refused(router: RouterProcess, bad: bytes) -> None:
    with RtspConnection(router.client_url) as connection:
        url = router.client_url.encode() + bad
        connection.send(b"DESCRIBE " + url + b" RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        reply = connection.reply()
        assert (reply.status, reply.get("CSeq")) == (400, "1")
        connection.expect(404, "DESCRIBE", router.read("/none"))


HOOKS = """
class Side:
    def __init__(self, name):
        self.name = name
    def check_mount(self, request):
        print(self.name, "asked", request.path, flush=True)
        return request.path.startswith("/geheim/") is False
    def mount_open(self, mount):
        print("open", mount.path, flush=True)
class hooks:
    publish, client = Side("publish"), Side("client")
"""


def test_hooks_and_settings_see_the_decoded_path(start_router: StartRouter) -> None:
    settings: dict[str, Any] = {"mounts": {"/b%C3%BChne": {"max_readers": 1}}}
    router = start_router(hooks=HOOKS, settings=settings)
    with (
        Publisher(router.publish("/bu%CC%88hne")).start(),
        Reader(router.read("/b%c3%bchne")).start(),
        Reader(router.read("/bühne")) as second,
    ):
        second.describe()
        transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
        second.connection.expect(503, "SETUP", f"{second.url}/trackID=0", transport)
        eventually(lambda: "open /bühne" in router.log, "the hook")
        assert "publish asked /bühne" in router.log
        assert "client asked /bühne" in router.log
    for spelling in ("/geheim/a", "/%67eheim/a", "/geh%65im/a"):
        with Publisher(router.publish(spelling)) as publisher:
            publisher.announce(403)


@pytest.mark.parametrize("tool", ["ffmpeg", "gst"])
def test_real_clients_find_it(router: RouterProcess, clip: Clip, path: str, tool: str) -> None:
    """ffmpeg sends a space as it is given to it."""
    space = " " if tool == "ffmpeg" else "%20"
    with publish(tool, clip, router.publish(f"{path}/käse{space}brot"), "tcp") as encoder:

        def published() -> bool:
            assert encoder.process.poll() is None, encoder.describe()
            return (router.mount(f"{path}/käse brot") or {}).get("state") == "live"

        eventually(published, "the mount", 20, interval_s=0.1)
        frames = read(tool, router.read(f"{path}/k%C3%A4se{space}brot"), "udp", video=15)
        clip.check(frames, video=15)
