"""`trunkline bench sessions`: how many whole sessions a second, and how long each takes, while media may flow."""

import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, fields, replace
from types import SimpleNamespace
from typing import Any

from rich.table import Table

from router.bench import processes, report
from router.bench.board import shared_board
from router.bench.load import LoadError, load_program, settle
from router.bench.program import Plan
from router.bench.report import Column
from router.bench.scenario import Scenario
from router.bench.targets import Target, TargetError

MEDIA_PACKETS_PER_S = 1000.0
"""What the publisher sends whose packets are delivered meanwhile; readers make up the rest."""
WARM_UP_S = 0.5
QUIET = Scenario(packets_per_s=30.0)
"""The mount that the sessions are of: sessions are measured, not the fan-out to them."""


@dataclass(frozen=True, slots=True)
class SessionConditions:
    """How to measure."""

    at_a_time: int
    media_packets_per_s: float
    seconds: float
    seed: int


@dataclass(frozen=True, slots=True)
class SessionRate:
    """What came of one run. CPU times are microseconds for each session; media's share is in them."""

    target: str
    repeat: int
    sessions_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    failures: int
    reasons: list[str]
    front_us: float
    workers_us: float
    load_us: float
    delivered_per_s: float
    lost: int
    wrong: int


def measure(target: Target, repeat: int, conditions: SessionConditions) -> SessionRate:
    """Run sessions against a server for a time. Raises LoadError."""
    path = f"/bench-{os.getpid()}-{repeat}-"
    with ExitStack() as stack:
        descriptor, _ = stack.enter_context(shared_board(QUIET.mounts))
        quiet = Plan(QUIET, target.publish_url, f"{path}quiet-", conditions.seed, descriptor)
        stack.enter_context(load_program("publish", quiet, "recording"))
        media = _Media(target, path, conditions, stack) if conditions.media_packets_per_s else None
        options = {"at_a_time": float(conditions.at_a_time)}
        plan = replace(quiet, url=target.client_url, options=options)
        visit = stack.enter_context(load_program("visit", plan, "visiting"))
        time.sleep(WARM_UP_S)
        visit.tell(b"\n")
        measured = target.measured()
        pids = [*(each.pid for each in measured), visit.pid]
        before = [processes.times(pid).ran_s for pid in pids]
        delivered, began = media.delivered if media else 0, time.monotonic()
        time.sleep(conditions.seconds)
        cpu = [processes.times(pid).ran_s - each for pid, each in zip(pids, before, strict=True)]
        delivered, seconds = (media.delivered if media else 0) - delivered, time.monotonic() - began
        visit.tell(b"\n")
        visited = visit.hear("visited")
        counts = media.finish() if media else {}
    done = max(1.0, visited["sessions_per_s"] * seconds)
    shares = dict(zip((each.role for each in measured), cpu, strict=False))
    workers = sum(used for role, used in shares.items() if role.startswith("worker"))
    return SessionRate(
        target=target.name,
        repeat=repeat,
        sessions_per_s=visited["sessions_per_s"],
        p50_ms=visited["p50_ms"],
        p99_ms=visited["p99_ms"],
        failures=visited["failures"],
        reasons=visited["reasons"],
        front_us=1e6 * (sum(shares.values()) - workers) / done,
        workers_us=1e6 * workers / done,
        load_us=1e6 * cpu[-1] / done,
        delivered_per_s=delivered / seconds,
        lost=counts.get("lost", 0) + counts.get("silent", 0),
        wrong=sum(counts.get(name, 0) for name in ("damaged", "reordered", "duplicated")),
    )


class _Media:
    """What is delivered meanwhile."""

    def __init__(self, target: Target, path: str, conditions: SessionConditions, stack: ExitStack) -> None:
        readers = max(1, round(conditions.media_packets_per_s / MEDIA_PACKETS_PER_S))
        scenario = Scenario(readers=readers, packets_per_s=conditions.media_packets_per_s / readers)
        descriptor, self._board = stack.enter_context(shared_board(scenario.mounts))
        plan = Plan(scenario, target.publish_url, f"{path}media-", conditions.seed, descriptor)
        self._publish = stack.enter_context(load_program("publish", plan, "recording"))
        self._read = stack.enter_context(load_program("read", replace(plan, url=target.client_url), "playing"))
        self._read.hear("receiving")

    @property
    def delivered(self) -> int:
        return self._board.delivered

    def finish(self) -> dict[str, Any]:
        """Stop, and give the readers' report."""
        return settle(self._publish, self._read)[1]


def run(
    make: Callable[[], AbstractContextManager[Target]],
    conditions: SessionConditions,
    repeats: int,
    *,
    as_json: bool,
    as_csv: bool,
) -> int:
    """Measure, print, and give the exit status."""
    err = report.console(stderr=True)
    results: list[SessionRate] = []
    failed: list[str] = []
    for repeat in range(repeats):
        try:
            with make() as target:
                results.append(measure(target, repeat, conditions))
        except (LoadError, TargetError) as error:
            failed.append(str(error))
            err.print(str(error))
            continue
        last = results[-1]
        err.print(f"run {repeat + 1}: {last.sessions_per_s:,.0f} sessions/s, p99 {last.p99_ms} ms", *last.reasons)
    if as_json:
        runs = [asdict(each) for each in results]
        whole = {"environment": report.environment(), "conditions": asdict(conditions), "runs": runs}
        print(json.dumps({**whole, "failures": failed}, indent=1))
    elif as_csv:
        rows = [{**asdict(each), "reasons": "; ".join(each.reasons)} for each in results]
        print(report.write_csv([each.name for each in fields(SessionRate)], rows), end="")
    elif results:
        _show(results, conditions)
    return 1 if failed or not results or any(each.failures or each.lost or each.wrong for each in results) else 0


_COLUMNS: tuple[Column, ...] = (
    ("server", "{0.target}"),
    ("sessions/s", "{0.sessions_per_s:,.0f}"),
    ("least", "{0.least:,.0f}"),
    ("p50 ms", "{0.p50_ms:.1f}"),
    ("p99 ms", "{0.p99_ms:.1f}"),
    ("failed", "{0.failures}"),
    ("front µs", "{0.front_us:,.0f}"),
    ("workers µs", "{0.workers_us:,.0f}"),
    ("load µs", "{0.load_us:,.0f}"),
    ("media/s", "{0.delivered_per_s:,.0f}"),
    ("lost", "{0.lost}"),
    ("wrong", "{0.wrong}"),
)
_MEDIANS = ("sessions_per_s", "p50_ms", "p99_ms", "front_us", "workers_us", "load_us", "delivered_per_s")
_SUMS = ("failures", "lost", "wrong")


def _show(results: Sequence[SessionRate], conditions: SessionConditions) -> None:
    table = Table(title=f"whole sessions, {conditions.at_a_time} at a time: medians of {len(results)} runs")
    for name, _ in _COLUMNS:
        table.add_column(name, justify="right")
    row = SimpleNamespace(target=results[0].target, least=min(each.sessions_per_s for each in results))
    for name in _MEDIANS:
        setattr(row, name, report.median(getattr(each, name) for each in results) or 0.0)
    for name in _SUMS:
        setattr(row, name, sum(getattr(each, name) for each in results))
    table.add_row(*report.cells(_COLUMNS, row))
    report.console().print(table)
