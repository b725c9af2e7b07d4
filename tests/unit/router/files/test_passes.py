"""Passes of a file: one, many, and those that something is in the way of."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from router.files.errors import FileBroken, FileChanged, FileUnreadable
from router.files.media_file import FilePacket, MediaFile
from router.files.passes import Passes
from tests.support.films import FRAMES_PER_S, make_film

FRAMES = 10


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return make_film(tmp_path / "film.mp4", "libx264", None, frames=FRAMES)


def passes_of(path: Path) -> Passes:
    with MediaFile(path) as file:
        return Passes(file)


def break_after(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let reading fail after so many frames of each pass."""
    whole = MediaFile.packets

    def packets(self: MediaFile) -> Iterator[FilePacket]:
        yield from islice(whole(self), count)
        raise FileBroken(f"{self.path}: broken here")

    monkeypatch.setattr(MediaFile, "packets", packets)


def test_a_pass_has_each_frame_once_on_one_line(film: Path) -> None:
    passes = passes_of(film)
    placed = list(passes.frames())
    assert len(placed) == FRAMES
    assert passes.begun == 1
    assert [each.place.due for each in placed] == sorted(each.place.due for each in placed)
    assert float(passes.timeline.end(0)) == pytest.approx(FRAMES / FRAMES_PER_S)


def test_passes_follow_each_other_until_nobody_asks(film: Path) -> None:
    passes = passes_of(film)
    placed = list(islice(passes.frames(loop=True), 2 * FRAMES + 1))
    assert passes.begun == 3
    seam = placed[FRAMES].place.time - placed[0].place.time
    assert float(seam) == pytest.approx(FRAMES / FRAMES_PER_S)


def test_a_file_that_breaks_ends_where_it_is_read_once(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = passes_of(film)
    break_after(monkeypatch, 3)
    frames = passes.frames()
    assert len(list(islice(frames, 3))) == 3
    with pytest.raises(FileBroken, match="broken here"):
        next(frames)
    assert passes.begun == 1


def test_a_file_that_breaks_begins_anew_where_it_loops(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = passes_of(film)
    break_after(monkeypatch, 3)
    assert len(list(islice(passes.frames(loop=True), 7))) == 7
    assert passes.begun == 3


@pytest.mark.parametrize("loop", [False, True])
def test_a_file_without_a_frame_is_no_endless_loop(film: Path, monkeypatch: pytest.MonkeyPatch, loop: bool) -> None:
    passes = passes_of(film)
    monkeypatch.setattr(MediaFile, "packets", lambda self: iter(()))
    with pytest.raises(FileBroken, match=r"film\.mp4: it has no frames"):
        next(passes.frames(loop=loop))


def test_a_file_that_has_changed_is_named(film: Path) -> None:
    passes = passes_of(film)
    frames = passes.frames(loop=True)
    next(frames)
    make_film(film.with_name("other.mp4"), "libx264", "aac").rename(film)
    with pytest.raises(FileChanged, match=rf"{film}: it has other streams than when it was opened first"):
        for _ in frames:
            pass


def test_a_file_that_is_gone_is_named(film: Path) -> None:
    passes = passes_of(film)
    film.unlink()
    with pytest.raises(FileUnreadable, match=f"{film}: there is no such file"):
        next(passes.frames())


def test_sound_from_before_the_beginning_is_left_out(tmp_path: Path) -> None:
    """AAC's first frame only warms a decoder up."""
    path = make_film(tmp_path / "film.mp4", "libx264", "aac", frames=FRAMES)
    with MediaFile(path) as file:
        frames = [each for each in file.packets() if each.stream == 1]
        start = file.start
    early = [each for each in frames if each.pts is not None and each.pts + each.duration <= start]
    placed = [each for each in passes_of(path).frames() if each.frame.stream == 1]
    assert early
    assert len(placed) == len(frames) - len(early)
