"""The figures themselves: reported, never a reason to fail. `pytest -m benchmark -s tests/benchmarks` shows them.

That every packet was delivered intact is asserted all the same.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.router import clean_environment

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1200)]


def bench(*arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "router", "bench", *arguments, "--json"],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return json.loads(done.stdout)


SETS = [("--full", "--repeats", "1"), ("--scale",), ("--scenario", "1x100", "--trace", "x264")]
FAULTS = ("damaged", "reordered", "duplicated")


@pytest.mark.parametrize("options", SETS, ids=" ".join)
def test_cost_of_a_packet(options: tuple[str, ...]) -> None:
    document = bench(*options)
    for row in document["rows"]:
        print(f"{row['scenario']}: {row['target']}: {row['cpu_us']:.2f} us, {row['of_floor']} of the floor")
    assert document["failures"] == []
    assert [run for run in document["runs"] if any(run["counts"][name] for name in FAULTS)] == []


@pytest.mark.parametrize("options", [(), ("--media", "50000")], ids=["idle", "media"])
def test_whole_sessions(options: tuple[str, ...]) -> None:
    document = bench("sessions", *options)
    for run in document["runs"]:
        print(f"{run['sessions_per_s']:.0f} sessions/s, p99 {run['p99_ms']} ms, {run['delivered_per_s']:.0f} packets/s")
    assert [run["wrong"] for run in document["runs"]] == [0] * len(document["runs"])
