"""The runtime directory: made private, or refused."""

import fcntl
import os
import shutil
import socket
import stat
from pathlib import Path

import pytest

from router.programs.process import start_time_of
from router.programs.runtime_dir import (
    LAUNCHER_LOCK,
    NOTICES,
    LauncherHold,
    OwnDirectory,
    RuntimeDirError,
    hold_for_launcher,
    launcher_pid,
    prepare,
    sweep,
)
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


@pytest.mark.parametrize("name", [LAUNCHER_LOCK, "front.lock"])
@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_nothing_is_opened_through_a_link(tmp_path: Path, name: str, kind: str) -> None:
    precious, directory = tmp_path / "precious", tmp_path / "run"
    precious.write_text("all that I have")
    directory.mkdir(mode=0o700)
    if kind == "symbolic":
        (directory / name).symlink_to(precious)
    else:
        (directory / name).hardlink_to(precious)
    hold = LauncherHold if name == LAUNCHER_LOCK else lambda path: OwnDirectory(path, temporary=False).hold()
    with pytest.raises(RuntimeDirError, match=name):
        hold(directory)
    assert launcher_pid(directory) is None
    assert precious.read_text() == "all that I have"


@pytest.mark.parametrize("kind", ["symbolic", "hard", "another user's"])
def test_what_others_planted_in_an_open_directory_is_removed(tmp_path: Path, kind: str) -> None:
    precious, directory = tmp_path / "precious", tmp_path / "run"
    precious.write_text("all that I have")
    directory.mkdir(mode=0o777)
    directory.chmod(0o777)
    planted = directory / LAUNCHER_LOCK
    if kind == "symbolic":
        planted.symlink_to(precious)
    elif kind == "hard":
        planted.hardlink_to(precious)
    elif os.geteuid() == 0:
        planted.write_text("1 1")
        os.chown(planted, 65534, 65534)
    else:
        pytest.skip("only root can give a file to somebody else")
    own = directory / "programs.json"
    own.write_text("{}")
    os.close(hold_for_launcher(directory))
    assert mode(directory) == 0o700
    assert own.read_text() == "{}"
    assert (planted.lstat().st_uid, planted.lstat().st_nlink, planted.is_symlink()) == (os.geteuid(), 1, False)
    assert precious.read_text() == "all that I have"


def test_a_pid_that_another_user_wrote_is_nobodys(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to somebody else")
    os.close(hold_for_launcher(tmp_path))
    assert launcher_pid(tmp_path) == os.getpid()
    os.chown(tmp_path / LAUNCHER_LOCK, 65534, 65534)
    assert launcher_pid(tmp_path) is None


def test_a_front_that_lives_keeps_its_directory_without_its_lock_file(tmp_path: Path) -> None:
    for path, kind in (
        (Endpoints(tmp_path).control_path, socket.SOCK_STREAM),
        (Endpoints(tmp_path).descriptors_path, socket.SOCK_SEQPACKET),
    ):
        with socket.socket(socket.AF_UNIX, kind) as front:
            front.bind(str(path))
            front.listen()
            with pytest.raises(RuntimeDirError, match="another instance's"):
                OwnDirectory(tmp_path, temporary=False).hold()
            sweep(tmp_path)
            assert path.exists()
        second = OwnDirectory(tmp_path, temporary=False)
        second.hold()  # what a dead one left is in nobody's way
        second.let_go()
        sweep(tmp_path)
        assert not path.exists()


def test_a_launcher_that_lives_keeps_its_directory_without_its_lock_file(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(str(tmp_path / NOTICES))
        with pytest.raises(RuntimeDirError, match="another instance's"):
            hold_for_launcher(tmp_path)
    os.close(hold_for_launcher(tmp_path))


@pytest.mark.parametrize("gone", ["file", "directory"])
def test_a_hold_is_restored(tmp_path: Path, gone: str) -> None:
    directory = tmp_path / "run"
    front, launcher = OwnDirectory(directory, temporary=False), LauncherHold(directory)
    front.hold()
    if gone == "file":
        Endpoints(directory).lock_path.unlink()
        (directory / LAUNCHER_LOCK).unlink()
    else:
        shutil.rmtree(directory)
    for _ in range(2):
        front.restore()
        launcher.restore()
    assert launcher_pid(directory) == os.getpid()
    with pytest.raises(RuntimeDirError, match="another instance's"):
        OwnDirectory(directory, temporary=False).hold()
    with pytest.raises(RuntimeDirError, match="another instance's"):
        LauncherHold(directory)
    front.let_go()
    launcher.let_go()
    LauncherHold(directory).let_go()


def test_a_hold_that_another_took_is_not_restored(tmp_path: Path) -> None:
    first, second = OwnDirectory(tmp_path, temporary=False), OwnDirectory(tmp_path, temporary=False)
    first.hold()
    Endpoints(tmp_path).lock_path.unlink()
    second.hold()
    with pytest.raises(RuntimeDirError, match="another instance's"):
        first.restore()
    second.let_go()
    first.restore()
    first.let_go()


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_an_administrator_finds_another_users_launcher_and_believes_no_third(tmp_path: Path) -> None:
    lock = tmp_path / LAUNCHER_LOCK
    lock.write_text(f"{os.getpid()} {start_time_of(os.getpid())}\n")
    os.chown(tmp_path, 65534, 65534)
    os.chown(lock, 65534, 65534)
    assert launcher_pid(tmp_path) == os.getpid()
    os.chown(lock, 65533, 65533)
    assert launcher_pid(tmp_path) is None
