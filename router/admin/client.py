"""The asking side: one question to a running front over its control socket, from another process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import zmq

from workers.contract.administration import AdminAnswer, AdminCommand, StatusAnswer, StatusQuery
from workers.contract.codec import ContractError, Envelope, decode, encode
from workers.contract.endpoints import Endpoints
from workers.contract.messages import Message

TIMEOUT_S = 3.0
"""A front answers at once; one that is being started again takes a second."""
SILENCE_S = 10.0
"""How long a front that carries out a command may say nothing: it says every second that it is at it."""


class NoFrontError(Exception):
    """No front answers; the text says which, and what helps."""


class CommandRefused(Exception):
    """A front did not do what it was told to; the text says why, and what helps."""


def query_status(endpoints: Endpoints, timeout_s: float = TIMEOUT_S) -> str:
    """Ask the front of a runtime directory for its state, as a JSON document.

    Raises:
        NoFrontError: there is none, or it doesn't answer in time.
    """
    with _question(endpoints, StatusQuery()) as answers:
        while True:
            message = answers(timeout_s)
            if isinstance(message, StatusAnswer):
                return message.document


def command(
    endpoints: Endpoints,
    verb: str,
    *arguments: str,
    progress: Callable[[str], None] = lambda line: None,
    silence_s: float = SILENCE_S,
) -> str:
    """Tell the front of a runtime directory to do something, and wait until it is done; give what it says then.

    `progress` gets each line that it says meanwhile.

    Raises:
        NoFrontError: there is none, or it says nothing any more: what became of the command is not known.
        CommandRefused: it was not done.
    """
    with _question(endpoints, AdminCommand(verb, arguments)) as answers:
        while True:
            message = answers(silence_s)
            if not isinstance(message, AdminAnswer):
                continue
            if not message.more:
                if message.ok:
                    return message.text
                raise CommandRefused(message.text)
            if message.text:
                progress(message.text)


@contextmanager
def _question(endpoints: Endpoints, message: Message) -> Iterator[Callable[[float], Message]]:
    """Send a message, and give a function that waits so many seconds for the next that comes back."""
    _find(endpoints)
    context = zmq.Context()
    try:
        with context.socket(zmq.DEALER) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(endpoints.control)
            socket.send(encode(Envelope("", "", 1, message)))

            def answers(timeout_s: float) -> Message:
                while socket.poll(round(timeout_s * 1000)):
                    try:
                        return decode(socket.recv()).message
                    except ContractError:  # whatever it is, it is not the answer
                        continue
                raise NoFrontError(f"the router in {endpoints.runtime_dir} does not answer; is its front running?")

            yield answers
    except zmq.ZMQError as error:
        raise NoFrontError(f"{endpoints.control}: {error.strerror}") from error
    finally:
        context.term()


def _find(endpoints: Endpoints) -> None:
    try:
        endpoints.control_path.stat()
    except PermissionError:
        raise NoFrontError(
            f"runtime directory {endpoints.runtime_dir} is another user's: ask as that user, or as root,"
            " or name your own router's --runtime-dir"
        ) from None
    except OSError:
        raise NoFrontError(
            f"no router runs in {endpoints.runtime_dir}; start one with `trunkline serve`, or name its --runtime-dir:"
            " it is `runtime=` in its ready line, and each user (root too) has a default of their own"
        ) from None
