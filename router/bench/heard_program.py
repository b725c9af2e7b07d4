"""Programs that the benchmark starts: heard line by line, and never left behind."""

import contextlib
import select
import subprocess
from collections.abc import Mapping, Sequence

from router.programs import kinds


class HeardProgram:
    """One program, in a session of its own: a Ctrl-C is for the command, which ends it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        log: int | None = None,
        descriptors: Sequence[int] = (),
    ) -> None:
        self._process = subprocess.Popen(
            command,
            env=environment or kinds.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            bufsize=0,  # two lines in one read would hide the second from select
            pass_fds=descriptors,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def tell(self, line: bytes) -> None:
        self._stdin.write(line)

    def line(self, timeout_s: float) -> str | None:
        """Give the next line of its output, "" if it has ended, None if it says nothing for so long."""
        if not select.select([self._stdout], [], [], timeout_s)[0]:
            return None
        return self._stdout.readline().decode().strip()

    def terminate(self) -> None:
        """Tell it to end, or what SIGTERM means to it."""
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def end(self, timeout_s: float) -> bool:
        """Close its input and wait for its end; False where it had to be killed."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        try:
            self._process.wait(timeout_s)
            ended = True
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            ended = False
        self._stdout.close()
        return ended
