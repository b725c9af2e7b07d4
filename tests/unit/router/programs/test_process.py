"""Processes that somebody else started, held for certain; and how one is told from the next with its number."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from router.programs.process import Found, start_time_of
from tests.support.processes import alive
from tests.support.waiting import eventually

TIMEOUT_S = 20.0
FOREVER = "import signal; print('up', flush=True); signal.pause()"
STRANGER = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {FOREVER!r}], stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
print(child.pid, flush=True)
"""


def stranger() -> int:
    """Start a process that is not this one's child."""
    done = subprocess.run([sys.executable, "-c", STRANGER], stdout=subprocess.PIPE, check=True, timeout=TIMEOUT_S)
    return int(done.stdout)


async def end_of(found: Found) -> int | None:
    return await asyncio.wait_for(found.ended(), TIMEOUT_S)


def test_a_process_with_the_number_and_another_start_is_not_the_one() -> None:
    with pytest.raises(ProcessLookupError, match="another one now"):
        Found(os.getpid(), start_time_of(os.getpid()) + 1)


def test_a_process_that_has_ended_is_not_found() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait(TIMEOUT_S)
    for look in (lambda: start_time_of(child.pid), lambda: Found(child.pid, 1)):
        with pytest.raises(ProcessLookupError):
            look()


def test_the_name_of_a_process_may_be_anything(tmp_path: Path) -> None:
    program = tmp_path / "a) b (c"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"]) as child:
        try:
            eventually(lambda: b"a) b (c" in Path(f"/proc/{child.pid}/stat").read_bytes(), "the program", TIMEOUT_S)
            assert 0 < start_time_of(os.getpid()) <= start_time_of(child.pid)
        finally:
            child.kill()


@pytest.mark.parametrize("how", ["asked", "killed"])
def test_a_strangers_end_is_seen_and_its_status_is_nobodys_business(how: str) -> None:
    pid = stranger()
    found = Found(pid, start_time_of(pid))
    found.ask_to_end() if how == "asked" else found.kill()
    assert asyncio.run(end_of(found)) is None
    assert not alive(pid)


@pytest.mark.parametrize(("source", "status"), [("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", -9)])
def test_the_end_of_a_child_is_told_though_it_was_found(source: str, status: int) -> None:
    child = subprocess.Popen([sys.executable, "-c", f"input(); {source}"], stdin=subprocess.PIPE)
    found = Found(child.pid, start_time_of(child.pid))
    assert child.stdin is not None
    child.stdin.write(b"\n")
    child.stdin.close()
    assert asyncio.run(end_of(found)) == status
    child.returncode = status  # it was waited for


def test_one_that_ended_meanwhile_is_left_alone() -> None:
    pid = stranger()
    found = Found(pid, start_time_of(pid))
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not alive(pid), "its end", TIMEOUT_S)
    found.ask_to_end()
    found.kill()
    found.let_be()
