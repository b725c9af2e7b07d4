"""The directory where front and workers meet: whoever can write there can speak as one of them."""

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from socket import SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM
from typing import BinaryIO

from router.programs.process import start_time_of
from workers.contract.endpoints import Endpoints

LAUNCHER_LOCK = "launcher.lock"
"""The file that a launcher holds a lock on for as long as it lives, with its pid and start time inside."""
PROGRAMS = "programs.json"
"""The file in which a launcher notes what it runs, for the next one (see `launched`)."""

NOTICES = "notices"
"""The socket on which a launcher hears that its programs live (see `watchdog`)."""

TOTALS = "totals.json"
"""The file in which a front leaves what it has counted, for the next one (see `router.status.saved`)."""


class RuntimeDirError(Exception):
    """The runtime directory can't be used; the text says why and what helps."""


def prepare(path: Path) -> None:
    """Make the runtime directory, or make sure that it is this user's and nobody else's.

    Raises:
        RuntimeDirError: it can't be made, is someone else's, or is open to others and in use for other things.
    """
    os.close(_opened(path))


def _opened(path: Path) -> int:
    """Make the directory where it is missing, and give a descriptor of it: what is checked is what is used."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise _not_usable(path, error) from error
    try:
        found = os.fstat(directory)
        if found.st_uid != os.geteuid():
            raise RuntimeDirError(
                f"runtime directory {path} belongs to user {found.st_uid}, not to {os.geteuid()};"
                " choose another with --runtime-dir"
            )
        if found.st_mode & 0o077:
            _close_to_others(path, directory, found.st_mode)
    except BaseException as error:
        os.close(directory)
        if isinstance(error, OSError):
            raise _not_usable(path, error) from error
        raise
    return directory


def _not_usable(path: Path, error: OSError) -> RuntimeDirError:
    if path.is_symlink():
        # In /tmp anybody could have put a link there, to a directory that passes every check.
        return RuntimeDirError(f"runtime directory {path} is a symbolic link; name the directory itself")
    if isinstance(error, FileExistsError | NotADirectoryError):
        file = next(each for each in (path, *path.parents) if os.path.lexists(each))
        below = f" can't be made: {file}" if file != path else ""
        return RuntimeDirError(f"runtime directory {path}{below} is not a directory")
    return RuntimeDirError(
        f"runtime directory {path} can't be made or used ({error.strerror}); choose another with --runtime-dir"
    )


class OwnDirectory:
    """A front's hold on its runtime directory; one that is `temporary` is removed when it is let go of."""

    def __init__(self, path: Path, *, temporary: bool) -> None:
        self._path = path
        self._temporary = temporary
        self._lock = -1

    def hold(self) -> None:
        """Make the directory this front's alone: ZeroMQ binds over a live front's path without an error.

        Raises:
            RuntimeDirError: another front holds it or answers in it, or `prepare` does not like it.
        """
        endpoints = Endpoints(self._path)
        lock = _lock(self._path, endpoints.lock_path.name)
        if is_listened_on(endpoints.control_path) or is_listened_on(endpoints.descriptors_path, SOCK_SEQPACKET):
            os.close(lock)  # its lock file has been removed, by somebody who cleans up
            raise _anothers(self._path)
        self._lock = lock

    def restore(self) -> None:
        """Make directory and lock again where they were removed.

        Raises:
            RuntimeDirError: another front holds it by now, or it can't be made.
        """
        self._lock = _locked_again(self._lock, self._path, Endpoints(self._path).lock_path.name)

    def let_go(self) -> None:
        """Leave it to others, where it is held."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
            if self._temporary:
                shutil.rmtree(self._path, ignore_errors=True)


def temporary() -> Path:
    """Name a directory that nobody has; it is not made."""
    return Path(tempfile.gettempdir()) / f"trunkline-{os.getpid()}-{secrets.token_hex(4)}"


def hold_for_launcher(path: Path) -> int:
    """Make this process the directory's only launcher: two would start everything twice. Gives the descriptor that
    holds it until it is closed.

    Raises:
        RuntimeDirError: another launcher runs there, or `prepare` does not like it.
    """
    lock = _lock(path, LAUNCHER_LOCK)
    if is_listened_on(path / NOTICES, SOCK_DGRAM):
        os.close(lock)
        raise _anothers(path)
    _write_launcher(lock)
    return lock


class LauncherHold:
    """A launcher's hold on its runtime directory."""

    def __init__(self, path: Path) -> None:
        """Raises RuntimeDirError as `hold_for_launcher` does."""
        self._path = path
        self._lock = hold_for_launcher(path)

    def restore(self) -> None:
        """Make directory and lock again where they were removed.

        Raises:
            RuntimeDirError: another launcher holds it by now, or it can't be made.
        """
        before, self._lock = self._lock, _locked_again(self._lock, self._path, LAUNCHER_LOCK)
        if self._lock != before:
            _write_launcher(self._lock)

    def let_go(self) -> None:
        """Leave it to others."""
        os.close(self._lock)


def _write_launcher(lock: int) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()} {start_time_of(os.getpid())}\n".encode(), 0)


def launcher_pid(path: Path) -> int | None:
    """Find the launcher that runs in a directory; None where none does.

    It looks at the process and not at the lock: to try that would make a launcher fail that just takes it.
    """
    with contextlib.suppress(OSError, ValueError), _own_file(path / LAUNCHER_LOCK) as file:
        pid, started = map(int, file.read().split())
        if start_time_of(pid) == started:
            return pid
    return None


def is_listened_on(path: Path, kind: int = socket.SOCK_STREAM) -> bool:
    """Tell whether a process that lives has this Unix socket: a file alone is what a dead one left."""
    with socket.socket(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK) as asking:
        try:
            asking.connect(str(path))
        except BlockingIOError:  # it has no room for more
            return True
        except OSError:
            return False
        return True


def sweep(path: Path) -> None:
    """Remove the sockets of a front that was killed; a front that lives keeps its own."""
    endpoints = Endpoints(path)
    with contextlib.suppress(OSError), _own_file(endpoints.lock_path) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for file, kind in ((endpoints.control_path, SOCK_STREAM), (endpoints.descriptors_path, SOCK_SEQPACKET)):
            if not is_listened_on(file, kind):
                file.unlink(missing_ok=True)


@contextlib.contextmanager
def _own_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file of this directory to read it. Raises OSError, also for a link, and for the file of a user who is
    neither this one nor the directory's: an administrator may look after another user's router."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        if os.fstat(file.fileno()).st_uid not in (os.geteuid(), path.parent.stat().st_uid):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path))
        yield file


def _lock(path: Path, name: str) -> int:
    """Take the lock on a file of the directory, and give the descriptor that holds it.

    Raises:
        RuntimeDirError: somebody else has it, or the file is none that this user made.
    """
    directory = _opened(path)
    try:
        lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=directory)
    except OSError as error:
        raise RuntimeDirError(
            f"{path / name} can't be opened ({error.strerror}); remove it, or choose another with --runtime-dir"
        ) from error
    finally:
        os.close(directory)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise _anothers(path) from error
    if not _is_own(os.fstat(lock)):
        os.close(lock)
        raise RuntimeDirError(f"{path / name} is no file of this user's alone; remove it")
    return lock


def _locked_again(lock: int, path: Path, name: str) -> int:
    with contextlib.suppress(OSError):
        if os.path.samestat(os.lstat(path / name), os.fstat(lock)):
            return lock
    again = _lock(path, name)
    os.close(lock)
    return again


def _anothers(path: Path) -> RuntimeDirError:
    return RuntimeDirError(f"runtime directory {path} is another instance's. See --runtime-dir.")


def _is_own(found: os.stat_result) -> bool:
    """Tell whether a file was made here by this user: another can give it a name that leads to a file elsewhere."""
    ordinary = stat.S_ISREG(found.st_mode) or stat.S_ISSOCK(found.st_mode)
    return ordinary and found.st_uid == os.geteuid() and found.st_nlink == 1


def _close_to_others(path: Path, directory: int, mode: int) -> None:
    endpoints = Endpoints(path)
    ours = {endpoints.control_path.name, endpoints.descriptors_path.name, endpoints.lock_path.name}
    ours |= {LAUNCHER_LOCK, PROGRAMS, NOTICES, TOTALS}
    if not ours.issuperset(os.listdir(directory)):
        # Someone's /tmp or home directory: taking it from everybody else would break more than this router.
        raise RuntimeDirError(
            f"runtime directory {path} is open to others (mode {stat.S_IMODE(mode):04o}) and holds other files;"
            " choose one of its own with --runtime-dir"
        )
    os.fchmod(directory, 0o700)
    for name in os.listdir(directory):  # again: now nobody else can add to it
        if not _is_own(os.stat(name, dir_fd=directory, follow_symlinks=False)):
            if name not in ours:
                raise RuntimeDirError(f"{path / name} is another user's; remove it, or choose another directory")
            os.unlink(name, dir_fd=directory)
