"""`trunkline status`: asks a running front for its state and draws it."""

import sys
import time

import zmq
from rich.console import Console

from router.status import tables
from workers.contract.codec import ContractError, Envelope, decode, encode
from workers.contract.endpoints import Endpoints
from workers.contract.messages import StatusAnswer, StatusQuery

TIMEOUT_S = 3.0
"""A front answers at once; one that is being started again takes a second."""
NO_TERMINAL_WIDTH = 1_000_000
"""Wider than any document: a table takes no more than it needs."""


class StatusError(Exception):
    """No front answers; the text says which, and what helps."""


def query(endpoints: Endpoints, timeout_s: float = TIMEOUT_S) -> str:
    """Ask the front of a runtime directory for its state, as a JSON document.

    Raises:
        StatusError: there is none, or it doesn't answer in time.
    """
    try:
        endpoints.control_path.stat()
    except PermissionError:
        raise StatusError(
            f"runtime directory {endpoints.runtime_dir} is another user's: ask as that user, or as root,"
            " or name your own router's --runtime-dir"
        ) from None
    except OSError:
        raise StatusError(
            f"no router runs in {endpoints.runtime_dir}; start one with `trunkline serve`, or name its --runtime-dir:"
            " it is `runtime=` in its ready line, and each user (root too) has a default of their own"
        ) from None
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
    # Programs take --json; where nobody looks at a terminal, nothing is cut or folded to fit one.
    console = Console(width=None if sys.stdout.isatty() else NO_TERMINAL_WIDTH, highlight=False)
    tables.draw(document, console, time.time())
