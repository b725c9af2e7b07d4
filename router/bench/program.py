"""What the load's programs share: a plan on standard input, then commands; answers as JSON lines on standard output."""

import ctypes
import json
import os
import resource
import sys
from dataclasses import dataclass, field
from typing import Any

from router.bench.board import Board
from router.bench.scenario import Scenario
from router.bench.shape import Layout
from router.bench.stream import SyntheticStream, Tape

_PR_SET_PDEATHSIG, _SIGKILL = 1, 9
_PR_SET_TIMERSLACK = 29


@dataclass(frozen=True, slots=True)
class Plan:
    """What a program of the load is told at its start."""

    scenario: Scenario
    url: str
    """The base to publish at, or to read from."""
    path: str
    """Mount m is at `url` + `path` + m."""
    seed: int
    board: int
    """The descriptor of the board."""
    options: dict[str, float] = field(default_factory=dict)
    """What only one of the programs knows of."""

    def to_line(self) -> bytes:
        """Write it as one line."""
        fields: dict[str, Any] = {"scenario": self.scenario.to_json(), "url": self.url, "path": self.path}
        fields |= {"seed": self.seed, "board": self.board, "options": self.options}
        return json.dumps(fields).encode() + b"\n"

    def mount_url(self, mount: int) -> str:
        return f"{self.url}{self.path}{mount}"


class PlannedStreams:
    """All streams of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.layout = Layout(plan.scenario.shape())
        tape = Tape(plan.seed)
        self.streams = [SyntheticStream(tape, self.layout, plan.seed, mount) for mount in range(plan.scenario.mounts)]
        self.board = Board(plan.board, plan.scenario.mounts)


def begin() -> Plan:
    """Prepare this process and read its plan."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)  # never left behind
    libc.prctl(_PR_SET_TIMERSLACK, 1000, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    fields = json.loads(_first_line())
    fields["scenario"] = Scenario(**fields["scenario"])
    return Plan(**fields)


def _first_line() -> bytes:
    """Read no further than the line's end: the commands that follow are waited for by epoll, which sees no buffer."""
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(0, 1) or sys.exit(1)
    return line


def say(event: str, **fields: Any) -> None:
    """Write one line."""
    print(json.dumps({"event": event, **fields}), flush=True)
