"""A stream that a program writes, decoded by real players: each picture and each sound as it was."""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from router import ServerStream
from router.description import SessionDescription
from tests.conformance.test_server_stream import run
from tests.examples.stream import BEEP, SOUND, beep
from tests.support.clip import Clip
from tests.support.media import Program, probe, read
from tests.support.ports import udp_pair
from tests.support.streams import serving, until

PICTURES = 40
SOUNDS = 40


@asynccontextmanager
async def packets_of(clip: Clip, directory: Path) -> AsyncIterator[tuple[SessionDescription, list[socket.socket]]]:
    """Let FFmpeg send a clip's RTP in real time; gives its description, and a socket for each media."""
    pairs = [udp_pair("127.0.0.1"), udp_pair("127.0.0.1")]
    sdp = directory / "clip.sdp"
    command = ["ffmpeg", "-v", "error", "-re", "-i", str(clip.path), "-sdp_file", str(sdp)]
    for kind, (rtp, _) in zip(("v", "a"), pairs, strict=True):
        url = f"rtp://127.0.0.1:{rtp.getsockname()[1]}?pkt_size=1200"
        command += ["-map", f"0:{kind}", "-c", "copy", "-f", "rtp", url]
    try:
        with Program(command):
            await until(lambda: sdp.exists() and sdp.read_text().count("a=fmtp") == 2, "FFmpeg's description")
            yield SessionDescription.from_sdp(sdp.read_bytes()), [rtp for rtp, _ in pairs]
    finally:
        for each in (each for pair in pairs for each in pair):
            each.close()


def pass_on(source: socket.socket, stream: ServerStream, media: int) -> None:
    """Write all that has come, as one burst."""
    burst = []
    while True:
        try:
            burst.append(source.recv(2048))
        except BlockingIOError:
            break
    stream.write_packets_rtp(media, burst)


def test_every_player_decodes_what_a_program_writes(clip: Clip, tmp_path: Path) -> None:
    async def program() -> None:
        async with serving() as server, packets_of(clip, tmp_path) as (description, sources):
            loop = asyncio.get_running_loop()
            async with ServerStream(server, description, "/film") as stream:
                for media, source in enumerate(sources):
                    loop.add_reader(source, pass_on, source, stream, media)
                url = server.client_url + "/film"
                wanted = [(tool, transport) for tool in ("ffmpeg", "gst") for transport in ("udp", "tcp")]
                frames = await asyncio.gather(
                    *(
                        asyncio.to_thread(read, tool, url, transport, video=PICTURES, audio=SOUNDS)
                        for tool, transport in wanted
                    )
                )
                assert await asyncio.to_thread(probe, url) == ["aac", "h264"]
                for source in sources:
                    loop.remove_reader(source)
                for each in frames:
                    clip.check(each, video=PICTURES, audio=SOUNDS)

    run(program())


def test_a_player_ends_with_the_stream(clip: Clip, tmp_path: Path) -> None:
    async def program() -> None:
        async with serving() as server, packets_of(clip, tmp_path) as (description, sources):
            loop = asyncio.get_running_loop()
            async with ServerStream(server, description, "/film") as stream:
                for media, source in enumerate(sources):
                    loop.add_reader(source, pass_on, source, stream, media)
                url = server.client_url + "/film"
                player = ["ffmpeg", "-v", "error", "-rtsp_transport", "udp", "-i", url, "-f", "null", "-"]
                with Program(player) as program:
                    await until(lambda: stream.stats().readers == 1, "the player")
                    for source in sources:
                        loop.remove_reader(source)
                    stream.close()
                    await asyncio.to_thread(program.process.wait, 20)

    run(program())


def test_the_example_can_be_heard(clip: Clip) -> None:
    async def program() -> None:
        made: list[ServerStream] = []
        beeps = SessionDescription([SOUND], title="Beep")
        async with serving(lambda server: made.append(ServerStream(server, beeps, "/beep"))) as server:
            task = asyncio.create_task(beep(made[0]))
            command = ["ffmpeg", "-v", "error", "-i", server.client_url + "/beep", "-t", "0.5", "-f", "mulaw", "-"]
            done = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=30)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout) >= 3000
        assert set(done.stdout) <= set(BEEP)

    run(program())
