"""`trunkline status`: asks a running front for its state and draws it."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import zmq
from rich.console import Console
from rich.table import Table
from rich.text import Text

from workers.contract.codec import ContractError, Envelope, decode, encode
from workers.contract.endpoints import Endpoints
from workers.contract.messages import StatusAnswer, StatusQuery

TIMEOUT_S = 3.0
"""A front answers at once; one that is being started again takes a second."""

Document = dict[str, Any]


class StatusError(Exception):
    """No front answers; the text says which, and what helps."""


def query(endpoints: Endpoints, timeout_s: float = TIMEOUT_S) -> str:
    """Ask the front of a runtime directory for its state, as a JSON document.

    Raises:
        StatusError: there is none, or it doesn't answer in time.
    """
    if not endpoints.control_path.exists():
        raise StatusError(
            f"no router runs in {endpoints.runtime_dir}; start one with `trunkline serve`, or name its --runtime-dir"
        )
    context = zmq.Context()
    try:
        with context.socket(zmq.DEALER) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(endpoints.control)
            socket.send(encode(Envelope("", "", 1, StatusQuery())))
            while socket.poll(round(timeout_s * 1000)):
                try:
                    message = decode(socket.recv()).message
                except ContractError:  # whatever it is, it is not the answer
                    continue
                if isinstance(message, StatusAnswer):
                    return message.document
    except zmq.ZMQError as error:
        raise StatusError(f"{endpoints.control}: {error.strerror}") from error
    finally:
        context.term()
    raise StatusError(f"the router in {endpoints.runtime_dir} does not answer; is its front running?")


def show(document: str) -> None:
    """Draw a status document on standard output, as tables."""
    # Programs take --json; where nobody looks at a terminal, nothing is cut to fit one.
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    status: Document = json.loads(document)
    front = status.get("front", {})
    requests = front.get("requests", {})
    console.print(
        f"front: pid {front.get('pid')}, up {_duration(front.get('uptime_s', 0))},"
        f" {front.get('connections')} connections, {front.get('sessions')} sessions"
    )
    if requests:
        console.print(Text("requests: " + _cell(requests)))
    for part in ("workers", "mounts", "sessions"):
        rows = status.get(part, [])
        if rows:
            console.print(_table(part, rows))
        else:
            console.print(f"{part}: none")


def _table(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name, justify="right" if isinstance(rows[0][name], int | float) else "left")
    for row in rows:
        # Text, not markup: paths and user names are a client's choice.
        table.add_row(*(Text(_cell(row.get(name))) for name in rows[0]))
    return table


def _cell(value: Any) -> str:
    match value:
        case None:
            text = ""
        case dict():
            text = " ".join(f"{key}={_cell(each)}" for key, each in value.items() if each not in (0, {}))
        case list():
            text = str(len(value))
        case _:
            text = str(value)
    # Control characters in a client's words would be the terminal's orders.
    return "".join(each if each.isprintable() else "?" for each in text)


def _duration(seconds: float) -> str:
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"
