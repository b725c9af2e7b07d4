"""`trunkline publish`: files to Trunkline itself and to another RTSP server, compared by decoded frames."""

import itertools
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.test_media_matrix import wait_described
from tests.support.clip import Clip
from tests.support.films import FRAMES_PER_S, make_film
from tests.support.media import Program, need_media, read
from tests.support.programs import run_program
from tests.support.publisher import Publisher
from tests.support.router import RouterProcess, StartRouter
from tests.support.rtsp import RtspConnection
from tests.support.waiting import eventually

VIDEO_FRAMES = 30
AUDIO_FRAMES = 40


def publishing(path: Path, url: str, *options: str) -> Program:
    """Start `trunkline publish`."""
    return Program([sys.executable, "-m", "router", "publish", str(path), url, *options])


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of one second."""
    need_media()
    return make_film(tmp_path_factory.mktemp("films") / "film.mp4", frames=FRAMES_PER_S)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_readers_decode_what_is_in_the_file(router: RouterProcess, clip: Clip, path: str, transport: str) -> None:
    with publishing(clip.path, router.publish(path), "--transport", transport) as program:
        wait_described(router.read(path), program)
        for tool in ("ffmpeg", "gst"):
            frames = read(tool, router.read(path), transport, video=VIDEO_FRAMES, audio=AUDIO_FRAMES)
            clip.check(frames, video=VIDEO_FRAMES, audio=AUDIO_FRAMES)
        assert program.interrupt() == 0
        assert " of 60.0 s, " in program.errors
    with RtspConnection(router.read(path)) as connection:
        eventually(lambda: connection.request("DESCRIBE", router.read(path)).status == 404, "the path free again", 5)


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_a_loop_is_read_over_its_seams(router: RouterProcess, tmp_path: Path, path: str, kind: str) -> None:
    """Matroska has no decoding times: those of the first of pictures that are out of order stay unknown."""
    film = make_film(tmp_path / f"film.{kind}", frames=FRAMES_PER_S)
    with publishing(film, router.publish(path), "--loop") as program:
        wait_described(router.read(path), program)
        stamps = frame_times(router.read(path), FRAMES_PER_S * 3)
    check_steady(stamps)


def frame_times(url: str, count: int) -> list[float]:
    """Read the presentation times of so many pictures."""
    command = [
        "ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-select_streams", "v", "-show_entries", "packet=pts_time",
        "-read_intervals", f"%+#{count}", "-of", "csv=p=0", url,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=40, check=True)
    lines = [line.strip(",") for line in done.stdout.split()]
    assert len(lines) == count, f"{url} ended after {len(lines)} of {count} pictures"
    return [float(line) for line in lines if line != "N/A"]  # ffmpeg has no time for the packets of its probe


def check_steady(stamps: list[float]) -> None:
    """Assert that pictures follow each other without a jump, at their rate."""
    shown = sorted(stamps)[4:-4]  # at both ends, pictures in between are cut off
    steps = [b - a for a, b in itertools.pairwise(shown)]
    assert max(steps) == pytest.approx(1 / FRAMES_PER_S, abs=0.005)
    assert min(steps) == pytest.approx(1 / FRAMES_PER_S, abs=0.005)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_another_server_takes_it_too(film: Path, tmp_path: Path, transport: str) -> None:
    """ffmpeg itself, which listens for one publisher."""
    frames = tmp_path / "frames"
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"rtsp://127.0.0.1:{free.getsockname()[1]}/film"
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-rtsp_flags",
        "listen",
        "-i",
        url,
        "-map",
        "0:v",
        "-f",
        "framemd5",
        str(frames),
    ]
    with Program(command) as server:

        def published() -> bool:
            assert server.process.poll() is None, server.describe()
            done = run_program("publish", str(film), url, "--transport", transport)
            assert "refused" in done.stderr or done.returncode == 0, done.stderr
            return done.returncode == 0

        eventually(published, "a publication to ffmpeg", 20, interval_s=0.2)
        assert server.process.wait(20) == 0
    assert len([line for line in frames.read_text().splitlines() if line[0] != "#"]) == FRAMES_PER_S


def test_its_end_is_told_and_exits_0(router: RouterProcess, film: Path, path: str) -> None:
    done = run_program("publish", str(film), router.publish(path))
    assert done.returncode == 0
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith("trunkline: 1.0 of 1.0 s, ")
    assert "frames" in last
    assert "kbit/s" in last


def test_credentials_are_used_and_never_shown(start_router: StartRouter, film: Path) -> None:
    router = start_router(settings={"auth": {"publish_users": {"anna": "secret"}}})
    url = router.publish("/film")
    done = run_program("publish", str(film), url.replace("rtsp://", "rtsp://anna:secret@"))
    assert done.returncode == 0, done.stderr
    assert "secret" not in done.stderr
    refused = run_program("publish", str(film), url.replace("rtsp://", "rtsp://anna:wrong@"))
    assert refused.returncode == 1
    assert "(401)" in refused.stderr
    assert "wrong" not in refused.stderr


def test_what_is_in_the_way_is_named(start_router: StartRouter, film: Path, tmp_path: Path) -> None:
    router = start_router(settings={"publish_conflict": "reject"})
    with Publisher(router.publish("/taken")).start() as publisher:
        publisher.send(1)
        taken = run_program("publish", str(film), router.publish("/taken"))
        assert (taken.returncode, "is being published by another client" in taken.stderr) == (1, True), taken.stderr
        publisher.teardown()
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = f"rtsp://127.0.0.1:{free.getsockname()[1]}/film"
    for arguments, status, words in [
        ((str(film), closed), 1, "nobody listens there"),
        ((str(film), "rtsp://nowhere.invalid/film"), 1, "has no address"),
        ((str(film), router.read("/film")), 1, "it refuses ANNOUNCE: 405 (Method Not Allowed: ANNOUNCE belongs on"),
        ((str(tmp_path / "none.mp4"), closed), 1, "no such file"),
        ((str(tmp_path), closed), 1, "it is no file"),
        ((__file__, closed), 1, "no media that FFmpeg knows"),
        ((str(film), "http://127.0.0.1/film"), 2, "rtsp://"),
        ((str(film), closed, "--transport", "smoke"), 2, "tcp or udp"),
    ]:
        done = run_program("publish", *arguments)
        assert (done.returncode, words in done.stderr) == (status, True), done.stderr
        assert "Traceback" not in done.stderr


def test_a_server_that_dies_is_named(start_router: StartRouter, film: Path) -> None:
    router = start_router()
    with publishing(film, router.publish("/film"), "--loop") as program:
        wait_described(router.read("/film"), program)
        router.stop()
        assert program.process.wait(15) == 1, program.describe()
        assert "rtsp://" in program.errors.splitlines()[-1]
        assert "Traceback" not in program.errors
