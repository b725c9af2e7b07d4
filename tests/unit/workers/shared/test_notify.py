"""What a supervisor is told, over real datagram sockets of both kinds of names."""

import errno
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.shared.notify import Notifier

PID = 4711


@pytest.fixture
def supervisor() -> Iterator[socket.socket]:
    """A supervisor's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        yield sock


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_each_state_is_told_in_systemds_words(supervisor: socket.socket, tmp_path: Path, kind: str) -> None:
    name = f"{tmp_path}/notify" if kind == "path" else f"@tl-{secrets.token_hex(4)}"
    supervisor.bind(name if kind == "path" else "\0" + name[1:])
    environment = {"NOTIFY_SOCKET": name, "OTHER": "kept"}
    notifier = Notifier(environment, PID)
    assert environment == {"OTHER": "kept"}
    notifier.ready("waiting")
    notifier.status("serving")
    notifier.alive()
    notifier.stopping()
    assert [supervisor.recv(1000) for _ in range(4)] == [
        b"READY=1\nSTATUS=waiting",
        b"STATUS=serving",
        b"WATCHDOG=1",
        b"STOPPING=1\nSTATUS=stopping",
    ]


@pytest.mark.parametrize(
    ("environment", "period_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(PID)}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_life_is_proved_twice_in_the_watchdogs_time(environment: dict[str, str], period_s: float | None) -> None:
    assert Notifier(environment, PID).alive_every_s == period_s
    assert environment == {}


@pytest.mark.parametrize("name", ["", "/nowhere/notify", "vsock:2:1234", "relative"])
def test_where_nobody_hears_nothing_fails(name: str) -> None:
    before = len(os.listdir("/proc/self/fd"))
    Notifier({"NOTIFY_SOCKET": name}, PID).ready("x")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_supervisor_that_reads_nothing_delays_nobody(supervisor: socket.socket, tmp_path: Path) -> None:
    supervisor.bind(f"{tmp_path}/notify")
    notifier = Notifier({"NOTIFY_SOCKET": f"{tmp_path}/notify"}, PID)
    for _ in range(2000):  # net.unix.max_dgram_qlen is far less
        notifier.alive()


def test_a_program_without_a_descriptor_left_says_that_it_lives(
    supervisor: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor.bind(f"{tmp_path}/notify")
    notifier = Notifier({"NOTIFY_SOCKET": f"{tmp_path}/notify"}, PID)

    def none_left(*arguments: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket, "socket", none_left)
    notifier.alive()
    assert supervisor.recv(1000) == b"WATCHDOG=1"
