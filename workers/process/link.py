"""The ZeroMQ side of the worker: who its front is, what it says, and that nothing is missed or kept for ever."""

import contextlib
from collections import deque
from collections.abc import Callable

import zmq

from workers import VERSION
from workers.contract.codec import ContractError, Envelope, UnreadableMessage, decode, encode
from workers.contract.commands import Welcome
from workers.contract.events import Hello
from workers.contract.messages import Event, Message
from workers.contract.parts import Refusal
from workers.contract.replies import Refused
from workers.runtime.counters import Drop
from workers.runtime.runtime import Runtime

MOST_OUTGOING = 20_000
"""Messages for a front that reads too slowly: a few seconds of a busy worker."""
HIGH_WATER_MARK = 20_000
"""ZeroMQ's default of 1,000 is one turn of a busy front; what is beyond is queued and counted here."""
RECONNECT_MS = 50
MOST_IN_TURN = 500
"""Commands that are carried out before the sockets have their turn."""


class FrontLink:
    """The DEALER socket. `handle` is called with every message of the front that this worker belongs to."""

    def __init__(
        self,
        address: str,
        runtime: Runtime,
        handle: Callable[[Envelope], None],
    ) -> None:
        self.front = ""
        """The incarnation of the front that has taken this worker on; "" while there is none."""
        self.reported = False
        """Whether the front has had the report: it hears no event before, as the report says all of them."""
        self._incarnation = runtime.incarnation
        self._loop = runtime.loop
        self._runtime = runtime
        self._handle = handle
        self._outgoing: deque[tuple[int, Message]] = deque()
        self._greeting: Hello | None = None
        self._must_settle = True
        self._context = zmq.Context(io_threads=1)
        self._socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        for option, value in (
            (zmq.LINGER, 0),  # what the front has not taken when the worker ends, it learns from the end itself
            (zmq.SNDHWM, HIGH_WATER_MARK),
            (zmq.RCVHWM, HIGH_WATER_MARK),
            (zmq.IMMEDIATE, 1),  # queue nothing for a front that is not there: it would reach the wrong one
            (zmq.RECONNECT_IVL, RECONNECT_MS),
        ):
            self._socket.setsockopt(option, value)
        self._socket.setsockopt(zmq.ROUTING_ID, runtime.incarnation.encode())
        self._socket.connect(address)
        self._fd = int(self._socket.getsockopt(zmq.FD))
        self._loop.add(self._fd, self, media=False)

    # -- saying ---------------------------------------------------------------------------------------------------

    def hello(self, message: Hello) -> None:
        """Ask whatever front there is to take this worker on."""
        # ZeroMQ may still be busy to connect: then `settle` says it as soon as it can be said.
        self._greeting = None if self._send(Envelope("", self._incarnation, 0, message)) else message

    def tell(self, event: Event) -> None:
        """Send an event. Nothing is kept for a front that is not there: the next one learns all from the report."""
        if self.reported:
            self._queue(0, event)

    @property
    def is_behind(self) -> bool:
        """Whether the front has messages left to read that ZeroMQ could not take."""
        return bool(self._outgoing)

    def reply(self, request: int, message: Message) -> None:
        self._queue(request, message)

    def _queue(self, request: int, message: Message) -> None:
        if not self._outgoing and self._send(self._envelope(request, message)):
            return
        if len(self._outgoing) >= MOST_OUTGOING:
            self._runtime.counters.drop(Drop.OUTBOX_FULL)
            return
        self._outgoing.append((request, message))

    def _envelope(self, request: int, message: Message) -> Envelope:
        return Envelope(self.front, self._incarnation, request, message)

    def _send(self, envelope: Envelope) -> bool:
        self._must_settle = True
        try:
            self._socket.send(encode(envelope), zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    # -- hearing --------------------------------------------------------------------------------------------------

    def ready(self, events: int, now: float) -> None:
        """Take note that ZeroMQ has something to say, and hear it."""
        self._must_settle = True
        self.settle()

    def failed(self, error: Exception) -> None:
        """Go on: what made the error was one message."""
        self._runtime.complaints.warn("control message failed", repr(error), self._loop.clock())

    def settle(self) -> bool:
        """Handle what has come until ZeroMQ's own flags are clear; True if there is more than one turn may take.

        The descriptor in epoll is edge-triggered, and sending resets it too: so this is done before every wait.
        """
        taken = 0
        while self._must_settle:
            flags = self._socket.getsockopt(zmq.EVENTS)
            assert isinstance(flags, int)
            if flags & zmq.POLLIN:
                if taken >= MOST_IN_TURN:
                    return True
                taken += 1
                try:
                    self._receive()
                except Exception as error:  # one message's trouble must not leave the others unread
                    self.failed(error)
            elif flags & zmq.POLLOUT and self._greeting is not None and not self.front:
                self.hello(self._greeting)
            elif flags & zmq.POLLOUT and self._outgoing and self.front:
                self._send_outgoing()
            else:
                self._must_settle = False
        return False

    def _send_outgoing(self) -> None:
        while self._outgoing:
            if not self._send(self._envelope(*self._outgoing[0])):
                return
            self._outgoing.popleft()

    def _receive(self) -> None:
        now = self._loop.clock()
        try:
            frames = self._socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return
        if len(frames) != 1:
            self._count_garbage(f"{len(frames)} frames", now)
            return
        try:
            envelope = decode(frames[0])
        except ContractError as error:
            self._count_garbage(str(error), now)
            if isinstance(error, UnreadableMessage):
                self._refuse(error)
            return
        if envelope.worker not in ("", self._incarnation) or not self._is_fronts(envelope):
            self._runtime.counters.drop(Drop.FOREIGN_FRONT)
            return
        self._handle(envelope)

    def _refuse(self, error: UnreadableMessage) -> None:
        """Let a newer front know at once that this worker can't do what it says: it would wait, with all that waits for
        it, until its deadline."""
        if error.request and error.worker == self._incarnation and error.front == self.front != "":
            self.reply(error.request, Refused(Refusal.FAILED, f"worker {VERSION}: {error}"[:1024]))

    def _is_fronts(self, envelope: Envelope) -> bool:
        """A `Welcome` makes its sender the front, if there is none; all others must come from it."""
        if not self.front and isinstance(envelope.message, Welcome) and envelope.front:
            self.front = envelope.front
        return bool(self.front) and envelope.front == self.front

    def _count_garbage(self, detail: str, now: float) -> None:
        self._runtime.counters.drop(Drop.CONTROL_GARBAGE)
        self._runtime.complaints.warn("garbage on the control socket", detail, now)

    # -- the end of a front, and of this worker ---------------------------------------------------------------------

    def forget_front(self) -> None:
        """Belong to no front: what was for that one alone is dropped."""
        self.front = ""
        self.reported = False
        self._outgoing.clear()

    def close(self) -> None:
        self._loop.remove(self._fd)
        with contextlib.suppress(zmq.ZMQError):
            self._socket.close(0)
            self._context.destroy(0)
