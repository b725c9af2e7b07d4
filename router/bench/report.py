"""Results as a table for people, and as JSON and CSV for programs."""

import csv
import io
import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rich.console import Console
from rich.table import Table

from router.bench.cell import Measurement

FLOOR = "floor"
_WIDTH = 160
"""Where there is no terminal to fit into."""


@dataclass(frozen=True, slots=True)
class Row:
    """The medians of one scenario's runs on one server; faults are sums, latencies medians of each run's share."""

    scenario: str
    target: str
    runs: int
    delivered_per_s: float
    cpu_us: float
    cpu_us_least: float
    cpu_us_most: float
    of_floor: float | None
    busiest: float | None
    lost: int
    wrong: int
    dropped_by_load: int
    p50_ms: float | None
    p99_ms: float | None
    p999_ms: float | None
    kb_per_reader: float
    load_cpu_us: float
    late_frames: int
    waited: float


def rows_of(results: Sequence[Measurement]) -> list[Row]:
    """Sum up, in the order in which scenarios and servers first appear."""
    groups: dict[tuple[str, str], list[Measurement]] = {}
    for each in results:
        groups.setdefault((each.scenario.name, each.target), []).append(each)
    floors = {
        scenario: statistics.median(each.cpu_us for each in group)
        for (scenario, target), group in groups.items()
        if target == FLOOR
    }
    order = {name: place for place, name in enumerate(dict.fromkeys(scenario for scenario, _ in groups))}
    keys = sorted(groups, key=lambda key: (order[key[0]], key[1] == "sendto", key[1] == FLOOR))
    return [_row(scenario, target, groups[scenario, target], floors.get(scenario)) for scenario, target in keys]


def _row(scenario: str, target: str, group: list[Measurement], floor: float | None) -> Row:
    cpu = [each.cpu_us for each in group]
    return Row(
        scenario=scenario,
        target=target,
        runs=len(group),
        delivered_per_s=statistics.median(each.delivered_per_s for each in group),
        cpu_us=statistics.median(cpu),
        cpu_us_least=min(cpu),
        cpu_us_most=max(cpu),
        of_floor=statistics.median(cpu) / floor if floor else None,
        busiest=_median(each.busiest for each in group),
        lost=sum(each.counts["lost"] for each in group),
        wrong=sum(each.counts[name] for each in group for name in ("damaged", "reordered", "duplicated")),
        dropped_by_load=sum(each.counts["dropped_by_load"] for each in group),
        p50_ms=_median(each.p50_ms for each in group),
        p99_ms=_median(each.p99_ms for each in group),
        p999_ms=_median(each.p999_ms for each in group),
        kb_per_reader=statistics.median(each.memory_per_reader for each in group) / 1024,
        load_cpu_us=statistics.median(each.load_cpu_us for each in group),
        late_frames=sum(each.late_frames for each in group),
        waited=max(each.waited for each in group),
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return statistics.median(known) if known else None


def console(*, stderr: bool = False) -> Console:
    """Give a console that is wide enough for the table where nobody says how wide it is."""
    found = Console(stderr=stderr, highlight=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=_WIDTH)


def show(rows: Sequence[Row], out: Console) -> None:
    """Print the table."""
    table = Table(title="CPU per delivered packet, kernel included: medians")
    for name in ("scenario", "server"):
        table.add_column(name, no_wrap=name == "server", min_width=9 if name == "server" else 14)
    for name in (
        "packets/s", "CPU µs", "range", "of floor", "busiest", "lost", "wrong", "p50 ms", "p99 ms", "p99.9 ms",
        "KB/reader", "load µs",
    ):  # fmt: skip
        table.add_column(name, justify="right", no_wrap=name == "range")
    before = ""
    for row in rows:
        if before and row.scenario != before:
            table.add_section()
        table.add_row(
            "" if row.scenario == before else row.scenario,
            row.target,
            f"{row.delivered_per_s:,.0f}",
            f"{row.cpu_us:.2f}",
            f"{row.cpu_us_least:.2f} to {row.cpu_us_most:.2f}",
            _text(row.of_floor, ".2f"),
            _text(row.busiest, ".2f"),
            f"{row.lost:,}",
            f"{row.wrong:,}",
            _text(row.p50_ms, ".1f"),
            _text(row.p99_ms, ".1f"),
            _text(row.p999_ms, ".1f"),
            f"{row.kb_per_reader:.1f}",
            f"{row.load_cpu_us:.2f}",
        )
        before = row.scenario
    out.print(table)
    out.print(
        "of floor: by the bare recvmmsg + sendmmsg loop with UDP_SEGMENT. sendto: a system call for each packet and"
        " reader. busiest: CPU of the busiest worker by their mean. wrong: damaged, doubled or out of order."
        " load µs: what this measurement itself took, sender and readers, beside the server's CPU."
    )
    if dropped := sum(row.dropped_by_load for row in rows):
        out.print(f"{dropped:,} packets were lost in the load's own sockets: this machine can't measure that much.")
    out.print(f"A process waited for a core up to {max(row.waited for row in rows):.0f} % of the time.")
    if late := sum(row.late_frames for row in rows):
        out.print(f"{late:,} frames were sent over 5 ms late: the machine is busy; latencies are its own as well.")


def _text(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def document(results: Sequence[Measurement], rows: Sequence[Row], failures: Sequence[str]) -> str:
    """Write everything as JSON."""
    runs = [{**asdict(each), "scenario_name": each.scenario.name, "clean": each.clean} for each in results]
    whole = {
        "environment": environment(),
        "rows": [asdict(each) for each in rows],
        "runs": runs,
        "failures": list(failures),
    }
    return json.dumps(whole, indent=1)


def table_csv(rows: Sequence[Row]) -> str:
    """Write the table as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(Row.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    for each in rows:
        writer.writerow(asdict(each))
    return out.getvalue()


def environment() -> dict[str, Any]:
    """Say where this was measured."""
    try:
        installed = version("trunkline")
    except PackageNotFoundError:  # run from a checkout
        installed = ""
    return {
        "trunkline": installed,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg(),
    }
