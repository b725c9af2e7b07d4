"""How a status is drawn: within 80 columns on a terminal, whole where it goes to a file."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from router.status.tables import draw, duration, short
from router.status.view import show

NOW = 1_800_000_000.0
WORKER: dict[str, Any] = {
    "index": 11, "pid": 4194304, "state": "draining", "mounts": 1250, "readers": 10000, "packets_in": 123_456_789,
    "packets_out": 9_876_543_210, "bytes_in": 10**12, "bytes_out": 10**14, "drops": {"write-queue-full": 3, "bad": 0},
    "cpu_percent": 99.9, "loop_lag_ms": 12.34, "ports_free": 4000, "ports_used": 1000,
}  # fmt: skip
MOUNT: dict[str, Any] = {
    "path": "/live/building-7/entrance", "worker": 11, "state": "announced", "readers": 10000, "since": NOW - 100_000,
    "tracks": [
        {"kind": "video", "encodings": ["H264"], "packets_in": 5, "lost": 2},
        {"kind": "audio", "encodings": ["MPEG4-GENERIC"]},
    ],
    "publisher": {"session": "s" * 16, "peer": "192.168.100.200:65535", "user": "camera-7", "transport": "udp"},
}  # fmt: skip
SESSION: dict[str, Any] = {
    "id": "s" * 16, "role": "publisher", "state": "recording", "mount": "/live/building-7/entrance",
    "transport": "udp", "peer": "192.168.100.200:65535", "user": "camera-7", "packets": 123_456_789, "since": NOW - 60,
}  # fmt: skip
DOCUMENT: dict[str, Any] = {
    "front": {
        "pid": 7, "uptime_s": 7384.2, "connections": 2, "sessions": 3,
        "requests": {"OPTIONS": {"200": 4}, "SETUP": {"200": 2, "461": 1}},
    },
    "workers": [WORKER, {**WORKER, "index": 1, "pid": None, "drops": {}}],
    "mounts": [MOUNT, {**MOUNT, "publisher": None, "worker": None}],
    "sessions": [SESSION, {**SESSION, "user": None}],
}  # fmt: skip


def drawn(document: dict[str, Any], width: int) -> str:
    out = io.StringIO()
    draw(json.dumps(document), Console(file=out, width=width, highlight=False), NOW)
    return out.getvalue()


def test_everything_fits_80_columns_and_says_what_matters() -> None:
    text = drawn(DOCUMENT, 80)
    assert [line for line in text.splitlines() if len(line) > 80] == []
    for word in (
        "front: pid 7, up 2h 3m, 2 connections, 3 sessions", "requests: OPTIONS 200=4, SETUP 200=2 461=1",
        "4194304", "draining", "100%", "123M", "9.9G", "1000/5000", "dropped by worker 11: write-queue-full=3",
        "1d 3h", "1m 0s", "publisher", "announced",
    ):  # fmt: skip
        assert word in text
    assert "loop_lag" not in text
    assert "bad=0" not in text


@pytest.mark.parametrize("part", ["workers", "mounts", "sessions"])
def test_ordinary_rows_take_one_line_each_at_80_columns(part: str) -> None:
    rows = {
        "workers": WORKER,
        "mounts": {**MOUNT, "path": "/cam-entrance", "tracks": MOUNT["tracks"][:1]},
        "sessions": {**SESSION, "mount": "/cam-entrance"},
    }
    text = drawn({**DOCUMENT, "workers": [], "mounts": [], "sessions": [], part: [rows[part]] * 3}, 80)
    lines = text[text.index(f"{part}: 3") :].splitlines()
    first, second, third = lines[2:5]
    assert first == second == third
    assert lines[5:6] in ([""], [])
    expected = {
        "workers": "11  4194304  draining  100%    1250    10000     123M  9.9G        3  1000/5000",
        "mounts": "/cam-entrance  11  announced  H264    192.168.100.200     2    10000  1d 3h",
        "sessions": "publisher  /cam-entrance  udp   192.168.100.200  camera-7     123M  1m 0s",
    }
    assert first.rstrip() == expected[part]


def test_a_wide_terminal_gets_more() -> None:
    assert "12.3 ms" not in drawn(DOCUMENT, 80)
    assert "12.3 ms" in drawn(DOCUMENT, 160)
    assert "s" * 16 in drawn(DOCUMENT, 160)


def test_nothing_is_cut_or_folded_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    path = "/long" * 500
    show(json.dumps({**DOCUMENT, "mounts": [{**MOUNT, "path": path}]}))
    out = capsys.readouterr().out
    assert path in out
    assert "12.3 ms" in out
    assert max(map(len, out.splitlines())) < len(path) + 200


def test_what_there_is_none_of(capsys: pytest.CaptureFixture[str]) -> None:
    show(json.dumps({**DOCUMENT, "sessions": []}))
    assert "sessions: none" in capsys.readouterr().out


def test_a_clients_words_give_the_terminal_no_orders() -> None:
    text = drawn({**DOCUMENT, "mounts": [{**MOUNT, "path": "/[red]\x1b[31m"}]}, 160)
    assert "/[red]?[31m" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("peer", "shown"),
    [("10.0.0.1:5000", "10.0.0.1"), ("[::1]:5000", "[::1]"), ("::1", "::1"), ("10.0.0.1", "10.0.0.1"), ("", "-")],
)
def test_peers_lose_their_port_where_there_is_little_room(peer: str, shown: str) -> None:
    text = drawn({**DOCUMENT, "mounts": [], "sessions": [{**SESSION, "mount": "/x", "peer": peer}]}, 72)
    assert text[text.index("sessions: 1") :].splitlines()[2].split()[3] == shown


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (9949, "9.9k"), (9951, "10k"), (999_499, "999k"), (999_500, "1.0M"),
     (5.6e9, "5.6G"), (1e14, "100T")],
)  # fmt: skip
def test_short_numbers(number: float, text: str) -> None:
    assert short(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0s"), (59.9, "59s"), (60, "1m 0s"), (3599, "59m 59s"), (7384, "2h 3m"), (100_000, "1d 3h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_mount_names_the_workers_of_its_replicas() -> None:
    replicas = [
        {"path": "replica:r:/a", "worker": 3, "readers": 5},
        {"path": "replica:s:/a", "worker": None, "readers": 0},
    ]
    text = drawn({**DOCUMENT, "mounts": [{**MOUNT, "replicas": replicas}]}, 200)
    assert " 11+3+? " in text
