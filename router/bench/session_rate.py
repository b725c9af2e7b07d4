"""`trunkline bench sessions`: how many whole sessions a second, and how long each takes, while media may flow."""

import contextlib
import csv
import io
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from rich.table import Table

from router.bench import board as boards
from router.bench import processes, report
from router.bench.board import Board
from router.bench.load import LoadError, LoadProgram
from router.bench.program import Plan
from router.bench.scenario import Scenario
from router.bench.targets import Target, TargetError

MEDIA_PACKETS_PER_S = 1000.0
"""What the publisher sends whose packets are delivered meanwhile; readers make up the rest."""
WARM_UP_S = 0.5
QUIET = Scenario(packets_per_s=30.0)
"""The mount that the sessions are of: sessions are measured, not the fan-out to them."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How to measure."""

    at_a_time: int
    media_packets_per_s: float
    seconds: float
    seed: int


@dataclass(frozen=True, slots=True)
class Measurement:
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


def measure(target: Target, repeat: int, conditions: Conditions) -> Measurement:
    """Run sessions against a server for a time. Raises LoadError."""
    readers = round(conditions.media_packets_per_s / MEDIA_PACKETS_PER_S)
    rate = conditions.media_packets_per_s / max(1, readers)
    path = f"/bench-{os.getpid()}-{repeat}-"
    with contextlib.ExitStack() as stack:
        quiet_board = stack.enter_context(_board())
        quiet = Plan(QUIET, target.publish_url, f"{path}quiet-", conditions.seed, quiet_board)
        stack.enter_context(LoadProgram("publish", quiet)).hear("recording")
        media = None
        if conditions.media_packets_per_s:
            media = _Media(target, Scenario(readers=max(1, readers), packets_per_s=rate), path, conditions.seed, stack)
        options = {"at_a_time": float(conditions.at_a_time)}
        visit = stack.enter_context(LoadProgram("visit", replace(quiet, url=target.client_url, options=options)))
        visit.hear("visiting")
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
    return Measurement(
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


@contextmanager
def _board() -> Iterator[int]:
    descriptor = boards.create()
    try:
        yield descriptor
    finally:
        os.close(descriptor)


class _Media:
    """What is delivered meanwhile."""

    def __init__(self, target: Target, scenario: Scenario, path: str, seed: int, stack: contextlib.ExitStack) -> None:
        descriptor = stack.enter_context(_board())
        self._board = Board(descriptor, scenario.mounts)
        plan = Plan(scenario, target.publish_url, f"{path}media-", seed, descriptor)
        self._publish = stack.enter_context(LoadProgram("publish", plan))
        self._publish.hear("recording")
        self._read = stack.enter_context(LoadProgram("read", replace(plan, url=target.client_url)))
        self._read.hear("playing")
        self._read.hear("receiving")

    @property
    def delivered(self) -> int:
        """How many packets were delivered up to now."""
        return self._board.delivered

    def finish(self) -> dict[str, Any]:
        """Stop, and give the readers' report."""
        self._publish.terminate()
        self._read.tell(json.dumps(self._publish.hear("sent")["sent"]).encode() + b"\n")
        return self._read.hear("report")


def run(make: Callable[[], Target], conditions: Conditions, repeats: int, *, as_json: bool, as_csv: bool) -> int:
    """Measure, print, and give the exit status."""
    err = report.console(stderr=True)
    results: list[Measurement] = []
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
        print(_csv(results), end="")
    elif results:
        _show(results, conditions)
    return 1 if failed or not results or any(each.failures or each.lost or each.wrong for each in results) else 0


def _csv(results: Sequence[Measurement]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(Measurement.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    for each in results:
        writer.writerow({**asdict(each), "reasons": "; ".join(each.reasons)})
    return out.getvalue()


def _show(results: Sequence[Measurement], conditions: Conditions) -> None:
    table = Table(title=f"whole sessions, {conditions.at_a_time} at a time: medians of {len(results)} runs")
    columns = ("server", "sessions/s", "least", "p50 ms", "p99 ms", "failed", "front µs", "workers µs", "load µs",
               "media/s", "lost", "wrong")  # fmt: skip
    for name in columns:
        table.add_column(name, justify="right")

    def middle(values: list[float | None]) -> float:
        known = [each for each in values if each is not None]
        return statistics.median(known) if known else 0.0

    table.add_row(
        results[0].target,
        f"{middle([each.sessions_per_s for each in results]):,.0f}",
        f"{min(each.sessions_per_s for each in results):,.0f}",
        f"{middle([each.p50_ms for each in results]):.1f}",
        f"{middle([each.p99_ms for each in results]):.1f}",
        str(sum(each.failures for each in results)),
        f"{middle([each.front_us for each in results]):,.0f}",
        f"{middle([each.workers_us for each in results]):,.0f}",
        f"{middle([each.load_us for each in results]):,.0f}",
        f"{middle([each.delivered_per_s for each in results]):,.0f}",
        str(sum(each.lost for each in results)),
        str(sum(each.wrong for each in results)),
    )
    report.console().print(table)
