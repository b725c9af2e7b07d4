"""A file as it is opened: what is sent of it, what is left out, and what it can't be."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from router.description import H264, MPEG4Audio
from router.files.errors import FileBroken, FileUnreadable, UnsupportedCodec
from router.files.media_file import MediaFile
from tests.support.films import FRAMES_PER_S, make_film
from workers.contract.parts import MAX_TRACKS

FRAMES = 10


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("films") / "film.mp4", frames=FRAMES)


def remux(source: Path, target: Path, times: int = 1, *, attachment: bool = False) -> Path:
    """Copy the streams of a film, each so many times."""
    with av.open(source) as film, av.open(target, "w") as file:
        copies = {each.index: [file.add_stream_from_template(each) for _ in range(times)] for each in film.streams}
        if attachment:
            file.add_attachment("note.txt", "text/plain", b"note")
        for packet in film.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index][0]
                file.mux(packet)
    return target


def test_its_head_says_what_it_is(film: Path) -> None:
    with MediaFile(film) as file:
        assert [(each.kind, each.codec) for each in file.encodings] == [("video", "h264"), ("audio", "aac")]
        assert (file.encodings[1].sample_rate, file.encodings[1].channels) == (48_000, 1)
        assert file.duration_s == pytest.approx(FRAMES / FRAMES_PER_S, abs=0.05)
        assert not file.has_cuts


def test_frames_come_with_their_times_in_seconds(film: Path) -> None:
    with MediaFile(film) as file:
        pictures = [each for each in file.packets() if each.stream == 0]
    assert len(pictures) == FRAMES
    assert {each.duration for each in pictures} == {Fraction(1, FRAMES_PER_S)}
    shown = sorted(each.pts for each in pictures if each.pts is not None)
    assert [b - a for a, b in pairwise(shown)] == [Fraction(1, FRAMES_PER_S)] * (FRAMES - 1)


def test_it_is_described_with_its_name(film: Path, tmp_path: Path) -> None:
    odd = tmp_path / "Größe\n\x7f.mp4"
    odd.write_bytes(film.read_bytes())
    with MediaFile(odd) as file:
        encodings, description = file.describe()
    assert description.title == "Größe.mp4"
    found = description.find(H264)
    assert found is not None
    assert found[1].sps
    assert encodings == file.encodings


def test_sound_with_its_set_up_in_its_packets_is_described_and_sent_without_it(tmp_path: Path) -> None:
    with MediaFile(make_film(tmp_path / "film.ts", frames=FRAMES)) as file:
        assert file.has_cuts
        assert file.encodings[1].extradata == b""
        encodings, description = file.describe()
    assert encodings[1].extradata
    found = description.find(MPEG4Audio)
    assert found is not None
    assert found[1].config == encodings[1].extradata
    with MediaFile(file.path) as file:
        sound = next(bytes(each.packet) for each in file.packets() if each.stream == 1)
    assert sound[:2] != b"\xff\xf1", "no ADTS header"


@pytest.mark.parametrize("content", [b"", b"no media at all" * 100], ids=["empty", "text"])
def test_what_is_no_media_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    with pytest.raises(FileUnreadable, match=f"^{path}: it is no media that FFmpeg knows, or cut off"):
        MediaFile(path)


@pytest.mark.parametrize(
    ("name", "words"), [("nothing.mp4", "no such file"), ("", "no file"), ("rtsp://127.0.0.1:1/x", "no such file")]
)
def test_what_is_no_file_is_named(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(FileUnreadable, match=words):
        MediaFile(tmp_path / name if "//" not in name else Path(name))


def test_an_encoding_that_is_not_sent_is_named_with_its_stream(tmp_path: Path) -> None:
    with (
        MediaFile(make_film(tmp_path / "film.mkv", "libx264", "ac3", frames=FRAMES)) as file,
        pytest.raises(UnsupportedCodec, match=r"stream #1 \(audio, ac3\).*aac.*opus"),
    ):
        file.describe()


def test_other_streams_are_left_out(film: Path, tmp_path: Path) -> None:
    with MediaFile(remux(film, tmp_path / "film.mkv", attachment=True)) as file:
        assert [each.kind for each in file.describe()[1].medias] == ["video", "audio"]


def test_so_many_streams_and_no_more(film: Path, tmp_path: Path) -> None:
    with MediaFile(remux(film, tmp_path / "most.mkv", MAX_TRACKS // 2)) as file:
        assert len(file.streams) == MAX_TRACKS
    path = remux(film, tmp_path / "more.mkv", MAX_TRACKS // 2 + 1)
    with pytest.raises(FileUnreadable, match=f"has {MAX_TRACKS + 2} video and audio streams; {MAX_TRACKS} is the most"):
        MediaFile(path)


def test_a_file_that_is_cut_off_ends_there(tmp_path: Path) -> None:
    path = make_film(tmp_path / "film.mkv", "libx264", None, frames=50)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with MediaFile(path) as file:
        assert 0 < len(list(file.packets())) < 50


def test_what_ffmpeg_can_not_read_on_is_named(film: Path) -> None:
    with MediaFile(film) as file:

        def demux(streams: object) -> None:
            raise av.error.InvalidDataError(1, "Invalid data found")

        file._container = type("Broken", (), {"demux": staticmethod(demux), "close": lambda self: None})()
        with pytest.raises(FileBroken, match=rf"^{film}: Invalid data found"):
            list(file.packets())
