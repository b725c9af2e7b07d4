"""One worker process as the front knows it: how it is spoken to, and how it is let go of."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from router.link.descriptors import WorkerChannel
from workers.contract.events import Heartbeat
from workers.contract.messages import Command, Event, Message, Reply
from workers.contract.replies import Refused
from workers.contract.reports import StateReport


class WorkerError(Exception):
    """A command was not carried out."""


class WorkerGone(WorkerError):
    """The worker died or did not answer in time: what became of the command is not known."""


class WorkerRefused(WorkerError):
    """The worker said no, and nothing of the command was kept."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.reason)
        self.cause = refused.cause


class WorkerState(StrEnum):
    """How a worker stands, as `trunkline status` names it."""

    CONNECTING = "connecting"
    READY = "ready"
    DRAINING = "draining"
    GIVEN_UP = "given up"
    """It carries what it has, and gets nothing more: those before it died too often."""
    LOST = "lost"


_NEXT: Mapping[WorkerState, Collection[WorkerState]] = {
    WorkerState.CONNECTING: {WorkerState.READY, WorkerState.LOST},
    WorkerState.READY: {WorkerState.DRAINING, WorkerState.GIVEN_UP, WorkerState.LOST},
    WorkerState.DRAINING: {WorkerState.READY, WorkerState.GIVEN_UP, WorkerState.LOST},  # it could not be drained
    WorkerState.GIVEN_UP: {WorkerState.READY, WorkerState.DRAINING, WorkerState.LOST},
    WorkerState.LOST: set(),
}


class Courier(Protocol):
    """Carries messages to workers."""

    command_timeout_s: float

    def next_request(self) -> int:
        """Number a command."""

    def send(self, worker: "Worker", request: int, message: Message) -> None:
        """Send to a worker; one that is gone is told nothing."""


@dataclass(eq=False, slots=True)
class _Question:
    """A command whose reply somebody waits for; `parts` are those of a report so far."""

    request: int
    reply: "asyncio.Future[Reply]"
    parts: list[StateReport] = field(default_factory=list)

    def fail(self, reason: str) -> None:
        if not self.reply.done():
            self.reply.set_exception(WorkerGone(reason))


@dataclass(eq=False, slots=True)
class Worker:
    """One worker process, from its first `Hello` until it is lost."""

    index: int
    incarnation: str
    channel: WorkerChannel
    link: Courier
    now: float
    """When it was last heard."""
    state: WorkerState = WorkerState.CONNECTING
    """Changed by `become` alone."""
    heartbeat: Heartbeat | None = None
    packets_per_s: float = 0.0
    missing: set[str] = field(default_factory=set)
    """Mounts and connections that its last report should have named."""
    early: list[Event] = field(default_factory=list)
    """What it said right behind its first report, before that was taken in."""
    lent: tuple[int, ...] | None = ()
    """The ports of its slice that mounts elsewhere have, as it was told; None where it knows of others by itself."""
    moves: int = 0
    """Moves from and to it that are under way."""
    moved_at: float = 0.0
    """When the last move ended: what it reported of before that may be at another worker by now."""
    ready_at: float = 0.0
    """When it was taken on."""
    told_to_end: bool = False
    """Whether the front, or somebody else, has told it to end: then its end is no death. Its last heartbeat says so
    too, but may be heard after the end itself."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once its process has ended, and with that all its sockets are closed."""
    pidfd: int = -1
    _questions: dict[int, "_Question"] = field(default_factory=dict)

    @property
    def pid(self) -> int:
        """Its process, as the kernel told it."""
        return self.channel.pid

    @property
    def is_lost(self) -> bool:
        """Whether it has died, or was given up as dead."""
        return self.state is WorkerState.LOST

    def become(self, state: WorkerState) -> None:
        """Change its state, as the table allows."""
        assert state in _NEXT[self.state], f"worker {self.index}: {self.state} to {state}"
        self.state = state

    def tell(self, command: Command) -> None:
        """Send a command whose reply nobody waits for: one-way, or put right by reconciling if it gets lost."""
        self.link.send(self, 0, command)

    async def ask(self, command: Command) -> Reply:
        """Send a command and wait for its reply.

        Raises:
            WorkerRefused: it said no.
            WorkerGone: it died, or the command's deadline passed.
        """
        return await self.begin(command)

    async def report(self, command: Command) -> list[StateReport]:
        """Send a command that is answered with a report, and collect its parts. Raises as `ask` does."""
        question = self._send(command)
        await self._reply(question)
        return question.parts

    def begin(self, command: Command) -> Awaitable[Reply]:
        """Send a command at once, before anything that is sent later; what it gives is waited for as `ask` is."""
        return self._reply(self._send(command))

    def _send(self, command: Command) -> "_Question":
        loop = asyncio.get_running_loop()
        question = _Question(self.link.next_request(), loop.create_future())
        self._questions[question.request] = question
        if self.is_lost:
            question.fail(f"worker {self.index} is gone")
        else:
            self.link.send(self, question.request, command)
            seconds = self.link.command_timeout_s
            reason = f"worker {self.index} did not answer {type(command).__name__} in {seconds:g} s"
            timer = loop.call_later(seconds, question.fail, reason)
            question.reply.add_done_callback(lambda done: timer.cancel())
        return question

    async def _reply(self, question: "_Question") -> Reply:
        try:
            reply = await question.reply
        finally:
            self._questions.pop(question.request, None)
        if isinstance(reply, Refused):
            raise WorkerRefused(reply)
        return reply

    def take_reply(self, request: int, reply: Reply) -> None:
        """Hand a reply to whoever waits for it; a late one is forgotten."""
        question = self._questions.get(request)
        if question is None or question.reply.done():
            return
        if isinstance(reply, StateReport):
            question.parts.append(reply)
            if reply.more:
                return
        question.reply.set_result(reply)

    @contextlib.contextmanager
    def moving(self) -> Iterator[None]:
        """Take note that something moves from or to it, for as long as the block lasts."""
        self.moves += 1
        try:
            yield
        finally:
            self.moves -= 1
            self.moved_at = asyncio.get_running_loop().time()

    def terminate(self) -> None:
        """Ask the process to end in order."""
        self.told_to_end = True
        if self.pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGTERM)

    def lose(self) -> None:
        """Mark the worker as lost: whoever waits for it is told."""
        self.become(WorkerState.LOST)
        for question in self._questions.values():
            question.fail(f"worker {self.index} died")

    def kill(self) -> None:
        """Make sure that the process ends: this one, never a stranger with the same number."""
        if self.pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def let_be(self) -> None:
        """Give up the hold on the process."""
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1
