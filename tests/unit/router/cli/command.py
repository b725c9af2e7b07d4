"""The command line as a program, run to its end in the tests' own process table."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]


def trunkline(*arguments: str, cwd: Path = ROOT, **environment: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRUNKLINE_")}
    return subprocess.run(
        [sys.executable, "-m", "router", *arguments],
        cwd=cwd,
        env=kept | {"PYTHONPATH": str(ROOT)} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
