"""One measurement: one scenario, one server, once."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from router.bench import processes
from router.bench.board import Board, shared_board
from router.bench.load import LoadError, LoadProgram, load_program, settle
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


_COUNTS = (
    "delivered", "lost", "damaged", "reordered", "duplicated", "worst_reader_faults", "silent", "ended",
    "dropped_by_load",
)  # fmt: skip


def measure(scenario: Scenario, target: Target, repeat: int, conditions: Conditions) -> Measurement:
    """Run the load against a server and give the result. Raises LoadError."""
    path = conditions.path or f"/bench-{os.getpid()}-{repeat}-{conditions.seed}-"
    readers = scenario.mounts * scenario.readers
    with contextlib.ExitStack() as stack:
        descriptor, board = stack.enter_context(shared_board(scenario.mounts))
        plan = Plan(scenario, target.publish_url, path, conditions.seed, descriptor)
        publish = stack.enter_context(load_program("publish", plan, "recording", conditions.publish_prefix))
        measured = target.measured()
        pids = [each.pid for each in measured]
        memory_before = processes.memory_bytes(pids)
        plan = replace(plan, url=target.client_url, options={"renumbered": float(target.renumbers)})
        read = stack.enter_context(load_program("read", plan, "playing", conditions.read_prefix))
        heard = read.hear("receiving")
        if heard["silent"] == readers:
            raise LoadError(f"no reader got a single good packet, and {heard['wrong']} wrong ones came")
        visit = stack.enter_context(_visitors(plan)) if scenario.churn_per_s else None
        time.sleep(SETTLE_S)
        memory = processes.memory_bytes(pids) - memory_before
        seconds, delivered, cpu = _watch(board, conditions, [*pids, publish.pid, read.pid])
        others: dict[str, Any] = {}
        if visit is not None:
            visit.tell(b"\n")
            others = {"churn": visit.hear("visited")}
        sent, report = settle(publish, read)
    own = cpu[len(pids) :]
    per_packet = 1e6 / max(1, delivered)
    return Measurement(
        scenario=scenario,
        target=target.name,
        repeat=repeat,
        seed=conditions.seed,
        seconds=round(seconds, 3),
        delivered_per_s=delivered / seconds,
        cpu_us=sum(each.ran_s for each in cpu[: len(pids)]) * per_packet,
        load_cpu_us=sum(each.ran_s for each in own) * per_packet,
        shares={each.role: 100 * used.ran_s / seconds for each, used in zip(measured, cpu, strict=False)},
        waited=100 * max(each.waited_s for each in cpu) / seconds,
        memory_per_reader=memory / readers,
        counts={name: report[name] for name in _COUNTS},
        sent=sum(sent["sent"]),
        p50_ms=report["p50_ms"],
        p99_ms=report["p99_ms"],
        p999_ms=report["p999_ms"],
        late_frames=sent["late_frames"],
        others={"send_failures": sent["failures"], "latest_ms": sent["latest_ms"], **others},
    )


@contextlib.contextmanager
def _visitors(plan: Plan) -> Iterator[LoadProgram]:
    """Let readers come and go."""
    per_s = plan.scenario.churn_per_s
    options = {"at_a_time": max(8, int(3 * STAY_S * per_s)), "per_s": per_s, "stay_s": STAY_S}
    with load_program("visit", replace(plan, options=options), "visiting") as visit:
        visit.tell(b"\n")
        yield visit


def _watch(board: Board, conditions: Conditions, pids: Sequence[int]) -> tuple[float, int, list[Times]]:
    """Let time pass; give how much it was, what was delivered in it, and the CPU time of each process."""
    cpu_before = [processes.times(pid) for pid in pids]
    delivered_before, began = board.delivered, time.monotonic()
    board.measuring = True
    conditions.let_pass(conditions.seconds)
    board.measuring = False
    delivered, seconds = board.delivered - delivered_before, time.monotonic() - began
    cpu = [processes.times(pid).since(before) for pid, before in zip(pids, cpu_before, strict=True)]
    return seconds, delivered, cpu
