"""The real router as a process: started, asked, and stopped with proof that nothing of it is left."""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.ports import PortSlice, listening, ownerless_udp_ports
from tests.support.processes import alive, descriptors, processes_with
from tests.support.programs import ROOT, Status, ask_status, run_program, to_toml
from tests.support.programs import clean_environment as clean_environment  # the benchmarks look for it here
from tests.support.rtsp import resolve
from tests.support.waiting import Deadline, eventually

READY = re.compile(r"trunkline ready publish=(\S+) client=(\S+) workers=(\d+) runtime=(\S+)")
START_TIMEOUT_S = 30.0
"""A cold start of all programs with both cores taken by other tests."""
STOP_TIMEOUT_S = 15.0

HURRIED: dict[str, Any] = {
    "session_timeout_s": 2,
    "handshake_timeout_s": 2,
    "publish_timeout_s": 3,
    "publish_start_timeout_s": 4,
    "stale_after_s": 1,
    "heartbeat_interval_s": 0.2,
    "port_rest_s": 0.5,
}
"""Short enough to wait for, long enough that busy cores don't bring one about."""

NOBODY = 65_534
_MAY = "-all,+dac_read_search"
"""Nobody may read the checkout and Python, also in root's own directory, and nothing else."""
AS_NOBODY = (
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
    f"--inh-caps={_MAY}", f"--ambient-caps={_MAY}", f"--bounding-set={_MAY}", "--",
)  # fmt: skip


def can_become_nobody() -> bool:
    """Say whether a router can be run as nobody: by root, where root has the capabilities that it takes."""
    if os.geteuid() != 0 or shutil.which(AS_NOBODY[0]) is None:
        return False
    import_it = ["env", sys.executable, "-c", "import router"]  # by two steps, as a launcher starts its programs
    return subprocess.run([*AS_NOBODY, *import_it], cwd=ROOT, capture_output=True, check=False).returncode == 0


StartRouter = Callable[..., "RouterProcess"]
"""What the fixture `start_router` gives: takes the options of `RouterProcess`."""


class RouterProcess:
    """One `serve` with its own runtime directory and ports.

    `settings` go into a TOML file, `hooks` is Python source that a module `hooks_under_test` is made of: its object
    `hooks` is the one given to the router. `unprivileged` lets it run as nobody, where `can_become_nobody`.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        workers: int = 2,
        media_ports: int | None = None,
        one_port: bool = False,
        listen_ports: tuple[int, int] = (0, 0),
        settings: Mapping[str, Any] | None = None,
        hooks: str | None = None,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        unprivileged: bool = False,
    ) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="tl-", dir="/tmp"))  # pytest's own paths are too long for ipc
        self.runtime_dir = self.directory / "run"
        self.log_path = self.directory / "log"
        self.ports = PortSlice.claim()
        self.workers = workers
        self.environment = clean_environment(environment)
        command = [sys.executable, "-m", "router", "serve"]
        if settings:
            config = self.directory / "config.toml"
            config.write_text(to_toml(settings))
            command += ["--config", str(config)]
        if one_port:  # as a TCP port, the first of the slice is as free as the guard on its UDP port keeps the rest
            listen_ports = (self.ports.start, self.ports.start)
        command += ["--host", host, "--publish-port", str(listen_ports[0]), "--client-port", str(listen_ports[1])]
        command += ["--rtp-port-start", str(self.ports.media_start)]
        command += ["--rtp-port-count", str(media_ports or self.ports.media_count)]
        command += ["--workers", str(workers), "--runtime-dir", str(self.runtime_dir)]
        if hooks is not None:
            (self.directory / "hooks_under_test.py").write_text(hooks)
            self.environment["PYTHONPATH"] = str(self.directory)
            command += ["--hooks", "hooks_under_test:hooks"]
        if unprivileged:
            os.chown(self.directory, NOBODY, NOBODY)
            command = [*AS_NOBODY, *command]
        self.command = [*command, *options]
        self.process: subprocess.Popen[str] | None = None
        self.publish_url = ""
        self.client_url = ""
        self._pids: set[int] = set()

    # -- starting -----------------------------------------------------------------------------------------------

    def start(self) -> "RouterProcess":
        """Start the program and wait for its ready line."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                stdin=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
        try:
            self.wait_ready()
        except BaseException as error:
            error.add_note(self.log_tail())
            self.kill()
            raise
        return self

    def wait_ready(self) -> None:
        """Wait for the next ready line: it says it again when it has become new code."""
        line = self._first_line(START_TIMEOUT_S)
        match = READY.fullmatch(line.strip())
        assert match is not None, f"the first line on standard output is {line!r}"
        self.publish_url, self.client_url = match[1], match[2]
        assert int(match[3]) == self.workers
        assert match[4] == str(self.runtime_dir)
        self.note_processes()

    def _first_line(self, timeout_s: float) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        os.set_blocking(descriptor, False)
        deadline, line = Deadline(timeout_s), b""
        while not line.endswith(b"\n"):
            assert not deadline.passed, f"no ready line within {timeout_s:g} s, only {line!r}"
            try:
                data = os.read(descriptor, 4096)
            except BlockingIOError:
                eventually(lambda: self._readable(descriptor), "a ready line", deadline.left_s)
                continue
            assert data, f"ended with {self.process.wait()} before it was ready"
            line += data
        return line.decode()

    @staticmethod
    def _readable(descriptor: int) -> bool:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(50))

    # -- asking -------------------------------------------------------------------------------------------------

    def publish(self, path: str) -> str:
        """The URL for publishing at a path."""
        return self.publish_url + path

    def read(self, path: str) -> str:
        """The URL for reading at a path."""
        return self.client_url + path

    def status(self) -> Status:
        """Ask the front for the state of everything: what `printed_status` shows, without starting a program."""
        return ask_status(self.runtime_dir)

    def printed_status(self) -> Status:
        """Run `status --json`."""
        done = run_program("status", "--json", "--runtime-dir", str(self.runtime_dir))
        assert done.returncode == 0, f"status: {done.returncode} {done.stdout} {done.stderr}"
        document: Status = json.loads(done.stdout)
        return document

    def wait_until(self, fact: Callable[[Status], object], what: str, timeout_s: float = 15.0) -> Status:
        """Wait for a status of which `fact` is true, and return it."""

        def look() -> tuple[bool, Status]:
            status = self.status()
            return bool(fact(status)), status

        deadline = Deadline(timeout_s)
        while True:
            true, status = look()
            if true:
                return status
            assert not deadline.passed, f"not within {timeout_s:g} s: {what}; status: {json.dumps(status, indent=1)}"
            time.sleep(0.02)

    def mount(self, path: str) -> dict[str, Any] | None:
        """Return the status of one mount, or None where there is none."""
        return next((each for each in self.status()["mounts"] if each["path"] == path), None)

    def note_processes(self) -> dict[int, str]:
        """Look up the processes that belong to this router, and remember them."""
        found = processes_with(str(self.runtime_dir))
        self._pids |= set(found)
        return found

    def descriptors(self) -> dict[int, int]:
        """Count the descriptors of each of this router's processes."""
        return {pid: descriptors(pid) for pid in self.note_processes()}

    def settled_descriptors(self) -> dict[int, int]:
        """Count the descriptors of each process once the counts stand still: a question for the status takes some."""
        counts = [self.descriptors()]

        def still() -> bool:
            counts.append(self.descriptors())
            return len(counts) >= 6 and all(each == counts[-1] for each in counts[-6:])

        eventually(still, "descriptors that stand still", interval_s=0.05)
        return counts[-1]

    def wait_descriptors(self, expected: dict[int, int]) -> None:
        """Wait until its processes have as many descriptors open as before."""

        def same() -> bool:
            now = self.descriptors()
            assert now == expected, f"descriptors are {now}, were {expected}"
            return True

        eventually(same, "the descriptors of before")

    @property
    def log(self) -> str:
        """All that it has logged."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def unexpected_tracebacks(self) -> list[str]:
        """Return the lines of the log that a traceback follows, but for those that name a hook or handler."""
        lines = self.log.splitlines()
        at = [index for index, line in enumerate(lines) if "Traceback (most recent call last)" in line]
        culprits = [lines[index] if lines[index].startswith("{") else lines[max(0, index - 1)] for index in at]
        return [line for line in culprits if not re.search("(hook|handler) (failed|took too long)", line)]

    def log_tail(self, lines: int = 40) -> str:
        """The end of the log, for a failure's report."""
        return f"--- log of {' '.join(self.command)}\n" + "\n".join(self.log.splitlines()[-lines:])

    # -- ending -------------------------------------------------------------------------------------------------

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop it in order and assert that nothing of it is left."""
        assert self.process is not None
        self.note_processes()
        self.process.send_signal(number)
        try:
            code = self.process.wait(STOP_TIMEOUT_S)
            assert code == 0, f"exit code {code} after {number.name}\n{self.log_tail()}"
            self.assert_nothing_left()
            assert not (found := self.unexpected_tracebacks()), f"{found}\n{self.log_tail()}"
        finally:
            self.kill()

    def assert_nothing_left(self) -> None:
        """Assert that no process, listening port, media port or socket file is left."""
        left = processes_with(str(self.runtime_dir))
        assert not left, f"processes left: {left}"
        assert not [pid for pid in self._pids if alive(pid)], "a process of the router is left"
        # Its processes are gone: what they left could only be descriptors on their way, unless others hold the ports.
        left_ports = ownerless_udp_ports(self.ports.media_start, self.ports.media_count)
        assert not left_ports, f"ports left: {left_ports}"
        for url in {self.publish_url, self.client_url}:
            assert not listening(resolve(url)[1]), f"{url} still listens"
        if self.runtime_dir.exists():
            sockets = [path.name for path in self.runtime_dir.iterdir() if path.is_socket()]
            assert not sockets, f"socket files left: {sockets}"

    def kill(self) -> None:
        """End whatever is left without ceremony, and clean up."""
        self.note_processes()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()  # first, as it would restart the others
            self.process.wait()
        self.note_processes()
        for pid in self._pids:
            if alive(pid) and pid in processes_with(str(self.runtime_dir)):
                os.kill(pid, signal.SIGKILL)
        eventually(lambda: not processes_with(str(self.runtime_dir)), "all processes gone", STOP_TIMEOUT_S)
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()
        self.ports.release()

    def discard(self) -> None:
        """Remove its directory, log and all."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> "RouterProcess":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.stop()
            else:
                error.add_note(self.log_tail())
                self.kill()
        finally:
            self.discard()
