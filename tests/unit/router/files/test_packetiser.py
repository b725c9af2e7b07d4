"""Packets of single frames: how long, how numbered, at which time."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import pytest

from router.files.errors import FileBroken
from router.files.media_file import FilePacket, MediaFile
from router.files.packetiser import PACKET_BYTES, Packetiser
from tests.support.films import make_film
from tests.support.rtp import parse_rtp


@pytest.fixture
def file(tmp_path: Path) -> Iterator[MediaFile]:
    with MediaFile(make_film(tmp_path / "film.mp4", frames=12, b="2M")) as file:
        yield file


def packetiser_of(file: MediaFile, stream: int, payload_type: int = 96) -> Packetiser:
    return Packetiser(file.streams[stream], payload_type, file.encodings[stream].extradata)


def frames_of(file: MediaFile, stream: int) -> Iterator[FilePacket]:
    return (each for each in file.packets() if each.stream == stream)


def test_a_picture_becomes_packets_of_one_time_whose_last_is_marked(file: MediaFile) -> None:
    packetiser = packetiser_of(file, 0, payload_type=111)
    sent = []
    for number, frame in enumerate(islice(frames_of(file, 0), 5)):
        packets, time = packetiser.packetise(frame.packet, Fraction(number, 25))
        assert time == Fraction(number, 25)
        parsed = [parse_rtp(each) for each in packets]
        assert len({each.timestamp for each in parsed}) == 1
        assert [each.marker for each in parsed] == [False] * (len(parsed) - 1) + [True]
        sent += parsed
        assert max(map(len, packets)) <= PACKET_BYTES
    assert {each.payload_type for each in sent} == {111}
    assert len({each.ssrc for each in sent}) == 1
    assert [(b.sequence - a.sequence) % 2**16 for a, b in pairwise(sent)] == [1] * (len(sent) - 1)
    packetiser.close()


def test_numbers_go_on_wherever_the_next_time_is(file: MediaFile) -> None:
    packetiser = packetiser_of(file, 0)
    frames = frames_of(file, 0)
    last: list[bytes] = []
    stamps = []
    for time in (Fraction(100), Fraction(0), Fraction(2**32, 90_000)):
        packets, told = packetiser.packetise(next(frames).packet, time)
        assert told == time
        stamps.append(parse_rtp(packets[0]).timestamp)
        if last:
            assert (parse_rtp(packets[0]).sequence - parse_rtp(last[-1]).sequence) % 2**16 == 1
        last = packets
    assert (stamps[0] - stamps[1]) % 2**32 == 9_000_000
    assert stamps[2] == stamps[1], "32 bits later"
    packetiser.close()


def test_sound_that_is_ready_a_frame_later_is_told_with_its_own_time(file: MediaFile) -> None:
    packetiser = packetiser_of(file, 1)
    frames = frames_of(file, 1)
    length = Fraction(1024, 48_000)
    first, time = packetiser.packetise(next(frames).packet, Fraction(0))
    assert len(first) == time == 0
    second, time = packetiser.packetise(next(frames).packet, length)
    assert len(second) == 1
    assert time == 0, "the packet has the first frame"
    packetiser.close()


def test_what_the_muxer_does_not_take_is_named_with_its_stream(tmp_path: Path) -> None:
    with (
        MediaFile(make_film(tmp_path / "film.mkv", None, "flac", frames=5)) as file,
        pytest.raises(FileBroken, match=r"^stream #0 can't be sent over RTP: "),
    ):
        Packetiser(file.streams[0], 96, b"")
