"""The load's programs, seen from the command: started, told what to do, and heard."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from router.bench.heard_program import HeardProgram
from router.bench.program import Plan

LONGEST_S = 120.0
"""For any one step: 2,000 readers that join one after the other take the most."""
_END_S = 10.0


class LoadError(Exception):
    """The load could not do what it was told to; says why."""


class LoadProgram(HeardProgram):
    """One program of the load, `publish`, `read` or `visit`."""

    def __init__(self, name: str, plan: Plan, prefix: tuple[str, ...] = ()) -> None:
        super().__init__([*prefix, sys.executable, "-m", f"router.bench.{name}"], descriptors=[plan.board])
        self.name = name
        self.tell(plan.to_line())

    def hear(self, event: str) -> dict[str, Any]:
        """Wait for an event. Raises LoadError if it fails instead, or says nothing for too long."""
        line = self.line(LONGEST_S)
        if line is None:
            raise LoadError(f"{self.name}: not {event} within {LONGEST_S:g} s")
        said: dict[str, Any] = json.loads(line or '{"event": "died"}')
        if said["event"] != event:
            raise LoadError(f"{self.name}: {said.get('reason') or said['event']}")
        return said


@contextmanager
def load_program(name: str, plan: Plan, first: str, prefix: tuple[str, ...] = ()) -> Iterator[LoadProgram]:
    """Run one until its `first` event, and for as long as it is needed; it tears its sessions down at the end."""
    program = LoadProgram(name, plan, prefix)
    try:
        program.hear(first)
        yield program
    except BaseException:
        program.kill()
        raise
    finally:
        if name == "publish":
            program.terminate()
        program.end(_END_S)


def settle(publish: LoadProgram, read: LoadProgram) -> tuple[dict[str, Any], dict[str, Any]]:
    """Stop publishing, and give what was sent and what the readers got of it."""
    publish.terminate()
    sent = publish.hear("sent")
    read.tell(json.dumps(sent["sent"]).encode() + b"\n")
    return sent, read.hear("report")
