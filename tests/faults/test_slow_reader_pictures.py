"""A reader over TCP that falls behind a real encoder and comes back: every picture that it decodes is the encoder's."""

import itertools
import subprocess
from pathlib import Path

import pytest

from tests.support.depacketise import frames_of, h264_stream, parameter_sets
from tests.support.media import Program, need_media
from tests.support.reader import Reader, receive_all
from tests.support.router import StartRouter
from tests.support.rtp import parse_rtp
from tests.support.rtsp import RtspConnection

EPISODES = 2
MISSED_PACKETS = 500
"""Of 1,400 bytes: several times what the queue and the kernel's buffers hold for a reader that does not read."""
IN_STEP_PACKETS = 60
"""Four pictures."""
HASHES = ("-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "framemd5", "-")


def hashes(*source: str, stream: bytes | None = None) -> list[str]:
    """Decode, and give each picture's hash; anything that is wrong in the stream is an error."""
    command = ["ffmpeg", "-v", "error", "-xerror", "-err_detect", "explode", *source, *HASHES]
    done = subprocess.run(command, input=stream, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert not done.stderr, done.stderr.decode()[-2000:]
    return [line.rpartition(b",")[2].decode() for line in done.stdout.splitlines() if not line.startswith(b"#")]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of several slices that are all different, of 4 Mbit/s, with a key frame in every half second."""
    need_media()
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    source = "testsrc2=s=640x480:r=25,noise=alls=20:allf=t:all_seed=1"
    options = ["-preset", "ultrafast", "-g", "12", "-x264-params", "slices=3", "-b:v", "4M", "-maxrate", "4M"]
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-t", "20", "-c:v", "libx264", *options]
    subprocess.run([*command, "-bufsize", "1M", "-pix_fmt", "yuv420p", str(path)], check=True, timeout=100)
    return path


def test_a_reader_that_falls_behind_decodes_whole_pictures_only(
    start_router: StartRouter, path: str, film: Path
) -> None:
    router = start_router(workers=1, settings={"write_queue_bytes": 65_536})
    publish = ["-re", "-i", str(film), "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", router.publish(path)]
    with Program(["ffmpeg", "-v", "warning", *publish]):
        router.wait_until(lambda status: any(each["state"] == "live" for each in status["mounts"]), "a publisher")
        url = router.read(path)
        with (
            Reader(url, transport="tcp", connection=RtspConnection(url, receive_buffer_bytes=4096)).start() as sleepy,
            Reader(url, transport="tcp").start() as over_tcp,
            Reader(url, transport="udp").start() as over_udp,
        ):
            fine = [over_tcp, over_udp]
            for _ in range(EPISODES):
                far_ahead = len(over_tcp.tracks[0].packets) + MISSED_PACKETS
                for each in fine:
                    each.receive(far_ahead, 15)
                receive_all([*fine, sleepy], lambda: in_step(sleepy, over_tcp), 15)
            assert sleepy.connection.session is not None
            told = [line for line in router.log.splitlines() if sleepy.connection.session in line]
            description = sleepy.description
            assert description is not None
            got = sleepy.tracks[0].packets
            for reader in fine:
                assert has_no_gap(reader.tracks[0].packets)
            router.wait_until(lambda status: status["workers"][0]["drops"]["awaiting_access_point"], "a counted gap")
    assert len(told) >= 3
    assert any("reader too slow" in line and path in line and "peer=127.0.0.1:" in line for line in told)
    assert any("keeps up again" in line and "packets=" in line and "for_s=" in line for line in told)
    check_pictures(got, parameter_sets(description.medias[0]), film)


def in_step(sleepy: Reader, fine: Reader) -> bool:
    """What this reader got last, a few pictures, is what the other got last too."""
    latest = sleepy.tracks[0].packets[-IN_STEP_PACKETS:]
    start = len(fine.tracks[0].packets) - 2 * IN_STEP_PACKETS
    return latest[0] in fine.tracks[0].packets[start:] and has_no_gap(latest)


def has_no_gap(packets: list[bytes]) -> bool:
    numbers = [parse_rtp(packet).sequence for packet in packets]
    return all((later - earlier) & 0xFFFF == 1 for earlier, later in itertools.pairwise(numbers))


def check_pictures(got: list[bytes], sets: bytes, film: Path) -> None:
    """All frames but the last are whole, there are gaps between them, and all decode to pictures of the film."""
    frames = frames_of(got)[:-1]
    gaps = 0
    while not any(packet[12] & 0x1F == 5 or packet[12:14] == b"\x7c\x85" for packet in frames[0]):
        del frames[0]  # it joined between two key frames
    for index, frame in enumerate(frames):
        numbers = [parse_rtp(packet).sequence for packet in frame]
        assert [(each - numbers[0]) & 0xFFFF for each in numbers] == list(range(len(frame))), (
            f"frame {index} has a hole"
        )
        assert parse_rtp(frame[-1]).marker, f"frame {index} has no end"
        if index:
            gaps += (numbers[0] - parse_rtp(frames[index - 1][-1]).sequence) & 0xFFFF != 1
    assert gaps >= EPISODES
    stream = sets + h264_stream([packet for frame in frames for packet in frame])
    decoded = hashes("-f", "h264", "-i", "-", stream=stream)
    assert len(decoded) == len(frames)
    assert set(decoded) <= set(hashes("-i", str(film)))
