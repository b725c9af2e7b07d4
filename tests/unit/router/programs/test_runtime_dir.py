"""The runtime directory: made private, or refused."""

import fcntl
import os
import stat
from pathlib import Path

import pytest

from router.programs.runtime_dir import RuntimeDirError, prepare, sweep
from workers.contract.endpoints import Endpoints


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_with_its_parents(tmp_path: Path) -> None:
    prepare(tmp_path / "a" / "b")
    assert mode(tmp_path / "a" / "b") == 0o700
    prepare(tmp_path / "a" / "b")


def test_one_that_others_can_enter_is_closed_to_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    Endpoints(tmp_path).lock_path.touch()
    prepare(tmp_path)
    assert mode(tmp_path) == 0o700


def test_one_in_use_for_other_things_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    (tmp_path / "letter").touch()
    with pytest.raises(RuntimeDirError, match=r"open to others \(mode 1777\) and holds other files"):
        prepare(tmp_path)
    assert mode(tmp_path) == 0o1777


def test_somebody_elses_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(RuntimeDirError, match=f"belongs to user {tmp_path.stat().st_uid}"):
        prepare(tmp_path)


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(RuntimeDirError, match="symbolic link"):
        prepare(tmp_path / "link")


def test_what_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RuntimeDirError, match=r"runtime directory \S*/file is not a directory"):
        prepare(tmp_path / "file")
    with pytest.raises(RuntimeDirError, match=r"below can't be made: \S*/file is not a directory"):
        prepare(tmp_path / "file" / "below")


def test_one_that_cannot_be_made_is_named_with_a_way_out() -> None:
    with pytest.raises(
        RuntimeDirError, match=r"/proc/tl can't be made or used \(.*\); choose another with --runtime-dir"
    ):
        prepare(Path("/proc/tl"))


def test_the_sockets_of_a_dead_front_are_swept_away_and_those_of_a_live_one_are_not(tmp_path: Path) -> None:
    endpoints = Endpoints(tmp_path)
    sockets = (endpoints.control_path, endpoints.descriptors_path)
    for path in (*sockets, endpoints.lock_path):
        path.touch()
    with endpoints.lock_path.open() as front:
        fcntl.flock(front, fcntl.LOCK_EX)
        sweep(tmp_path)
        assert all(path.exists() for path in sockets)
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [endpoints.lock_path.name]


def test_where_there_was_no_front_there_is_nothing_to_sweep(tmp_path: Path) -> None:
    sweep(tmp_path / "missing")
