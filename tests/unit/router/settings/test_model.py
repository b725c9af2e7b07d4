"""The settings' own checks: each bound at the limit and one past it, and what must fit together."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from router.settings import Settings

GOOD: list[dict[str, Any]] = [
    {},
    {"host": "0.0.0.0"},
    {"host": "::1"},
    {"publish_port": 0, "client_port": 65_535},
    {"rtp_port_start": 1024, "rtp_port_count": 64_512, "workers": 1},
    {"rtp_port_start": 65_534, "rtp_port_count": 2, "workers": 1},
    {"rtp_port_count": 8, "workers": 4},
    {"workers": "auto"},
    {"workers": 1024, "rtp_port_count": 2048},
    {"hooks": "cameras.hooks:hooks"},
    {"hooks": "cameras"},
    {"log_level": "DEBUG"},
    {"heartbeat_interval_s": 0.5, "heartbeat_timeout_s": 1},
    {"stale_after_s": 10, "publish_timeout_s": 10},
    {"limits": {"line_bytes": 8192, "head_bytes": 8192}},
    {"auth": {"schemes": ["digest-sha256"]}},
    {"batch_window_ms": 2},
]

BAD: list[tuple[dict[str, Any], str]] = [
    ({"host": "localhost"}, "IPv4 or IPv6 address"),
    ({"publish_port": 65_536}, "less than or equal to 65535"),
    ({"client_port": -1}, "greater than or equal to 0"),
    ({"rtp_port_start": 1022}, "greater than or equal to 1024"),
    ({"rtp_port_start": 10_001}, "multiple of 2"),
    ({"rtp_port_start": 65_534, "rtp_port_count": 3, "workers": 1}, "end at port 65536"),
    ({"rtp_port_count": 7, "workers": 4}, "too few for workers=4"),
    ({"workers": 0}, "must be auto or a whole number from 1 to 1024"),
    ({"workers": 1025, "rtp_port_count": 4096}, "must be auto or a whole number from 1 to 1024"),
    ({"workers": "many"}, "must be auto or a whole number from 1 to 1024"),
    ({"workers": True}, "must be auto or a whole number from 1 to 1024"),
    ({"hooks": "a:b:c"}, "MODULE:NAME"),
    ({"hooks": "../x.py:hooks"}, "MODULE:NAME"),
    ({"runtime_dir": "/tmp/" + "x" * 107}, "too long for a Unix socket"),
    ({"log_level": "loud"}, "'debug', 'info', 'warning' or 'error'"),
    ({"publish_conflict": "fight"}, "'reject', 'takeover' or 'takeover-if-stale'"),
    ({"session_timeout_s": 0}, "greater than or equal to 1"),
    ({"publish_timeout_s": 0}, "greater than 0"),
    ({"publish_timeout_s": 86_401}, "less than or equal to 86400"),
    ({"publish_timeout_s": float("inf")}, "finite number"),
    ({"write_queue_bytes": 65_535}, "greater than or equal to 65536"),
    ({"batch_window_ms": 51}, "less than or equal to 50"),
    ({"heartbeat_interval_s": 1, "heartbeat_timeout_s": 1.9}, "at least twice"),
    ({"stale_after_s": 10.1, "publish_timeout_s": 10}, "the mount is gone by then"),
    ({"limits": {"line_bytes": 8193, "head_bytes": 8192}}, "of which a line is a part"),
    ({"limits": {"conections": 3}}, "Extra inputs"),
    ({"auth": {"schemes": ["ntlm"]}}, "'basic', 'digest-md5' or 'digest-sha256'"),
    ({"files": {"movie": {"file": "a.mp4"}}}, "paths such as /movie, not 'movie'"),
    ({"mounts": {"hall": {}}}, "'hall' is neither"),
    ({"mounts": {"/a*b": {}}}, "is neither"),
    ({"mounts": {"": {}}}, "is neither"),
    ({"mounts": {"/a": {"max_readers": -1}}}, "greater than or equal to 0"),
    ({"mounts": {"/a": {"readers": 1}}}, "Extra inputs"),
    ({"port": 1}, "Extra inputs"),
    ({"publish_port": True}, "valid integer"),
    ({"publish_port": 5554.0}, "valid integer"),
    ({"publish_port": "5554"}, "valid integer"),
    ({"workers": "2"}, "must be auto or a whole number"),
    ({"limits": {"sessions": True}}, "valid integer"),
    ({"publish_timeout_s": True}, "valid number"),
    ({"publish_timeout_s": "10"}, "valid number"),
    ({"auth": {"failure_delay_s": "1"}}, "valid number"),
    ({"auth": {"schemes": "basic"}}, "valid tuple"),
    ({"host": 1}, "valid string"),
]


@pytest.mark.parametrize("values", GOOD, ids=repr)
def test_good(values: dict[str, Any]) -> None:
    Settings(**values)


@pytest.mark.parametrize(("values", "reason"), BAD, ids=repr)
def test_bad(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Settings(**values)


def test_auto_is_one_worker_for_each_usable_cpu() -> None:
    assert Settings().worker_count == len(os.sched_getaffinity(0))
    assert Settings(workers=3).worker_count == 3


def test_the_constructor_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_PUBLISH_PORT", "1")
    assert Settings().publish_port == 5554


def test_the_runtime_directory_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    assert Settings().runtime_dir == Path("/run/user/7/trunkline")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert Settings().runtime_dir == Path(f"/tmp/trunkline-{os.getuid()}")


def test_the_runtime_directory_is_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/tmp")
    assert Settings(runtime_dir=Path("here")).runtime_dir == Path("/tmp/here")
