"""Files as streams, read by real players and compared by hashes of decoded frames."""

import asyncio
import itertools
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from router import FileStream, FileUnreadable, Server, StartError, StreamClosed
from tests.conformance.test_publish_file import check_steady, frame_times
from tests.support.clip import FRAME_MD5, Clip, Frames, frame_hashes
from tests.support.films import FRAMES_PER_S, make_film
from tests.support.media import need_media, read
from tests.support.ports import PortSlice
from tests.support.programs import run_program
from tests.support.reader import Reader
from tests.support.router import RouterProcess
from tests.support.rtp import parse_rtp
from tests.support.rtsp import RtspConnection
from tests.support.streams import serving, until
from tests.support.waiting import eventually

VIDEO_FRAMES = 30
AUDIO_FRAMES = 40
SHORT = FRAMES_PER_S
"""Pictures of a film of one second."""
PLAYERS = ("ffmpeg-udp", "ffmpeg-tcp", "gst-udp", "gst-tcp")
KINDS = {
    "ts": ("film.ts", "libx264", "aac"),
    "h265": ("film.mkv", "libx265", "libopus"),
    "vp8": ("film.webm", "libvpx", "libopus"),
    "vp9": ("vp9.webm", "libvpx-vp9", "libopus"),
    "mpeg4": ("film.avi", "mpeg4", "mp2"),
}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A film of each kind, of two seconds; and a short one."""
    need_media()
    directory = tmp_path_factory.mktemp("films")
    films = {kind: make_film(directory / name, *codecs, frames=50) for kind, (name, *codecs) in KINDS.items()}
    return films | {"short": make_film(directory / "short.mp4", frames=SHORT)}


@pytest.fixture(scope="module")
def serving_files(clip: Clip, films: dict[str, Path]) -> Iterator[RouterProcess]:
    """A router that serves the clip and all films, as the command line and the settings say it."""
    tables = {f"/{kind}": {"file": str(path), "loop": kind == "short"} for kind, path in films.items()}
    tables |= {f"/clip-{player}": {"file": str(clip.path)} for player in PLAYERS}
    with RouterProcess(settings={"files": tables}) as router:
        yield router


@pytest.mark.parametrize("player", PLAYERS)
def test_players_decode_what_is_in_the_file(serving_files: RouterProcess, clip: Clip, player: str) -> None:
    tool, transport = player.split("-")
    url = serving_files.read(f"/clip-{player}")
    # Somebody reads already: gst-launch 1.22 deadlocks, one time in ten, where two pads come at the very same moment,
    # and so they do where both tracks begin.
    with Reader(url, transport="tcp").start() as first:
        first.receive(10)
        frames = read(tool, url, transport, video=VIDEO_FRAMES, audio=AUDIO_FRAMES)
    clip.check(frames, video=VIDEO_FRAMES, audio=AUDIO_FRAMES)


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_are_sent_as_they_are(serving_files: RouterProcess, films: dict[str, Path], kind: str) -> None:
    whole = decoded(["-i", str(films[kind])])
    got = decoded(["-rtsp_transport", "tcp", "-i", serving_files.read(f"/{kind}")])
    assert len(got.video) >= len(whole.video) - 1
    start = whole.video.index(got.video[0])
    assert start <= 1
    assert got.video == whole.video[start : start + len(got.video)]
    assert len(got.audio) >= len(whole.audio) - 8


def decoded(source: list[str]) -> Frames:
    """Decode all of a source, to its end."""
    command = ["ffmpeg", "-v", "error", *source, *FRAME_MD5]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return frame_hashes(done.stdout.splitlines())


def test_a_loop_is_read_over_its_seams(serving_files: RouterProcess) -> None:
    check_steady(frame_times(serving_files.read("/short"), SHORT * 3))


def run(program: object) -> None:
    """Run a program that must come to its end, with no task left."""

    async def main() -> None:
        await asyncio.wait_for(program, 60)  # type: ignore[arg-type]  # a coroutine of any result
        await until(lambda: asyncio.all_tasks() == {asyncio.current_task()}, "the end of all tasks")

    asyncio.run(main())


def test_on_demand_it_begins_with_the_first_reader_and_stops_after_the_last(films: dict[str, Path]) -> None:
    async def program() -> None:
        async with serving() as server, FileStream(server, films["ts"], "/film", loop=True) as stream:
            await asyncio.sleep(0.2)
            assert stream.stats().packets == 0
            stamps = []
            for _ in range(2):
                reader = await asyncio.to_thread(Reader(f"{server.client_url}/film").start)
                with reader:
                    await asyncio.to_thread(reader.receive, 20)
                    stamps += [parse_rtp(each) for each in reader.tracks[0].packets]
                    await asyncio.to_thread(reader.teardown)
                await until(lambda: not stream.playing, "the reader's end")
                await asyncio.sleep(0.1)
                before = stream.stats().packets
                await asyncio.sleep(0.3)
                assert stream.stats().packets == before
            assert len({each.ssrc for each in stamps}) == 1
            steps = [(b.sequence - a.sequence) % 2**16 for a, b in itertools.pairwise(stamps)]
            assert min(steps) >= 1
            # What was read ahead of the first reader's end and not sent has no number: it would count as lost.
            assert sum(steps) < stream.stats().medias[0].packets

    run(program())


@pytest.mark.parametrize("rest_s", [0.1, 3.5])
def test_timestamps_stand_for_the_same_clock_over_a_rest(films: dict[str, Path], rest_s: float) -> None:
    """A reader's player must not jump because nobody had watched for a while."""

    async def program() -> None:
        async with serving() as server, FileStream(server, films["ts"], "/film", loop=True):
            seen = []
            for _ in range(2):
                reader = await asyncio.to_thread(Reader(f"{server.client_url}/film").start)
                with reader:
                    await asyncio.to_thread(reader.receive, 10)
                    seen.append((time.monotonic(), parse_rtp(reader.tracks[0].packets[-1]).timestamp))
                    await asyncio.to_thread(reader.teardown)
                await asyncio.sleep(rest_s)
            (left_at, left), (back_at, back) = seen
            assert back_at - left_at < rest_s + 2.5, "it begins at once, whatever had been read ahead"
            assert (back - left) % 2**32 / 90_000 == pytest.approx(back_at - left_at, abs=0.6)

    run(program())


def test_a_file_ends_and_its_readers_leave(films: dict[str, Path]) -> None:
    async def program() -> None:
        async with serving() as server:
            always = FileStream(server, films["short"], "/always", on_demand=False)
            wanted = FileStream(server, films["short"], "/wanted")
            await always.open()
            await wanted.open()
            for _ in range(2):
                reader = await asyncio.to_thread(Reader(f"{server.client_url}/wanted").start)
                with reader:
                    await until(lambda: wanted.playing == 1, "a reader")
                    await until(lambda: wanted.playing == 0, "the file's end")
            assert not wanted.closed
            await until(lambda: always.closed, "the file's end")
            with pytest.raises(StreamClosed):
                await always.drain()

    run(program())


def test_a_pause_holds_the_file(films: dict[str, Path]) -> None:
    async def program() -> None:
        async with serving() as server, FileStream(server, films["short"], "/film") as stream:
            reader = await asyncio.to_thread(Reader(f"{server.client_url}/film").start)
            with reader:
                await asyncio.to_thread(reader.receive, 3)
                await asyncio.to_thread(reader.pause)
                await until(lambda: not stream.playing, "the pause")
                await asyncio.sleep(1.5)
                assert stream.stats().readers == 1
                await asyncio.to_thread(reader.play)
                await until(lambda: stream.playing == 1, "the reader again")
                await until(lambda: stream.playing == 0, "the file's end")

    run(program())


def test_a_stream_made_before_the_server_starts_is_there_for_the_first_client(films: dict[str, Path]) -> None:
    async def program() -> None:
        def prepare(server: Server) -> None:
            FileStream(server, films["short"], "/film")

        async with serving(prepare) as server:
            url = f"{server.client_url}/film"

            def describe() -> int:
                with RtspConnection(url) as connection:
                    return connection.request("DESCRIBE", url).status

            assert await asyncio.to_thread(describe) == 200

    run(program())


def test_what_is_in_the_way_is_named(tmp_path: Path, films: dict[str, Path]) -> None:
    with pytest.raises(FileUnreadable, match="no such file"):
        FileStream(Server(publish_port=0, client_port=0), tmp_path / "none.mp4", "/film")
    with pytest.raises(StartError, match=r"/film can't be served: .*no such file"):
        Server(publish_port=0, client_port=0, files={"/film": {"file": str(tmp_path / "none.mp4")}})
    with pytest.raises(ValueError, match="which no URL has"):
        FileStream(Server(publish_port=0, client_port=0), films["short"], "film")


def test_a_file_that_is_gone_ends_its_stream(tmp_path: Path) -> None:
    path = make_film(tmp_path / "film.mp4", frames=SHORT)

    async def program() -> None:
        async with serving() as server, FileStream(server, path, "/film", loop=True) as stream:
            path.unlink()
            reader = await asyncio.to_thread(Reader(f"{server.client_url}/film").start)
            with reader:
                await until(lambda: stream.closed, "the stream's end")

    run(program())


def make_pictures(path: Path, source: str, *options: str) -> Path:
    need_media()
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc=s=160x120:{source}", *options, str(path)]
    subprocess.run(command, check=True)
    return path


def test_a_file_that_gives_no_packets_ends_its_stream_instead_of_being_read_for_ever(tmp_path: Path) -> None:
    # RTP has no room for Huffman tables of a picture's own (RFC 2435), and FFmpeg makes such by default.
    path = make_pictures(tmp_path / "picture.avi", "r=5:d=1", "-c:v", "mjpeg", "-huffman", "optimal")

    async def program() -> None:
        async with serving() as server, FileStream(server, path, "/film", loop=True, on_demand=False) as stream:
            await until(lambda: stream.closed, "the stream's end")
            assert stream.stats().packets == 0

    run(program())


def test_between_two_pictures_a_new_reader_begins_at_once_and_the_end_comes_at_once(tmp_path: Path) -> None:
    path = make_pictures(tmp_path / "slides.mp4", "r=1/60:d=180", "-c:v", "libx264", "-tune", "zerolatency")

    async def program() -> None:
        async with serving() as server, FileStream(server, path, "/slides") as stream:
            for _ in range(2):
                with await asyncio.to_thread(Reader(f"{server.client_url}/slides").start) as reader:
                    await asyncio.to_thread(reader.receive, 1)
                    await asyncio.to_thread(reader.teardown)
                    await until(lambda: not stream.stats().readers, "the reader's end")
            stays = await asyncio.to_thread(Reader(f"{server.client_url}/slides").start)
            await until(lambda: stream.playing, "a reader that stays")
        stays.close()

    run(program())  # with no task left


def test_serve_says_what_is_wrong_with_a_file_and_exits_1(tmp_path: Path) -> None:
    with PortSlice.claim() as ports:
        done = run_program(
            "serve", "--file", f"/film={tmp_path / 'none.mp4'}", "--runtime-dir", str(tmp_path / "run"),
            "--publish-port", "0", "--client-port", "0", "--rtp-port-start", str(ports.media_start),
        )  # fmt: skip
    assert done.returncode == 1
    assert "trunkline: /film can't be served" in done.stderr
    assert "no such file" in done.stderr


def played(url: str) -> bool:
    try:
        return len(frame_times(url, SHORT)) > SHORT // 2
    except subprocess.CalledProcessError:
        return False


def test_a_new_front_serves_its_files_again(films: dict[str, Path]) -> None:
    with RouterProcess(options=["--file", f"/film={films['short']}", "--loop"]) as router:
        check_steady(frame_times(router.read("/film"), SHORT * 2))
        os.kill(router.status()["front"]["pid"], signal.SIGKILL)
        eventually(lambda: played(router.read("/film")), "the film again", 30, interval_s=0.2)
