"""Files as bursts of RTP packets: what comes of films whose frames are known."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import pytest

from router.description import H264, MPEG4Audio
from router.files.packetiser import PACKET_BYTES
from router.files.playback import MIXED_S, FramePackets, Playback, in_due_order
from tests.support.films import FRAMES_PER_S, make_film
from tests.support.rtp import parse_rtp

FRAMES = 30
LENGTH_S = FRAMES / FRAMES_PER_S


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("films") / "film.mp4", frames=FRAMES, bf="2")


def by_media(bursts: Iterable[FramePackets]) -> dict[int, list[FramePackets]]:
    found: dict[int, list[FramePackets]] = defaultdict(list)
    for each in bursts:
        found[each.media].append(each)
    return found


def until(bursts: Iterator[FramePackets], due: float) -> list[FramePackets]:
    found = []
    for each in bursts:
        if each.due >= due:
            break
        found.append(each)
    return found


def check_packets(bursts: Iterable[FramePackets], payload_type: int, clock_rate: int) -> None:
    """Sequence numbers without a gap, one SSRC, and timestamps that say what `time` says."""
    bursts = list(bursts)
    packets = [parse_rtp(packet) for burst in bursts for packet in burst.packets]
    for number, packet in enumerate(packets):
        assert packet.payload_type == payload_type
        assert packet.ssrc == packets[0].ssrc
        assert packet.sequence == (packets[0].sequence + number) % 2**16
    for burst in bursts:
        ticks = round((burst.time - bursts[0].time) * clock_rate)
        timestamp, first = (parse_rtp(each.packets[-1]).timestamp for each in (burst, bursts[0]))
        assert (timestamp - first - ticks + 1) % 2**32 <= 2, f"at {burst.time:.3f}"
    assert max(len(each) for burst in bursts for each in burst.packets) <= PACKET_BYTES


@pytest.mark.parametrize(
    ("name", "video", "audio"),
    [
        ("film.mp4", "libx264", "aac"),
        ("film.ts", "libx264", "aac"),
        ("film.mkv", "libx265", "libopus"),
        ("film.webm", "libvpx", "libopus"),
        ("film.webm", "libvpx-vp9", "libopus"),
        ("film.mp4", "libsvtav1", "aac"),
        ("film.avi", "mpeg4", "mp2"),
        ("film.mpg", "mpeg2video", "mp2"),
        ("film.mkv", "mjpeg", "pcm_s16be"),
        ("film.mov", "libx264", "pcm_mulaw"),
    ],
)
def test_every_frame_of_every_kind_comes_once(tmp_path: Path, name: str, video: str, audio: str) -> None:
    path = make_film(tmp_path / name, video, audio, frames=FRAMES)
    with av.open(path) as file:
        pictures = sum(1 for packet in file.demux(video=0) if packet.size)
    with Playback(path) as playback:
        found = by_media(playback.bursts())
        for media, each in enumerate(playback.description.medias):
            check_packets(found[media], each.formats[0].payload_type, each.formats[0].clock_rate)
    assert len({burst.time for burst in found[0]}) == pictures
    assert found[1][-1].time - found[1][0].time == pytest.approx(LENGTH_S, abs=0.08)


def test_the_description_is_the_files(film: Path) -> None:
    with Playback(film) as playback:
        description = playback.description
        assert description.title == "film.mp4"
        found = description.find(H264)
        assert found is not None
        assert found[1].sps
        assert found[1].pps
        sound = description.find(MPEG4Audio)
        assert sound is not None
        assert sound[1].config


def test_the_last_frame_of_sound_comes_too(film: Path) -> None:
    """FFmpeg's muxer holds each AAC frame until the next one comes."""
    with av.open(film) as file:
        sound = [packet for packet in file.demux(audio=0) if packet.size]
        end = max(float(packet.pts * packet.time_base) for packet in sound if packet.pts is not None)
    with Playback(film) as playback:
        assert by_media(playback.bursts())[1][-1].time == pytest.approx(end, abs=0.001)


def test_loops_go_on_without_a_jump(film: Path) -> None:
    with Playback(film) as playback:
        found = by_media(until(playback.bursts(loop=True), LENGTH_S * 4))
        check_packets(found[0], 96, 90_000)
        check_packets(found[1], 97, 48_000)
    shown = sorted(each.time for each in found[0])[:-4]  # those after it were cut off with pictures in between
    assert [b - a for a, b in pairwise(shown)] == pytest.approx([1 / FRAMES_PER_S] * (len(shown) - 1))
    dues = [each.due for each in found[1]]
    assert dues == sorted(dues)
    assert max(b - a for a, b in pairwise(dues)) < 0.05


def test_playing_again_goes_on_where_it_stopped(film: Path) -> None:
    with Playback(film) as playback:
        first = by_media(islice(playback.bursts(), 20))
        again = by_media(islice(playback.bursts(), 20))
        for media, clock_rate in enumerate((90_000, 48_000)):
            check_packets(first[media] + again[media], 96 + media, clock_rate)


def test_timestamps_pass_the_32_bits(film: Path) -> None:
    with Playback(film) as playback:
        next(iter(playback.bursts()))
        for each in playback._passes.timeline._tracks:
            each.end = Fraction(2**32 - 90_000, 90_000)
        check_packets(by_media(until(playback.bursts(), 2**33))[0], 96, 90_000)


def test_bursts_of_different_medias_come_in_the_order_in_which_they_are_due() -> None:
    def bursts() -> Iterator[FramePackets]:
        for number in range(100):
            yield FramePackets(0, number * 0.1, 0, [])
            if number % 5 == 4:
                yield from (FramePackets(1, (number - back) * 0.1, 0, []) for back in range(4, -1, -1))

    dues = [each.due for each in in_due_order(bursts())]
    assert len(dues) == 200
    assert dues == sorted(dues)


def test_no_more_waits_than_files_are_apart() -> None:
    taken = 0

    def bursts() -> Iterator[FramePackets]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield FramePackets(0, number * 0.1, 0, [])

    next(in_due_order(bursts()))
    assert taken <= MIXED_S / 0.1 + 2
