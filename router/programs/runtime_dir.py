"""The directory where front and workers meet: whoever can write there can speak as one of them."""

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from pathlib import Path

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
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            # In /tmp anybody could have put a link there, to a directory that passes every check below.
            raise RuntimeDirError(f"runtime directory {path} is a symbolic link; name the directory itself")
        if found.st_uid != os.geteuid():
            raise RuntimeDirError(
                f"runtime directory {path} belongs to user {found.st_uid}, not to {os.geteuid()};"
                " choose another with --runtime-dir"
            )
        if found.st_mode & 0o077:
            _close_to_others(path, found.st_mode)
    except (FileExistsError, NotADirectoryError) as error:
        file = next(each for each in (path, *path.parents) if os.path.lexists(each))
        below = f" can't be made: {file}" if file != path else ""
        raise RuntimeDirError(f"runtime directory {path}{below} is not a directory") from error
    except OSError as error:
        raise RuntimeDirError(
            f"runtime directory {path} can't be made or used ({error.strerror}); choose another with --runtime-dir"
        ) from error


def hold(path: Path) -> int:
    """Make the directory this front's alone: ZeroMQ binds over a live front's path without an error.

    Gives the descriptor that holds it until it is closed.

    Raises:
        RuntimeDirError: another front holds it, or `prepare` does not like it.
    """
    prepare(path)
    return _lock(path, Endpoints(path).lock_path)


class OwnDirectory:
    """A front's hold on its runtime directory; one that is `temporary` is removed when it is let go of."""

    def __init__(self, path: Path, *, temporary: bool) -> None:
        self._path = path
        self._temporary = temporary
        self._lock = -1

    def hold(self) -> None:
        """Make the directory this front's alone.

        Raises:
            RuntimeDirError: as `hold` says.
        """
        self._lock = hold(self._path)

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
    """Make this process the directory's only launcher: two would start everything twice. Gives a descriptor, as `hold`.

    Raises:
        RuntimeDirError: another launcher runs there, or `prepare` does not like it.
    """
    prepare(path)
    lock = _lock(path, path / LAUNCHER_LOCK)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()} {start_time_of(os.getpid())}\n".encode(), 0)
    return lock


def launcher_pid(path: Path) -> int | None:
    """Find the launcher that runs in a directory; None where none does.

    It looks at the process and not at the lock: to try that would make a launcher fail that just takes it.
    """
    with contextlib.suppress(OSError, ValueError):
        pid, started = map(int, (path / LAUNCHER_LOCK).read_bytes().split())
        if start_time_of(pid) == started:
            return pid
    return None


def _lock(path: Path, file: Path) -> int:
    lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise RuntimeDirError(f"runtime directory {path} is another instance's. See --runtime-dir.") from error
    return lock


def sweep(path: Path) -> None:
    """Remove the sockets of a front that was killed; a front that lives keeps its own."""
    endpoints = Endpoints(path)
    with contextlib.suppress(OSError), endpoints.lock_path.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        endpoints.control_path.unlink(missing_ok=True)
        endpoints.descriptors_path.unlink(missing_ok=True)


def _close_to_others(path: Path, mode: int) -> None:
    endpoints = Endpoints(path)
    ours = {endpoints.control_path, endpoints.descriptors_path, endpoints.lock_path}
    ours |= {path / name for name in (LAUNCHER_LOCK, PROGRAMS, NOTICES, TOTALS)}
    if not ours.issuperset(path.iterdir()):
        # Someone's /tmp or home directory: taking it from everybody else would break more than this router.
        raise RuntimeDirError(
            f"runtime directory {path} is open to others (mode {stat.S_IMODE(mode):04o}) and holds other files;"
            " choose one of its own with --runtime-dir"
        )
    path.chmod(0o700)
