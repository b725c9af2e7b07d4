"""The packets in which real encoders' key frames begin are the ones that the router takes for access points."""

import contextlib
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.depacketise import frames_of
from tests.support.media import Program, need_media
from tests.support.waiting import Deadline
from workers.rtp.access_points import AccessPoints

FRAMES = 60
SOURCE = ("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25")
ENCODERS = {
    "H264": ("-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-bf", "2", "-x264-params", "slices=3"),
    "H264, open groups": ("-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-x264-params", "open-gop=1:bframes=2"),
    "H265": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=12:min-keyint=12:log-level=none"),
    "VP8": ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "12", "-b:v", "400k"),
    "VP9": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "12", "-b:v", "400k"),
}


def record(path: Path) -> list[bytes]:
    """Have a file sent as RTP, and catch it."""
    with contextlib.ExitStack() as stack:
        sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.2)
        url = f"rtp://127.0.0.1:{sock.getsockname()[1]}?rtcpport=9"
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-c", "copy", "-strict", "experimental", "-f", "rtp", url]
        program = stack.enter_context(Program(command))
        packets, deadline = list[bytes](), Deadline(20)
        while True:
            ended = program.process.poll() is not None
            try:
                packets.append(sock.recv(65_536))
            except TimeoutError:
                if ended:
                    return packets
                assert not deadline.passed, f"no end of {program.describe()}"


@pytest.mark.parametrize("name", ENCODERS)
def test_access_points_are_the_encoders_key_frames(name: str, tmp_path: Path) -> None:
    need_media()
    path = tmp_path / "clip.mkv"
    encode = ["ffmpeg", "-v", "error", *SOURCE, "-frames:v", str(FRAMES), *ENCODERS[name], str(path)]
    subprocess.run(encode, check=True, timeout=60)
    entries = ["-select_streams", "v", "-show_entries", "packet=flags", "-of", "csv=p=0"]
    probed = subprocess.run(["ffprobe", "-v", "error", *entries, str(path)], check=True, capture_output=True, text=True)
    expected = [index for index, flags in enumerate(probed.stdout.split()) if flags.startswith("K")]
    assert len(expected) >= FRAMES // 12

    points = AccessPoints({96: name.partition(",")[0]})
    frames = frames_of(record(path))
    assert len(frames) == FRAMES
    looks = [[points.look(packet)[1] for packet in frame] for frame in frames]
    assert [index for index, frame in enumerate(looks) if any(frame)] == expected
    # From its first such packet on a frame is whole: nothing that belongs to its pictures stands before it.
    assert all(frame[0] or name.startswith("H26") for frame in looks if any(frame))
