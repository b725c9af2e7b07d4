"""Totals are written whole, and only when they have changed."""

from pathlib import Path

import pytest

from router.status.saved import SavedTotals


def test_what_was_written_is_read_by_the_next_front(tmp_path: Path) -> None:
    path = tmp_path / "totals.json"
    saved = SavedTotals(path)
    assert saved.read() is None
    saved.write({"a": [1, 2]})
    assert SavedTotals(path).read() == {"a": [1, 2]}
    assert path.stat().st_mode & 0o777 == 0o600
    saved.remove()
    saved.remove()
    assert not list(tmp_path.iterdir())


def test_what_has_not_changed_is_not_written_again(tmp_path: Path) -> None:
    saved = SavedTotals(tmp_path / "totals.json")
    saved.write([1])
    inode = (tmp_path / "totals.json").stat().st_ino
    saved.write([1])
    assert (tmp_path / "totals.json").stat().st_ino == inode
    saved.write([2])
    assert saved.read() == [2]


def test_garbage_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "totals.json"
    path.write_text("{")
    assert SavedTotals(path).read() is None


def test_a_directory_that_is_gone_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    saved = SavedTotals(tmp_path / "gone" / "totals.json")
    saved.write([1])
    saved.write([1])
    assert caplog.text.count("totals can't be written") == 1
