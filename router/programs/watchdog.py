"""What a launcher hears from its programs, by systemd's protocol (sd_notify(3)): that they listen, and that they live.

The socket has its name in the runtime directory, so that programs go on telling the next launcher.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

from router.logs import get_logger
from router.programs.process import Program, Running

log = get_logger(__name__)

LOOK_S = 2.0
"""How often signs of life are looked at."""
LONGEST_NOTICE = 4096
_CREDENTIALS = struct.Struct("3i")
"""`struct ucred` (unix(7)): pid, uid, gid, as the kernel vouches for them."""


class Watchdog:
    """Kills what tells no sign of life for too long; whoever started it starts it again.

    A program is watched from its first notice on: until then it may be importing the user's code for a while.
    """

    def __init__(
        self,
        path: Path,
        running: Callable[[], Iterable[tuple[Program, Running]]],
        on_ready: Callable[[int], None],
    ) -> None:
        """`on_ready` is told the pid of a program that says it listens."""
        self._path = path
        self._running = running
        self._on_ready = on_ready
        self._heard: dict[int, float] = {}
        self._socket: socket.socket | None = None
        self._task: asyncio.Task[None] | None = None

    def environment(self, watchdog_s: float) -> dict[str, str]:
        """Give the variables by which a program knows that it is watched."""
        return {"NOTIFY_SOCKET": str(self._path), "WATCHDOG_USEC": str(round(watchdog_s * 1e6))}

    def start(self, found: Iterable[int] = ()) -> None:
        """Begin to listen. What was `found` running is watched at once. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._heard = dict.fromkeys(found, loop.time())
        self._socket = self._listen()
        self._task = loop.create_task(self._watch())

    def listen_again(self) -> None:
        """Give the socket its name again where somebody has removed it. Raises OSError."""
        if self._socket is not None and not self._path.exists():
            before, self._socket = self._socket, self._listen()
            loop = asyncio.get_running_loop()
            loop.remove_reader(before)
            before.close()
            self._heard = dict.fromkeys(self._heard, loop.time())  # what was told meanwhile is lost

    def _listen(self) -> socket.socket:
        self._path.unlink(missing_ok=True)  # a launcher's that was killed
        notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            notices.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            notices.bind(str(self._path))
        except OSError:
            notices.close()
            raise
        asyncio.get_running_loop().add_reader(notices, self._hear, notices)
        return notices

    def close(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._path.unlink(missing_ok=True)

    def _hear(self, notices: socket.socket) -> None:
        now = asyncio.get_running_loop().time()
        with contextlib.suppress(BlockingIOError):
            while True:
                text, controls, _, _ = notices.recvmsg(LONGEST_NOTICE, socket.CMSG_SPACE(_CREDENTIALS.size))
                pid = _CREDENTIALS.unpack(controls[0][2])[0]
                self._heard[pid] = now
                if b"READY=1" in text.split(b"\n"):
                    self._on_ready(pid)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        looked = loop.time()
        while True:
            await asyncio.sleep(LOOK_S)
            late_s, looked = loop.time() - looked - LOOK_S, loop.time()
            assert self._socket is not None
            self._hear(self._socket)
            running = {each.pid: (program, each) for program, each in self._running()}
            self._heard = {pid: heard for pid, heard in self._heard.items() if pid in running}
            if late_s > LOOK_S:  # this process stood still itself: what others told meanwhile may be lost
                self._heard = dict.fromkeys(self._heard, looked)
            for pid, heard in self._heard.items():
                (program, process), silent_s = running[pid], looked - heard
                if silent_s > program.watchdog_s:
                    log.error("program hangs, and is killed", name=program.name, pid=pid, silent_s=round(silent_s))
                    process.kill()
