"""Front and workers as systemd runs them: sockets passed on, states told, the watchdog's sign of life."""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.ports import PortSlice, listening
from tests.support.programs import ROOT, ask_status, clean_environment
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.rtsp import RtspConnection
from tests.support.waiting import eventually

TIMEOUT_S = 30.0
PASS_ON = """
import os, sys
for target, source in enumerate(map(int, sys.argv[1].split(",")), 3):
    os.dup2(source, target)
os.environ["LISTEN_PID"] = os.environ["WATCHDOG_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = str(len(sys.argv[1].split(",")))
os.execv(sys.argv[2], sys.argv[2:])
"""
"""What systemd does between fork and exec. Its own lie from 10 on, so none is overwritten before it is used."""


class Systemd:
    """Holds listening sockets and the socket for notices, and starts programs as a service manager does."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self.runtime_dir = directory / "run"
        self.ports = PortSlice.claim()
        self.sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.publish_url, self.client_url = (f"rtsp://127.0.0.1:{each.getsockname()[1]}" for each in self.sockets)
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(str(directory / "notify"))
        self.notices.settimeout(TIMEOUT_S)
        self.notices.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.heard: dict[int, list[str]] = {}
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, passes: bool = False, watchdog_s: float = 0.2) -> "subprocess.Popen[bytes]":
        """Start `trunkline ...` with the options of this router."""
        publish, client = (str(each.getsockname()[1]) for each in self.sockets)
        command = [
            sys.executable, "-m", "router", *arguments,
            "--host", "127.0.0.1", "--publish-port", publish, "--client-port", client,
            "--rtp-port-start", str(self.ports.media_start), "--rtp-port-count", str(self.ports.media_count),
            "--workers", "1", "--runtime-dir", str(self.runtime_dir),
        ]  # fmt: skip
        variables = {"NOTIFY_SOCKET": str(self.directory / "notify"), "WATCHDOG_USEC": str(round(watchdog_s * 1e6))}
        copies = [fcntl.fcntl(each, fcntl.F_DUPFD, 10) for each in (self.sockets if passes else [])]
        if passes:
            command = [sys.executable, "-c", PASS_ON, ",".join(map(str, copies)), *command]
        with (self.directory / "log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=clean_environment(variables), stdout=subprocess.DEVNULL, stderr=log,
                pass_fds=copies, start_new_session=True,
            )  # fmt: skip
        for each in copies:
            os.close(each)
        self._started.append(process)
        return process

    def wait_told(self, process: "subprocess.Popen[bytes]", text: str, times: int = 1) -> list[str]:
        """Wait until a process has told `text`; give all that it told."""
        while sum(text in each for each in self.heard.get(process.pid, [])) < times:
            data, controls, _, _ = self.notices.recvmsg(4096, 64)
            pid = int.from_bytes(controls[0][2][:4], sys.byteorder)
            self.heard.setdefault(pid, []).append(data.decode())
        return self.heard[process.pid]

    def close(self) -> None:
        """End everything."""
        for process in self._started:
            process.kill()
            process.wait()
        for each in (*self.sockets, self.notices):
            each.close()
        self.ports.release()


@pytest.fixture
def systemd(runtime_dir: Path) -> Iterator[Systemd]:
    with contextlib.closing(Systemd(runtime_dir)) as systemd:
        yield systemd


def test_states_and_life_are_told(systemd: Systemd) -> None:
    worker = systemd.start("worker", "--index", "0")
    assert systemd.wait_told(worker, "READY=1")[0] == "READY=1\nSTATUS=waiting for the front"
    systemd.wait_told(worker, "WATCHDOG=1", times=2)
    front = systemd.start("front", passes=True)
    assert systemd.wait_told(front, "READY=1")[0] == "READY=1\nSTATUS=waiting for workers"
    systemd.wait_told(front, f"STATUS=serving publish={systemd.publish_url} client={systemd.client_url} workers=1")
    systemd.wait_told(front, "WATCHDOG=1", times=2)
    systemd.wait_told(worker, "STATUS=serving")
    for program in (front, worker):
        program.terminate()
        systemd.wait_told(program, "STOPPING=1")
        assert program.wait(TIMEOUT_S) == 0


def test_a_front_that_hangs_tells_no_life(systemd: Systemd) -> None:
    front = systemd.start("front", passes=True)
    systemd.wait_told(front, "WATCHDOG=1", times=2)
    front.send_signal(signal.SIGSTOP)
    eventually(lambda: Path(f"/proc/{front.pid}/stat").read_text().split()[2] == "T", "a front that stands still")
    systemd.notices.settimeout(0.5)
    with pytest.raises(TimeoutError):
        systemd.wait_told(front, "WATCHDOG=1", times=1_000_000)
    front.send_signal(signal.SIGCONT)
    systemd.notices.settimeout(TIMEOUT_S)
    systemd.wait_told(front, "WATCHDOG=1", times=len(systemd.heard[front.pid]) + 1)


def test_clients_wait_for_the_next_front_and_nobody_is_refused(systemd: Systemd, path: str) -> None:
    """Also before there was any: the sockets are there first."""
    with RtspConnection(systemd.client_url) as early:
        early.send(early.build("OPTIONS", systemd.client_url))
        systemd.start("worker", "--index", "0")
        front = systemd.start("front", passes=True)
        assert early.reply(TIMEOUT_S).status == 200
    with (
        Publisher(f"{systemd.publish_url}{path}").start() as publisher,
        Reader(f"{systemd.client_url}{path}", transport="tcp").start() as reader,
    ):
        publisher.send(3)
        reader.receive(3)
        front.kill()
        front.wait()
        publisher.send(3)
        reader.receive(6)
        waiting = [RtspConnection(url) for url in (systemd.publish_url, systemd.client_url) for _ in range(20)]
        for each in waiting:
            each.send(each.build("OPTIONS", systemd.client_url))
        second = systemd.start("front", passes=True)
        assert [each.reply(TIMEOUT_S).status for each in waiting] == [200] * len(waiting)
        for each in waiting:
            each.close()
        for session in (publisher, reader):
            session.connection.expect(200, "GET_PARAMETER", session.url)
        publisher.send(3)
        reader.receive(9)
        reader.check(publisher)
    assert ask_status(systemd.runtime_dir)["front"]["pid"] == second.pid
    second.terminate()
    assert second.wait(TIMEOUT_S) == 0


@pytest.mark.parametrize("names", [["publish", "client"], []], ids=["by name", "by port"])
def test_the_real_socket_activation(systemd: Systemd, path: str, names: Sequence[str]) -> None:
    activate = shutil.which("systemd-socket-activate")
    if activate is None:
        pytest.skip("systemd-socket-activate is not installed")
    # As TCP ports, these of the slice are as free as the guard keeps its UDP ports.
    ports = [systemd.ports.start, systemd.ports.start + 1]
    publish_url, client_url = (f"rtsp://127.0.0.1:{port}" for port in ports)
    worker = systemd.start("worker", "--index", "0")
    systemd.wait_told(worker, "READY=1")
    front = [sys.executable, "-m", "router", "front", "--host", "127.0.0.1", "--workers", "1"]
    given = (0, 0) if names else ports
    front += ["--publish-port", str(given[0]), "--client-port", str(given[1])]
    front += ["--rtp-port-start", str(systemd.ports.media_start), "--rtp-port-count", str(systemd.ports.media_count)]
    command = [activate, *(f"--listen=127.0.0.1:{port}" for port in ports)]
    command += [f"--fdname={':'.join(names)}"] if names else []
    variables = clean_environment()
    passed = [f"--setenv={name}" for name in variables]  # it gives the program no other variables
    with subprocess.Popen(
        [*command, *passed, *front, "--runtime-dir", str(systemd.runtime_dir)], cwd=ROOT, env=variables,
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            eventually(lambda: all(listening(port) for port in ports), "its sockets")
            with (
                Publisher(publish_url + path).start() as publisher,
                Reader(client_url + path, transport="tcp").start() as reader,
            ):
                publisher.send(3)
                reader.receive(3)
        finally:
            process.terminate()
        assert process.wait(TIMEOUT_S) == 0
