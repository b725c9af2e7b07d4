"""Draws a status document for people: tables that fit 80 columns, with more in them where there is room."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, how a row's cell is made, and how it behaves where there is little room."""

    name: str
    cell: Callable[[Row, float], object]
    justify: Literal["left", "right"] = "left"
    folds: bool = False
    """What a client chose, of any length: broken over several lines where it doesn't fit."""
    only: Literal["", "wide", "narrow"] = ""
    """Shown only where all columns fit, or only where they don't."""


def _right(name: str, cell: Callable[[Row, float], object], *, only: Literal["", "wide"] = "") -> Column:
    return Column(name, cell, "right", only=only)


WORKERS = (
    _right("#", lambda row, _: row["index"]),
    _right("pid", lambda row, _: row["pid"]),
    Column("state", lambda row, _: row["state"]),
    _right("cpu", lambda row, _: f"{row['cpu_percent']:.0f}%"),
    _right("lag", lambda row, _: f"{row['loop_lag_ms']:.1f} ms", only="wide"),
    _right("mounts", lambda row, _: row["mounts"]),
    _right("readers", lambda row, _: row["readers"]),
    _right("pkts in", lambda row, _: short(row["packets_in"])),
    _right("out", lambda row, _: short(row["packets_out"])),
    _right("bytes in", lambda row, _: short(row["bytes_in"]), only="wide"),
    _right("out", lambda row, _: short(row["bytes_out"]), only="wide"),
    _right("dropped", lambda row, _: short(sum(row["drops"].values()))),
    _right("ports", lambda row, _: f"{row['ports_used']}/{row['ports_used'] + row['ports_free']}"),
)
MOUNTS = (
    Column("path", lambda row, _: row["path"], folds=True),
    _right("on", lambda row, _: _workers_of(row)),
    Column("state", lambda row, _: row["state"]),
    Column("tracks", lambda row, _: " ".join(_encoding(track) for track in row["tracks"]), folds=True),
    Column("publisher", lambda row, _: (row["publisher"] or {}).get("peer"), folds=True, only="wide"),
    Column("publisher", lambda row, _: _host((row["publisher"] or {}).get("peer")), folds=True, only="narrow"),
    Column("user", lambda row, _: (row["publisher"] or {}).get("user"), folds=True, only="wide"),
    Column("over", lambda row, _: (row["publisher"] or {}).get("transport"), only="wide"),
    _right("packets", lambda row, _: short(sum(track.get("packets_in", 0) for track in row["tracks"])), only="wide"),
    _right("lost", lambda row, _: short(sum(track.get("lost", 0) for track in row["tracks"]))),
    _right("readers", lambda row, _: row["readers"]),
    _right("age", lambda row, now: duration(now - row["since"])),
)


def _workers_of(row: Row) -> str | None:
    """Name a mount's worker, and those of its replicas."""
    workers = [row["worker"], *(each["worker"] for each in row.get("replicas", ()))]
    return None if workers == [None] else "+".join("?" if each is None else str(each) for each in workers)


SESSIONS = (
    Column("id", lambda row, _: row["id"], only="wide"),
    Column("role", lambda row, _: row["role"]),
    Column("state", lambda row, _: row["state"], only="wide"),
    Column("mount", lambda row, _: row["mount"], folds=True),
    Column("over", lambda row, _: row["transport"]),
    Column("peer", lambda row, _: row["peer"], folds=True, only="wide"),
    Column("peer", lambda row, _: _host(row["peer"]), folds=True, only="narrow"),
    Column("user", lambda row, _: row["user"], folds=True),
    _right("packets", lambda row, _: short(row["packets"])),
    _right("age", lambda row, now: duration(now - row["since"])),
)


def draw(document: str, console: Console, now: float) -> None:
    """Draw a status document; `now` is wall time, from which ages are counted."""
    status: Mapping[str, Any] = json.loads(document)
    front = status["front"]
    _say(
        console,
        f"front: pid {front['pid']}, up {duration(front['uptime_s'])},"
        f" {front['connections']} connections, {front['sessions']} sessions",
    )
    if front["requests"]:
        counts = (f"{method} {_counts(by_status)}" for method, by_status in front["requests"].items())
        _say(console, f"requests: {', '.join(counts)}")
    for name, columns in (("workers", WORKERS), ("mounts", MOUNTS), ("sessions", SESSIONS)):
        console.print()
        rows = status[name]
        if rows:
            console.print(_table(name, rows, columns, console, now))
        else:
            _say(console, f"{name}: none")
    for row in status["workers"]:
        if drops := _counts(row["drops"]):
            _say(console, f"dropped by worker {row['index']}: {drops}")


def _table(title: str, rows: Sequence[Row], columns: Sequence[Column], console: Console, now: float) -> Table:
    whole = _drawn(title, rows, [column for column in columns if column.only != "narrow"], now)
    # Measured where nothing limits it: on the console itself it would always fit.
    if console.measure(whole, options=console.options.update_width(1_000_000)).maximum <= console.width:
        return whole
    return _drawn(title, rows, [column for column in columns if column.only != "wide"], now)


def _drawn(title: str, rows: Sequence[Row], columns: Sequence[Column], now: float) -> Table:
    table = Table(title=f"{title}: {len(rows)}", title_justify="left", title_style="", box=None, pad_edge=False)
    for column in columns:
        table.add_column(
            column.name, justify=column.justify, no_wrap=not column.folds, overflow="fold", header_style="bold"
        )
    for row in rows:
        # Text, not markup: paths and user names are a client's choice.
        table.add_row(*(Text(printable(column.cell(row, now))) for column in columns))
    return table


def _say(console: Console, text: str) -> None:
    console.print(Text(printable(text)))


def printable(value: object) -> str:
    """Give a cell's text; control characters in a client's words would be commands to the terminal."""
    text = "-" if value is None or value == "" else str(value)
    return "".join(each if each.isprintable() else "?" for each in text)


def _counts(counts: Mapping[str, int]) -> str:
    return " ".join(f"{name}={count}" for name, count in counts.items() if count)


def _encoding(track: Row) -> str:
    return str(track["encodings"][0]) if track.get("encodings") else str(track.get("kind", "?"))


def _host(peer: str | None) -> str | None:
    """Give a peer's address without its port; one without a connection has none."""
    address, colon, port = (peer or "").rpartition(":")
    return address if colon and port.isdecimal() and (":" not in address or address[-1] == "]") else peer


def short(number: float) -> str:
    """Give a number in at most five characters: 999, 1.2k, 34k, 5.6M."""
    units = iter(("", "k", "M", "G", "T", "P", "E", "Z"))
    unit = next(units)
    while number >= 999.5:
        number /= 1000
        unit = next(units)
    return f"{number:.1f}{unit}" if unit and number < 9.95 else f"{number:.0f}{unit}"


def duration(seconds: float) -> str:
    """Give a time in its two largest units: 5s, 3m 20s, 2h 5m, 4d 1h."""
    whole = max(0, int(seconds))
    for name, size, below, below_size in (("d", 86_400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size}{name} {whole % size // below_size}{below}"
    return f"{whole}s"
