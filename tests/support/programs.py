"""The router's command line, run to its end, and what a running router says of itself."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zmq

from workers.contract.administration import StatusAnswer, StatusQuery
from workers.contract.codec import Envelope, decode, encode
from workers.contract.endpoints import Endpoints

ROOT = Path(__file__).resolve().parents[2]

Status = dict[str, Any]


def to_toml(settings: Mapping[str, Any]) -> str:
    """Write settings as TOML: scalars and lists first, then a table for each mapping."""
    plain = {name: value for name, value in settings.items() if not isinstance(value, Mapping)}
    lines = [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in plain.items()]
    for name, value in settings.items():
        if isinstance(value, Mapping):
            lines += [f"[{name}]", *_table(name, value)]
    return "\n".join(lines) + "\n"


def _table(name: str, table: Mapping[str, Any]) -> list[str]:
    lines = [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in table.items() if not isinstance(value, dict)]
    for key, value in table.items():
        if isinstance(value, dict):
            quoted = f"{name}.{json.dumps(key)}"
            lines += [f"[{quoted}]", *_table(quoted, value)]
    return lines


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment without settings that would reach the router unasked."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRUNKLINE_")}
    return kept | {"PYTHONUNBUFFERED": "1"} | dict(extra or {})


def run_program(
    *arguments: str, environment: Mapping[str, str] | None = None, timeout_s: float = 30.0
) -> "subprocess.CompletedProcess[str]":
    """Run `python -m router ...` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "router", *arguments],
        cwd=ROOT,
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def ask_status(runtime_dir: Path, timeout_s: float = 10.0) -> Status:
    """Ask over the administration's socket, as `status --json` does.

    Raises:
        AssertionError: no answer in time.
    """
    context = zmq.Context()
    try:
        with context.socket(zmq.DEALER) as sock:
            sock.linger = 0
            sock.connect(Endpoints(runtime_dir).control)
            sock.send(encode(Envelope("", "", 1, StatusQuery())))
            assert sock.poll(round(timeout_s * 1000)), f"no status within {timeout_s:g} s"
            answer = decode(sock.recv()).message
    finally:
        context.term()
    assert isinstance(answer, StatusAnswer)
    document: Status = json.loads(answer.document)
    return document
