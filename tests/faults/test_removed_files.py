"""Somebody cleans up in the runtime directory of a router that lives, and somebody starts a second one there."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.programs import ROOT, run_program
from tests.support.publisher import Publisher
from tests.support.reader import Reader
from tests.support.router import RouterProcess, StartRouter
from tests.support.rtsp import resolve
from tests.support.waiting import eventually
from workers.contract.endpoints import Endpoints

LOCKS = ("front.lock", "launcher.lock")


def check_serves(router: RouterProcess, publisher: Publisher, reader: Reader) -> None:
    """See that who was there goes on, and that others can come and ask."""
    before = len(reader.tracks[0].packets)
    publisher.send(3)
    reader.receive(before + 3)
    with Publisher(f"{publisher.url}-new").start() as new, Reader(f"{reader.url}-new").start() as other:
        new.send(3)
        other.receive(3)
    assert {worker["state"] for worker in router.status()["workers"]} == {"ready"}


def second_serve(router: RouterProcess) -> "subprocess.CompletedProcess[str]":
    """Start another router on the same ports and directory, which has to give up."""
    ports = [resolve(url)[1] for url in (router.publish_url, router.client_url)]
    return run_program(
        "serve", "--host", "127.0.0.1", "--publish-port", str(ports[0]), "--client-port", str(ports[1]),
        "--rtp-port-start", str(router.ports.media_start), "--rtp-port-count", str(router.ports.media_count),
        "--workers", "2", "--runtime-dir", str(router.runtime_dir),
    )  # fmt: skip


def remove_locks(directory: Path) -> None:
    for name in LOCKS:
        (directory / name).unlink(missing_ok=True)


def remove_files(directory: Path) -> None:
    for file in directory.iterdir():
        file.unlink()


REMOVALS: dict[str, Callable[[Path], None]] = {
    "locks": remove_locks,
    "all files": remove_files,
    "the directory": shutil.rmtree,
}


@pytest.mark.parametrize("removed", REMOVALS)
def test_a_second_router_cuts_off_nobody(start_router: StartRouter, path: str, removed: str) -> None:
    router = start_router()
    with (
        Publisher(router.publish(path)).start() as publisher,
        Reader(router.read(path), transport="tcp").start() as reader,
    ):
        pids = router.note_processes()
        for stopped in (False, True):
            # A launcher and front that can't make their files again at once: the second one comes in between.
            front = next(pid for pid, command in pids.items() if " front" in command)
            launcher = router.process.pid if router.process is not None else 0
            for pid in (front, launcher) if stopped else ():
                os.kill(pid, signal.SIGSTOP)
            REMOVALS[removed](router.runtime_dir)
            if stopped and removed == "locks":
                done = second_serve(router)
                assert done.returncode == 1, (done.stdout, done.stderr)
                assert "another instance" in done.stderr
            for pid in (front, launcher) if stopped else ():
                os.kill(pid, signal.SIGCONT)
            eventually(lambda: all((router.runtime_dir / name).exists() for name in (*LOCKS, "control", "notices")),
                       "the files to be there again", 10)  # fmt: skip
            done = second_serve(router)
            assert done.returncode == 1, (done.stdout, done.stderr)
            assert "another instance" in done.stderr
            check_serves(router, publisher, reader)
        assert router.note_processes() == pids


@pytest.mark.parametrize("removed", REMOVALS)
def test_a_worker_that_dies_afterwards_comes_back(start_router: StartRouter, path: str, removed: str) -> None:
    router = start_router()
    REMOVALS[removed](router.runtime_dir)
    endpoints = Endpoints(router.runtime_dir)
    eventually(lambda: endpoints.control_path.exists() and endpoints.descriptors_path.exists(), "the sockets", 10)
    (worker,) = [worker for worker in router.status()["workers"] if worker["index"] == 0]
    os.kill(worker["pid"], signal.SIGKILL)
    router.wait_until(
        lambda status: all(each["state"] == "ready" and each["pid"] != worker["pid"] for each in status["workers"]),
        "another worker",
    )
    with Publisher(router.publish(path)).start() as publisher, Reader(router.read(path)).start() as reader:
        check_serves(router, publisher, reader)


def test_ports_that_somebody_has_are_found_out_before_anything_is_touched(start_router: StartRouter) -> None:
    """A program of its own, in the same directory: it leaves the sockets alone."""
    router = start_router()
    endpoints = Endpoints(router.runtime_dir)
    before = {each: each.lstat().st_ino for each in (endpoints.control_path, endpoints.descriptors_path)}
    remove_locks(router.runtime_dir)
    done = subprocess.run(
        [*router.command[:2], "router", "front", *router.command[4:]],
        cwd=ROOT, env=router.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert {each: each.lstat().st_ino for each in before} == before
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(str(endpoints.control_path))
