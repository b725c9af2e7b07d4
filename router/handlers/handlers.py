"""The handlers of a server: whose methods are called, in which order, and what their answers mean."""

import asyncio
import inspect
import re
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from router.handlers.calls import Calls, UserCodeError
from router.handlers.interface import NAMES
from router.logs import get_logger
from router.rtsp.errors import LocalError
from router.rtsp.message import Response
from router.state.mounts import Mount
from router.state.sessions import Role

log = get_logger(__name__)

STREAM_METHODS = ("on_describe", "on_setup")
"""Those that may offer a stream."""


@dataclass(frozen=True, slots=True)
class HandlerAnswer:
    """What a handler answered: a response, a stream's mount to offer, or both."""

    response: Response | None
    offered: Mount | None


def misspelt(source: object, names: Collection[str]) -> list[tuple[str, str]]:
    """Find an object's public functions that are named much like one of `names`, with what may be meant."""
    found = []
    for name in dir(source):
        if not name.startswith("_") and name not in names and callable(getattr(source, name, None)):
            snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
            found += [(name, meant) for meant in get_close_matches(snake, names, n=1, cutoff=0.8)]
    return found


def instance_of(source: object | None) -> object | None:
    """Make an object of a class.

    Raises:
        UserCodeError: its constructor raised, or wants arguments.
    """
    if not inspect.isclass(source):
        return source
    try:
        return source()
    except Exception as error:
        raise UserCodeError(f"{source.__name__} can't be made: {type(error).__name__}: {error}") from error


def check_signature(owner: str, name: str, function: Callable[..., Any], *takes: str) -> None:
    """Refuse a function that can't be called with as many arguments as it is going to be.

    Raises:
        UserCodeError: it says which, and what it takes.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some functions written in C don't tell
        return
    try:
        signature.bind(*takes)
    except TypeError as error:
        count = "one argument, " if len(takes) == 1 else f"{len(takes)} arguments: "
        raise UserCodeError(
            f"{owner} {name}{signature} can't be called: {error}; it takes {count}{', '.join(takes)}"
        ) from error


class Handler:
    """One object with the methods that it has. One with a `role` is asked and told of such sessions only."""

    def __init__(self, source: object, owner: str, timeout_s: float | None, role: Role | None = None) -> None:
        self.role = role
        self.calls = Calls(owner, timeout_s)
        self._functions: dict[str, Callable[..., Any]] = {
            name: function for name in NAMES if callable(function := getattr(source, name, None))
        }

    @classmethod
    def of_program(cls, source: object, timeout_s: float) -> "Handler":
        """Take what a program gives as its handler.

        Raises:
            UserCodeError: it has none of the methods, or one of them takes no context.
        """
        source = instance_of(source)
        handler = cls(source, "handler", timeout_s)
        if not handler._functions:
            raise UserCodeError(f"handler {source!r:.80} has none of {', '.join(NAMES)}")
        for name, function in handler._functions.items():
            check_signature("handler's", name, function, "the context")
        for name, meant in misspelt(source, NAMES):
            log.warning("not a handler's method, is it misspelt?", name=name, method=meant)
        return handler

    def __contains__(self, name: str) -> bool:
        return name in self._functions

    async def ask(self, name: str, context: object) -> Any:
        """Call a method that decides, and give what it gives.

        Raises:
            UserCodeError: it failed, which is in the log by then.
        """
        return await self.calls.ask(name, self._functions[name], context)

    def tell(self, keys: Sequence[Hashable], name: str, context: object) -> None:
        """Call a method that only hears of something, after all that it was told of any of the keys."""
        self.calls.tell(keys, name, self._functions[name], context)


class Handlers:
    """All handlers of a server, in the order in which they are asked."""

    def __init__(self, handlers: Sequence[Handler]) -> None:
        self._handlers = handlers

    def with_method(self, name: str, role: Role | None = None) -> list[Handler]:
        """List those that have a method, and concern themselves with such sessions."""
        return [each for each in self._handlers if name in each and (role is None or each.role in (None, role))]

    def of(self, role: Role) -> list[Handler]:
        """List those that concern themselves with such sessions."""
        return [each for each in self._handlers if each.role in (None, role)]

    def hears(self, name: str, role: Role) -> bool:
        """Tell whether any has a method, and concerns itself with such sessions."""
        return bool(self.with_method(name, role))

    async def told(self) -> None:
        """Wait for what they were told so far."""
        for each in self._handlers:
            await each.calls.told()

    async def settle(self) -> None:
        """Wait for what they were told last; each call has its time limit. If cancelled, no further call is begun."""
        await asyncio.gather(*(each.calls.settle() for each in self._handlers))

    async def room(self, key: Hashable) -> None:
        """Wait, where too much waits to be told of a connection, until that is told."""
        for each in self._handlers:
            await each.calls.room(key)


def read_answer(name: str, answer: object, server: object) -> HandlerAnswer | None:
    """Say what a method's answer to a request of `server` means; None: it leaves the matter to others.

    Raises:
        UserCodeError: it means nothing, or could not be sent.
    """
    if answer is None:
        return None
    status, stream = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, None)
    if name in STREAM_METHODS and hasattr(status, "mount"):
        status, stream = None, status
    if isinstance(status, int) and not isinstance(status, bool):
        status = Response(int(status))  # an HTTPStatus too
    response = status
    if not isinstance(response, Response | None) or (stream is not None and not hasattr(stream, "mount")):
        raise UserCodeError(f"{name} gave {answer!r:.80}, which is no answer")
    if response is not None:
        try:
            response.to_bytes()
        except (LocalError, TypeError, ValueError) as error:
            raise UserCodeError(f"{name} gave a response that can't be sent: {error}") from error
    if stream is None:
        return HandlerAnswer(response, None)
    if stream.server is not server:
        raise UserCodeError(f"{name} gave {stream!r:.80}, which is of another server")
    mount = stream.mount
    if mount is None or mount.closed:
        return HandlerAnswer(Response(404, reason="Not Found: the stream is closed"), None)
    return HandlerAnswer(response, mount)
