"""The front as a program, before any worker comes: what it says where, and how it ends."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.programs.kinds import FRONT, READY, WORKER, environment
from router.settings import Settings
from router.settings.sources import to_json
from tests.support.waiting import eventually
from workers.contract.endpoints import Endpoints

ROOT = Path(__file__).parents[4]
TIMEOUT_S = 60


@pytest.fixture
def runtime_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tl-", dir="/tmp") as directory:
        yield Path(directory)


def start(runtime_dir: Path, *arguments: str, cwd: Path = ROOT) -> "subprocess.Popen[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRUNKLINE_")}
    ports = ["--host", "127.0.0.1", "--publish-port", "0", "--client-port", "0", "--workers", "1"]
    return subprocess.Popen(
        # -P: as the `trunkline` script, without the current directory among the modules' places
        [sys.executable, "-P", "-m", "router", "front", "--runtime-dir", str(runtime_dir), *ports, *arguments],
        cwd=cwd,
        env=kept | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def listening(runtime_dir: Path, *arguments: str, cwd: Path = ROOT) -> Iterator["subprocess.Popen[str]"]:
    with start(runtime_dir, *arguments, cwd=cwd) as front:
        try:
            endpoints = Endpoints(runtime_dir)
            sockets = (endpoints.control_path, endpoints.descriptors_path)
            eventually(lambda: all(path.is_socket() for path in sockets), "a front that listens", TIMEOUT_S)
            yield front
        finally:
            front.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(runtime_dir: Path, number: signal.Signals) -> None:
    with listening(runtime_dir) as front:
        assert Endpoints(runtime_dir).control_path.is_socket()
        front.send_signal(number)
        out, err = front.communicate(timeout=TIMEOUT_S)
        assert (front.returncode, out) == (0, "")
        assert "Traceback" not in err
        assert not [path for path in runtime_dir.iterdir() if path.is_socket()]


def test_standard_output_has_the_ready_line_alone(runtime_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "cameras.py").write_text("print('hello')\ndef mount_open(mount): ...\n")
    settings = Settings(workers=1, runtime_dir=runtime_dir)
    with listening(runtime_dir, "--hooks", "cameras", cwd=tmp_path) as front:
        assert front.stdout is not None
        with subprocess.Popen(WORKER.command(settings, 0), env=environment(), stderr=subprocess.DEVNULL) as worker:
            ready = front.stdout.readline()
            worker.terminate()
        front.terminate()
        out, _ = front.communicate(timeout=TIMEOUT_S)
    assert ready.startswith(READY)
    assert ready.endswith(f" workers=1 runtime={runtime_dir}\n")
    assert out == ""


def test_a_launcher_hears_when_it_listens(runtime_dir: Path) -> None:
    settings = Settings(workers=1, host="127.0.0.1", publish_port=0, client_port=0, runtime_dir=runtime_dir)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(str(runtime_dir / "notices"))
        notices.settimeout(TIMEOUT_S)
        with subprocess.Popen(
            FRONT.command(settings, 0), env=environment() | {"NOTIFY_SOCKET": str(runtime_dir / "notices")},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ) as front:  # fmt: skip
            assert front.stdin is not None
            front.stdin.write(to_json(settings))
            front.stdin.close()
            assert notices.recv(4096).startswith(b"READY=1\n")
            assert Endpoints(runtime_dir).control_path.is_socket()
            front.terminate()


def test_a_taken_port_is_named(runtime_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        front = start(runtime_dir, "--publish-port", str(port))
        out, err = front.communicate(timeout=TIMEOUT_S)
    assert (front.returncode, out) == (1, "")
    assert err.startswith("trunkline: ")
    assert str(port) in err
    assert len(err.splitlines()) == 1


def test_a_second_one_in_the_directory_fails_and_leaves_the_first_alone(runtime_dir: Path) -> None:
    with listening(runtime_dir) as first:
        second = start(runtime_dir)
        out, err = second.communicate(timeout=TIMEOUT_S)
        assert (second.returncode, out) == (1, "")
        assert str(runtime_dir) in err
        assert first.poll() is None
        assert Endpoints(runtime_dir).control_path.is_socket()
        assert Endpoints(runtime_dir).descriptors_path.is_socket()


def test_hooks_are_found_in_the_current_directory_and_print_on_standard_error(
    runtime_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "cameras.py").write_text(
        "print('hello from a hook')\nhooks = type('Hooks', (), {'mount_open': print})\n"
    )
    with listening(runtime_dir, "--hooks", "cameras:hooks", cwd=tmp_path) as front:
        front.terminate()
        out, err = front.communicate(timeout=TIMEOUT_S)
        assert (front.returncode, out) == (0, "")
        assert "hello from a hook" in err


@pytest.mark.parametrize("reference", ["nowhere:hooks", "string:digits"])
def test_hooks_that_are_none_are_named_before_anything_starts(runtime_dir: Path, reference: str) -> None:
    front = start(runtime_dir / "run", "--hooks", reference)
    out, err = front.communicate(timeout=TIMEOUT_S)
    assert (front.returncode, out) == (2, "")
    assert err.startswith("trunkline: hooks ")
    assert "Traceback" not in err
    assert not (runtime_dir / "run").exists()


def test_a_directory_open_to_others_is_refused(runtime_dir: Path) -> None:
    (runtime_dir / "letter").touch()
    runtime_dir.chmod(0o755)
    front = start(runtime_dir)
    out, err = front.communicate(timeout=TIMEOUT_S)
    assert (front.returncode, out) == (1, "")
    assert err.startswith(f"trunkline: runtime directory {runtime_dir} is open to others")
