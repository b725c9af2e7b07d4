"""The README's programs, run as they are but for their ports, with real encoders and players."""

import itertools
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest

from tests.support.clip import Clip
from tests.support.films import FRAMES_PER_S, HEIGHT, WIDTH, make_film
from tests.support.media import Program, need_media, publish, read
from tests.support.ports import PortSlice
from tests.support.programs import ROOT, clean_environment
from tests.support.rtsp import RtspConnection
from tests.support.waiting import Deadline, eventually

EXAMPLES = ROOT / "tests/examples"
VIDEO_FRAMES, AUDIO_FRAMES = 30, 40
# Ports of the test's own: everything else is what the README shows.
RUNNER = """
import itertools, runpy, sys
import router
example, start, count, *sys.argv[1:] = sys.argv[1:]
slices = itertools.count()
real = router.Server
def on_other_ports(*arguments, **values):
    mine = int(start) + next(slices) * (int(count) // 2 & ~1)
    ports = {"publish_port": 0, "client_port": 0, "rtp_port_start": mine, "rtp_port_count": int(count) // 2 & ~1}
    return real(*arguments, **values | ports | {"host": "127.0.0.1", "workers": 1})
router.Server = on_other_ports
runpy.run_path(example, run_name="__main__")
"""


@contextmanager
def running(name: str, *arguments: str) -> Iterator[list[str]]:
    """Run an example; gives the URLs that it says when it is ready."""
    with PortSlice.claim() as ports:
        numbers = (str(ports.media_start), str(ports.media_count))
        command = [sys.executable, "-c", RUNNER, str(EXAMPLES / name), *numbers, *arguments]
        process = subprocess.Popen(command, cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE, text=True)
        with process:
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                assert line.startswith("ready rtsp://"), line
                yield line.split()[1:]
                assert process.poll() is None, "the example did not last"
            finally:
                process.terminate()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of two seconds."""
    need_media()
    return make_film(tmp_path_factory.mktemp("films") / "film.mp4", frames=50)


def status_of(url: str) -> int:
    """Ask for a description, without saying who asks."""
    with RtspConnection(url) as connection:
        return connection.request("DESCRIBE", url).status


def wait_described(url: str, encoder: Program) -> None:
    def described() -> bool:
        assert encoder.process.poll() is None, encoder.describe()
        return status_of(url) == 200

    eventually(described, f"a mount at {url}", 20, interval_s=0.1)


def pictures(url: str, count: int) -> list[av.VideoFrame]:
    """Decode so many pictures."""
    with av.open(url, options={"rtsp_transport": "tcp"}, timeout=20) as source:
        return list(itertools.islice(source.decode(video=0), count))


def test_relay(clip: Clip) -> None:
    with (
        running("relay.py") as (publish_url, client_url),
        publish("ffmpeg", clip, f"{publish_url}/camera", "udp") as encoder,
    ):
        wait_described(f"{client_url}/camera", encoder)
        for tool in ("ffmpeg", "gst"):
            clip.check(read(tool, f"{client_url}/camera", "udp", video=VIDEO_FRAMES), video=VIDEO_FRAMES)


def test_authentication(clip: Clip) -> None:
    with running("authentication.py") as (publish_url, client_url):
        camera = publish_url.replace("rtsp://", "rtsp://camera:secret@")
        anna = client_url.replace("rtsp://", "rtsp://anna:hidden@")
        with publish("ffmpeg", clip, f"{camera}/camera", "tcp") as encoder:
            eventually(lambda: played(f"{anna}/camera", encoder), "a reader who may", 20)
            assert status_of(f"{client_url}/camera") == 401
        for user in ("camera:wrong", "anna:hidden"):
            url = publish_url.replace("rtsp://", f"rtsp://{user}@")
            with publish("ffmpeg", clip, f"{url}/camera", "tcp") as encoder:
                assert encoder.process.wait(20) != 0


def played(url: str, encoder: Program) -> bool:
    assert encoder.process.poll() is None, encoder.describe()
    try:
        return len(pictures(url, 5)) == 5
    except av.FFmpegError:
        return False


def test_serve_file(clip: Clip) -> None:
    with running("serve_file.py", str(clip.path)) as (_, client_url):
        frames = read("ffmpeg", f"{client_url}/movie", "tcp", video=VIDEO_FRAMES, audio=AUDIO_FRAMES)
        clip.check(frames, video=VIDEO_FRAMES, audio=AUDIO_FRAMES)


def test_record(clip: Clip, tmp_path: Path) -> None:
    with running("record.py", str(tmp_path)) as (publish_url, client_url):
        with publish("ffmpeg", clip, f"{publish_url}/yard/camera", "tcp") as encoder:
            wait_described(f"{client_url}/yard/camera", encoder)
            recorded = tmp_path / "yard-camera.mkv"
            eventually(lambda: recorded.exists() and recorded.stat().st_size > 20_000, "a recording that grows", 20)
            encoder.interrupt()
        eventually(lambda: recorded_codecs(recorded) == ["aac", "h264"], "a whole recording", 20)
    with av.open(recorded) as file:
        assert len(list(file.decode(video=0))) >= VIDEO_FRAMES


def recorded_codecs(file: Path) -> list[str]:
    try:
        with av.open(file) as source:
            return sorted(each.codec_context.name for each in source.streams) if source.duration else []
    except av.FFmpegError:
        return []


def test_draw(film: Path) -> None:
    with running("draw.py") as (publish_url, client_url):
        command = [sys.executable, "-m", "router", "publish", str(film), f"{publish_url}/camera", "--loop"]
        with Program(command) as encoder:
            deadline, found = Deadline(30), list[av.VideoFrame]()
            while not found and not deadline.passed:
                assert encoder.process.poll() is None, encoder.describe()
                try:
                    found = pictures(f"{client_url}/drawn", FRAMES_PER_S)
                except av.FFmpegError:
                    continue
    assert {(each.width, each.height) for each in found} == {(WIDTH, HEIGHT)}
    bars = [bar_of(each) for each in found]
    assert len(set(bars)) > 5, f"the bar moves: {bars}"


def bar_of(picture: av.VideoFrame) -> int:
    """Find the first row that is all bright."""
    luma = picture.planes[0]
    data = bytes(luma)
    rows = [data[row * luma.line_size :][: picture.width] for row in range(picture.height)]
    return next((number for number, row in enumerate(rows) if min(row) > 200), -1)


def test_several_servers(clip: Clip) -> None:
    with (
        running("several_servers.py", str(clip.path)) as (publish_url, client_url, outside_url),
        publish("ffmpeg", clip, f"{publish_url}/gate", "udp") as encoder,
    ):
        wait_described(f"{client_url}/gate", encoder)
        assert status_of(f"{outside_url}/gate") == 404
        assert status_of(f"{client_url}/movie") == 404
        clip.check(read("ffmpeg", f"{outside_url}/movie", "udp", video=VIDEO_FRAMES), video=VIDEO_FRAMES)


@pytest.mark.parametrize("example", sorted(each.name for each in EXAMPLES.glob("*.py")))
def test_the_readme_shows_the_program_that_is_tested(example: str) -> None:
    text = (EXAMPLES / example).read_text()
    code = text.partition('"""\n\n')[2]
    assert f"```python\n{code}```" in (ROOT / "README.md").read_text(), f"put {example} into README.md as it is"
    assert not re.search(r"^\s*#.*noqa", text, re.MULTILINE)
