"""`trunkline publish`: what is refused before a file is opened, and what is handed on."""

import sys
from pathlib import Path

import pytest

from router.files import publish_program
from tests.unit.router.cli.conftest import Invoke


@pytest.mark.parametrize("transport", ["tls", "", "TCP"])
def test_a_transport_that_is_none_is_refused(invoke: Invoke, transport: str) -> None:
    done = invoke("publish", "film.mp4", "rtsp://h/a", "--transport", transport)
    assert (done.exit_code, done.stderr) == (2, f"trunkline: --transport {transport}: must be tcp or udp\n")


def test_without_pyav_it_says_what_to_install(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    done = invoke("publish", "film.mp4", "rtsp://h/a")
    assert (done.exit_code, done.stderr) == (1, "trunkline: files need PyAV: pip install 'trunkline[file]'\n")


@pytest.mark.parametrize("status", [0, 1])
def test_the_programs_status_is_the_commands(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    calls = []

    def run(file: Path, url: str, *, transport: str, loop: bool) -> int:
        calls.append((file, url, transport, loop))
        return status

    monkeypatch.setattr(publish_program, "run", run)
    assert invoke("publish", "film.mp4", "rtsp://h/a", "--loop", "--transport", "udp").exit_code == status
    assert invoke("publish", "film.mp4", "rtsp://h/a").exit_code == status
    assert calls == [
        (Path("film.mp4"), "rtsp://h/a", "udp", True),
        (Path("film.mp4"), "rtsp://h/a", "tcp", False),
    ]
