"""The note of what a launcher runs: found again, and never mistaken."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.programs import launched
from router.programs.runtime_dir import PROGRAMS, RuntimeDirError, hold_for_launcher, launcher_pid


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process


def test_what_runs_is_found_again(tmp_path: Path, child: "subprocess.Popen[bytes]") -> None:
    launched.note(tmp_path, "ready line", 3, {"front": os.getpid(), "worker 0": child.pid})
    found = launched.find(tmp_path)
    assert found is not None
    assert (found.ready, found.workers) == ("ready line", 3)
    assert {name: each.pid for name, each in found.programs.items()} == {"front": os.getpid(), "worker 0": child.pid}
    for each in found.programs.values():
        each.let_be()
    assert [path.name for path in tmp_path.iterdir()] == [PROGRAMS]
    assert (tmp_path / PROGRAMS).stat().st_mode & 0o777 == 0o600
    launched.forget(tmp_path)
    launched.forget(tmp_path)
    assert launched.find(tmp_path) is None


def test_what_has_ended_is_not_found(tmp_path: Path, child: "subprocess.Popen[bytes]") -> None:
    launched.note(tmp_path, "", 1, {"front": os.getpid(), "worker 0": child.pid})
    child.kill()
    child.wait()
    found = launched.find(tmp_path)
    assert found is not None
    assert list(found.programs) == ["front"]
    found.programs["front"].let_be()
    launched.note(tmp_path, "", 1, {"worker 0": child.pid})  # ended before it was noted
    assert launched.find(tmp_path) is None


@pytest.mark.parametrize(
    "change",
    [
        {"boot": "another"},
        {"programs": {"front": [os.getpid(), 1]}},
        {"programs": {"front": os.getpid()}},
        {"programs": []},
        {"workers": "many"},
    ],
)
def test_numbers_of_another_boot_or_program_and_nonsense_are_nobody(tmp_path: Path, change: dict[str, object]) -> None:
    launched.note(tmp_path, "", 1, {"front": os.getpid()})
    document = json.loads((tmp_path / PROGRAMS).read_text())
    (tmp_path / PROGRAMS).write_text(json.dumps(document | change))
    assert launched.find(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", "\udcff"])
def test_a_note_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / PROGRAMS).write_bytes(text.encode(errors="surrogateescape"))
    assert launched.find(tmp_path) is None


def test_a_directory_has_one_launcher(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    assert launcher_pid(directory) is None
    lock = hold_for_launcher(directory)
    assert launcher_pid(directory) == os.getpid()
    with pytest.raises(RuntimeDirError, match="another instance's"):
        hold_for_launcher(directory)
    assert launcher_pid(directory) == os.getpid()
    os.close(lock)
    os.close(hold_for_launcher(directory))


def test_a_launcher_that_has_ended_is_none(tmp_path: Path) -> None:
    source = "import sys; from pathlib import Path; from router.programs.runtime_dir import hold_for_launcher as hold\n"
    source += "hold(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", source, str(tmp_path)], cwd=Path(__file__).parents[4], check=True)
    assert launcher_pid(tmp_path) is None
