"""Real encoders and players in all combinations, compared by hashes of decoded frames."""

from collections.abc import Iterator

import pytest

from tests.support.clip import Clip
from tests.support.media import Program, probe, publish, read
from tests.support.router import RouterProcess
from tests.support.rtsp import RtspConnection
from tests.support.waiting import eventually

VIDEO_FRAMES = 30
AUDIO_FRAMES = 40


def wait_described(url: str, encoder: Program) -> None:
    """Wait until a mount can be read."""

    def described() -> bool:
        assert encoder.process.poll() is None, encoder.describe()
        with RtspConnection(url) as connection:
            return connection.request("DESCRIBE", url).status == 200

    eventually(described, f"a mount at {url}", 20, interval_s=0.1)


@pytest.fixture(scope="module", params=["ffmpeg-udp", "ffmpeg-tcp", "gst-udp", "gst-tcp"])
def published(request: pytest.FixtureRequest, router: RouterProcess, clip: Clip) -> Iterator[str]:
    """An encoder that publishes the clip while four players join, one after the other; gives the readers' URL."""
    tool, transport = request.param.split("-")
    path = f"/matrix-{request.param}"
    with publish(tool, clip, router.publish(path), transport) as encoder:
        wait_described(router.read(path), encoder)
        yield router.read(path)
        assert encoder.process.poll() is None, f"the encoder did not last: {encoder.describe()}"


@pytest.mark.parametrize("player", ["ffmpeg-udp", "ffmpeg-tcp", "gst-udp", "gst-tcp"])
def test_every_player_decodes_what_every_encoder_sent(published: str, clip: Clip, player: str) -> None:
    tool, transport = player.split("-")
    frames = read(tool, published, transport, video=VIDEO_FRAMES, audio=AUDIO_FRAMES)
    clip.check(frames, video=VIDEO_FRAMES, audio=AUDIO_FRAMES)


def test_players_choose_their_transport_themselves(published: str, clip: Clip) -> None:
    frames = read("ffmpeg", published, "", video=VIDEO_FRAMES)
    clip.check(frames, video=VIDEO_FRAMES)


def test_ffprobe_sees_what_was_encoded(published: str, clip: Clip) -> None:
    assert probe(published) == ["aac", "h264"]


def test_real_clients_over_ipv6(ipv6_router: RouterProcess, clip: Clip, path: str) -> None:
    with publish("ffmpeg", clip, ipv6_router.publish(path), "udp") as encoder:
        wait_described(ipv6_router.read(path), encoder)
        clip.check(read("gst", ipv6_router.read(path), "udp", video=VIDEO_FRAMES), video=VIDEO_FRAMES)
        clip.check(read("ffmpeg", ipv6_router.read(path), "udp", video=VIDEO_FRAMES), video=VIDEO_FRAMES)


@pytest.mark.parametrize("tool", ["ffmpeg", "gst"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_an_encoder_that_is_interrupted_frees_its_path_at_once(
    router: RouterProcess, clip: Clip, path: str, tool: str, transport: str
) -> None:
    url = router.read(path)
    with publish(tool, clip, router.publish(path), transport) as encoder:
        wait_described(url, encoder)
        encoder.interrupt()
    with RtspConnection(url) as connection:
        eventually(lambda: connection.request("DESCRIBE", url).status == 404, "the path free again", 5)
