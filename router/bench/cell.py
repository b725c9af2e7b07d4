"""One measurement: one scenario, one server, once."""

import contextlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from router.bench import board as boards
from router.bench import processes
from router.bench.board import Board
from router.bench.load import LoadError, LoadProgram
from router.bench.processes import Times
from router.bench.program import Plan
from router.bench.scenario import Scenario
from router.bench.targets import Target

STAY_S = 0.5
"""How long a reader stays that comes and goes."""
SETTLE_S = 0.5
"""After the last reader has got its first packet: joining is over."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What came of it. CPU times are microseconds per delivered packet, kernel included."""

    scenario: Scenario
    target: str
    repeat: int
    seed: int
    seconds: float
    delivered_per_s: float
    cpu_us: float
    load_cpu_us: float
    shares: dict[str, float]
    """Percent of one core that each process took."""
    waited: float
    """Percent of its time that the process which waited most was ready to run and did not: others took the cores."""
    memory_per_reader: float
    """Bytes that the server's processes grew by for each reader."""
    counts: dict[str, int]
    """Packets over the readers' whole life: delivered, lost, damaged, reordered, duplicated, ..."""
    sent: int
    p50_ms: float | None
    p99_ms: float | None
    p999_ms: float | None
    late_frames: int
    """Frames that the load itself sent over 5 ms late."""
    others: dict[str, Any] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether every packet came, intact, in order, once, to every reader."""
        bad = ("lost", "damaged", "reordered", "duplicated", "silent", "ended")
        return not any(self.counts[each] for each in bad)

    @property
    def busiest(self) -> float | None:
        """CPU of the busiest worker by the mean of all; None where there are not two."""
        workers = [share for role, share in self.shares.items() if role.startswith("worker")]
        mean = sum(workers) / len(workers) if len(workers) > 1 else 0.0
        return max(workers) / mean if mean else None


@dataclass(frozen=True, slots=True)
class Conditions:
    """How to measure."""

    seconds: float
    seed: int
    path: str | None = None
    """Mount m is at this path followed by m, for servers that know their mounts beforehand."""
    read_prefix: tuple[str, ...] = ()
    """Put before the readers' program, such as `ip netns exec NAME`."""
    publish_prefix: tuple[str, ...] = ()
    let_pass: Callable[[float], None] = time.sleep
    """Lets the time of the measurement pass, in seconds; may look at the server meanwhile."""


def measure(scenario: Scenario, target: Target, repeat: int, conditions: Conditions) -> Measurement:
    """Run the load against a server and give the result. Raises LoadError."""
    descriptor = boards.create()
    try:
        board = Board(descriptor, scenario.mounts)
        return _Cell(scenario, target, repeat, conditions, descriptor, board).run()
    finally:
        os.close(descriptor)


class _Cell:
    def __init__(
        self, scenario: Scenario, target: Target, repeat: int, conditions: Conditions, descriptor: int, board: Board
    ) -> None:
        self._scenario, self._target, self._repeat, self._conditions = scenario, target, repeat, conditions
        self._board = board
        path = conditions.path or f"/bench-{os.getpid()}-{repeat}-{conditions.seed}-"
        self._publish_plan = Plan(scenario, target.publish_url, path, conditions.seed, descriptor)
        options = {"renumbered": float(target.renumbers)}
        self._read_plan = Plan(scenario, target.client_url, path, conditions.seed, descriptor, options)

    def run(self) -> Measurement:
        conditions = self._conditions
        with contextlib.ExitStack() as stack:
            publish = stack.enter_context(LoadProgram("publish", self._publish_plan, conditions.publish_prefix))
            publish.hear("recording")
            measured = self._target.measured()
            pids = [each.pid for each in measured]
            memory_before = processes.memory_bytes(pids)
            read = stack.enter_context(LoadProgram("read", self._read_plan, conditions.read_prefix))
            read.hear("playing")
            heard = read.hear("receiving")
            if heard["silent"] == self._scenario.mounts * self._scenario.readers:
                raise LoadError(f"no reader got a single good packet, and {heard['wrong']} wrong ones came")
            visit = self._visit(stack)
            time.sleep(SETTLE_S)
            memory = processes.memory_bytes(pids) - memory_before
            window = self._watch([*pids, publish.pid, read.pid])
            others: dict[str, Any] = {}
            if visit is not None:
                visit.tell(b"\n")
                others = {"churn": visit.hear("visited")}
            publish.terminate()
            sent = publish.hear("sent")
            read.tell(json.dumps(sent["sent"]).encode() + b"\n")
            report = read.hear("report")
        seconds, delivered, cpu = window
        own = cpu[len(pids) :]
        per_packet = 1e6 / max(1, delivered)
        return Measurement(
            scenario=self._scenario,
            target=self._target.name,
            repeat=self._repeat,
            seed=conditions.seed,
            seconds=round(seconds, 3),
            delivered_per_s=delivered / seconds,
            cpu_us=sum(each.ran_s for each in cpu[: len(pids)]) * per_packet,
            load_cpu_us=sum(each.ran_s for each in own) * per_packet,
            shares={each.role: 100 * used.ran_s / seconds for each, used in zip(measured, cpu, strict=False)},
            waited=100 * max(each.waited_s for each in cpu) / seconds,
            memory_per_reader=memory / (self._scenario.mounts * self._scenario.readers),
            counts={name: report[name] for name in _COUNTS},
            sent=sum(sent["sent"]),
            p50_ms=report["p50_ms"],
            p99_ms=report["p99_ms"],
            p999_ms=report["p999_ms"],
            late_frames=sent["late_frames"],
            others={"send_failures": sent["failures"], "latest_ms": sent["latest_ms"], **others},
        )

    def _visit(self, stack: contextlib.ExitStack) -> LoadProgram | None:
        """Start the readers that come and go."""
        per_s = self._scenario.churn_per_s
        if not per_s:
            return None
        options = {"at_a_time": max(8, int(3 * STAY_S * per_s)), "per_s": per_s, "stay_s": STAY_S}
        visit = stack.enter_context(LoadProgram("visit", replace(self._read_plan, options=options)))
        visit.hear("visiting")
        visit.tell(b"\n")
        return visit

    def _watch(self, pids: list[int]) -> tuple[float, int, list[Times]]:
        """Let time pass; give how much it was, what was delivered in it, and the CPU time of each process."""
        board = self._board
        cpu_before = [processes.times(pid) for pid in pids]
        delivered_before, began = board.delivered, time.monotonic()
        board.measuring = True
        self._conditions.let_pass(self._conditions.seconds)
        board.measuring = False
        delivered, seconds = board.delivered - delivered_before, time.monotonic() - began
        cpu = [processes.times(pid).since(before) for pid, before in zip(pids, cpu_before, strict=True)]
        return seconds, delivered, cpu


_COUNTS = (
    "delivered", "lost", "damaged", "reordered", "duplicated", "worst_reader_faults", "silent", "ended",
    "dropped_by_load",
)  # fmt: skip
