"""Results as a table for people, and as JSON and CSV for programs."""

import csv
import io
import json
import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
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
        busiest=median(each.busiest for each in group),
        lost=sum(each.counts["lost"] for each in group),
        wrong=sum(each.counts[name] for each in group for name in ("damaged", "reordered", "duplicated")),
        dropped_by_load=sum(each.counts["dropped_by_load"] for each in group),
        p50_ms=median(each.p50_ms for each in group),
        p99_ms=median(each.p99_ms for each in group),
        p999_ms=median(each.p999_ms for each in group),
        kb_per_reader=statistics.median(each.memory_per_reader for each in group) / 1024,
        load_cpu_us=statistics.median(each.load_cpu_us for each in group),
        late_frames=sum(each.late_frames for each in group),
        waited=max(each.waited for each in group),
    )


def median(values: Iterable[float | None]) -> float | None:
    """Give the median of those that are known; None where none is."""
    known = [each for each in values if each is not None]
    return statistics.median(known) if known else None


def console(*, stderr: bool = False) -> Console:
    """Give a console that is wide enough for the table where nobody says how wide it is."""
    found = Console(stderr=stderr, highlight=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=_WIDTH)


Column = tuple[str, str]
"""A column's name, and how a row is written in it: a format of its attributes."""

_COLUMNS: tuple[Column, ...] = (
    ("packets/s", "{0.delivered_per_s:,.0f}"),
    ("CPU µs", "{0.cpu_us:.2f}"),
    ("range", "{0.cpu_us_least:.2f} to {0.cpu_us_most:.2f}"),
    ("of floor", "{0.of_floor:.2f}"),
    ("busiest", "{0.busiest:.2f}"),
    ("lost", "{0.lost:,}"),
    ("wrong", "{0.wrong:,}"),
    ("p50 ms", "{0.p50_ms:.1f}"),
    ("p99 ms", "{0.p99_ms:.1f}"),
    ("p99.9 ms", "{0.p999_ms:.1f}"),
    ("KB/reader", "{0.kb_per_reader:.1f}"),
    ("load µs", "{0.load_cpu_us:.2f}"),
)


def cells(columns: Sequence[Column], row: object) -> list[str]:
    """Write a row; a dash stands for what is not known."""
    return [_cell(form, row) for _, form in columns]


def _cell(form: str, row: object) -> str:
    try:
        return form.format(row)
    except TypeError:  # None has no decimals
        return "-"


def show(rows: Sequence[Row], out: Console) -> None:
    """Print the table."""
    table = Table(title="CPU per delivered packet, kernel included: medians")
    for name in ("scenario", "server"):
        table.add_column(name, no_wrap=name == "server", min_width=9 if name == "server" else 14)
    for name, _ in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=name == "range")
    before = ""
    for row in rows:
        if before and row.scenario != before:
            table.add_section()
        table.add_row("" if row.scenario == before else row.scenario, row.target, *cells(_COLUMNS, row))
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
    return write_csv([each.name for each in fields(Row)], [asdict(each) for each in rows])


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def environment() -> dict[str, Any]:
    """Say where this was measured."""
    installed = ""
    with suppress(PackageNotFoundError):  # run from a checkout
        installed = version("trunkline")
    return {
        "trunkline": installed,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg(),
    }
