"""One RTSP connection, from accept to its end, also while a worker holds its socket.

A thin shell: bytes in, whole messages to the server one by one, responses out. Until PLAY or RECORD the front
reads and writes the socket itself; from then on a worker does, and the front keeps an unread duplicate of the
descriptor, so that a worker's death is not the connection's.
"""

import asyncio
import secrets
import socket
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from router.connections.repeats import Repeats
from router.link.placement import Placement, PlacementState
from router.link.worker import Worker
from router.logs import get_logger
from workers.contract.commands import Respond
from workers.contract.parts import Peer
from workers.framing import Broken, FramingLimits, Item, Splitter, foreign_protocol, joined

log = get_logger(__name__)


class Side(StrEnum):
    """Which port a connection came in on."""

    PUBLISH = "publish"
    CLIENT = "client"
    BOTH = "both"


class ConnectionEnded(Exception):
    """The connection ended while its request was served: there is nobody left to answer."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """The peer is gone, and this is the last thing heard of it."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Foreign:
    """The peer speaks another protocol."""

    protocol: str


class ConnectionServer(Protocol):
    """Serves connections."""

    framing: FramingLimits
    pipelined_requests: int

    def opened(self, connection: "Connection") -> str | None:
        """Take note of a connection that has come; say why it can't stay, or None."""

    async def serve(self, connection: "Connection", message: bytes) -> None:
        """Answer one message."""

    def refuse(self, connection: "Connection", status: int, reason: str) -> None:
        """Say why a connection can't go on, and end it."""

    def refuse_foreign(self, connection: "Connection", protocol: str) -> None:
        """Tell a client of another protocol so, and end the connection."""

    def ended(self, connection: "Connection", reason: str) -> None:
        """Take note of its end; it is told once."""


def plain_host(host: str) -> str:
    """Write an address as the contract does: IPv4 as IPv4, also on an IPv6 socket."""
    return host.removeprefix("::ffff:")


class Connection(asyncio.Protocol):
    """One RTSP connection."""

    def __init__(self, side: Side, server: ConnectionServer) -> None:
        self.id = secrets.token_hex(6)
        self.side = side
        self.address = Peer()
        self.last_request = asyncio.get_running_loop().time()
        self.placement = Placement()
        """The worker that reads and writes the socket; unplaced while that is the front."""
        self.stalled_since: float | None = None
        """Since when a response, or the end, waits for the peer to read."""
        self.refusals = 0
        self.closed = False
        self._server = server
        self._splitter = Splitter(server.framing)
        self._transport: asyncio.Transport | None = None
        self.duplicate: socket.socket | None = None
        """Unread, for the next hand-off; None before the first one."""
        self._beginning: bytes | None = b""
        """What came first, until it is known to be RTSP."""
        self._pending: deque[Item | _Ended | _Foreign] = deque()
        self._requests_waiting = 0
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._serving = b""
        self._repeats = Repeats()
        self.unread = b""
        """What was handed over unread, as far as the worker has not passed it on."""
        self.closing = False
        self._half_closed = False

    def restore(self, name: str, peer: Peer, worker: Worker, duplicate: socket.socket | None) -> None:
        """Become one that a worker holds since an earlier front gave it away; None: no duplicate of it could be had."""
        self.id = name
        self.address = peer
        self.placement.arrived(worker)
        self.duplicate = duplicate

    @property
    def host(self) -> str:
        return self.address.host

    @property
    def port(self) -> int:
        return self.address.port

    @property
    def local_host(self) -> str:
        return self.address.local_host

    @property
    def peer(self) -> str:
        """The peer's address and port, for people."""
        return self.address.text

    @property
    def held_here(self) -> bool:
        """Tell whether the front itself reads and writes the socket."""
        return self.placement.state is PlacementState.UNPLACED

    @property
    def busy(self) -> bool:
        """Tell whether a request is being served."""
        return self._task is not None

    async def served(self) -> None:
        """Wait until what has come so far is served."""
        if self._task is not None:
            await asyncio.wait([self._task])

    # -- asyncio.Protocol ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the accepted socket, or turn it away at a limit."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        name = transport.get_extra_info("peername")
        if not name:  # gone before it was looked at
            transport.abort()
            return
        local = transport.get_extra_info("sockname")
        self.address = Peer(plain_host(name[0]), name[1], plain_host(local[0]))
        # A response must have left entirely before the socket changes hands.
        transport.set_write_buffer_limits(high=0)
        refusal = self._server.opened(self)
        if refusal is not None:
            self._server.refuse(self, 503, refusal)

    def data_received(self, data: bytes) -> None:
        """Split what came into messages. Frames belong to nobody, unless a RECORD is on its way before them."""
        if self._beginning is not None and self._is_foreign(self._beginning + data):
            return
        busy = self._task is not None
        for item in self._splitter.feed(data):
            if isinstance(item, bytes | Broken) or self._task is not None:
                self._enqueue(item)
        if busy and self._transport is not None:
            # What waits is bounded by what is read at once, the kernel holds the rest.
            self._transport.pause_reading()

    def _is_foreign(self, beginning: bytes) -> bool:
        """Tell whether a connection begins with another protocol, which ends it."""
        protocol = foreign_protocol(beginning)
        self._beginning = beginning if protocol is None else None
        if protocol:
            self._enqueue(_Foreign(protocol))
        return bool(protocol)

    def pause_writing(self) -> None:
        """The peer reads too slowly: its next request waits."""
        self._writable.clear()
        self.stalled_since = asyncio.get_running_loop().time()

    def resume_writing(self) -> None:
        """Everything has left."""
        self._writable.set()
        self.stalled_since = None

    def eof_received(self) -> bool:
        """The peer says no more. It may wait for answers still: then the connection stays until they have left."""
        self._half_closed = self._task is not None
        return self._half_closed

    def connection_lost(self, exc: Exception | None) -> None:
        """The front's own reading ended: the peer went away, unless a worker reads on."""
        self._transport = None
        self._writable.set()
        if self.held_here:
            self.receive_end("closed by the peer" if exc is None else f"lost: {exc}")

    # -- requests --------------------------------------------------------------------------------------------------

    def receive(self, message: bytes) -> None:
        """Take a message that the worker read. One that the worker before has passed on too is served once."""
        self.unread = self.unread.removeprefix(message) if self.unread.startswith(message) else b""
        now = asyncio.get_running_loop().time()
        response = self._repeats.find(message, now)
        if response is None:
            self._repeats.pass_on(message, now)
            self._enqueue(message)
        elif response:
            self.placement.tell(Respond(self.id, response, close=False))

    def receive_broken(self, status: int, reason: str) -> None:
        """Take a worker's word that what comes can't be understood any more."""
        self._enqueue(Broken(status, reason))

    def receive_end(self, reason: str) -> None:
        """Take note that the connection ended. What came before is served first: it may be a TEARDOWN."""
        if not self.closed:
            self._pending.append(_Ended(reason))
            self._serve_pending()

    def _enqueue(self, item: Item | _Foreign) -> None:
        if self.closing or self.closed:
            return
        if isinstance(item, bytes):
            self._requests_waiting += 1
            if self._requests_waiting > self._server.pipelined_requests:
                item = Broken(503, f"more than {self._server.pipelined_requests} pipelined requests")
                self._pending.clear()
        self._pending.append(item)
        self._serve_pending()

    def _serve_pending(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        """Serve what is pending strictly one by one (RFC 2326 section 10 asks for responses in order)."""
        try:
            while self._pending:
                await self._writable.wait()
                match self._pending.popleft():
                    case _Ended(reason):
                        self._end(reason)
                    case _ if self.closing or self.closed:
                        pass  # nobody is left to answer
                    case Broken(status, reason):
                        self._server.refuse(self, status, reason)
                    case _Foreign(protocol):
                        self._server.refuse_foreign(self, protocol)
                    case bytes(message):
                        self._requests_waiting -= 1
                        await self._serve(message)
                    case _:
                        pass  # a frame
        finally:
            self._task = None
            if self.held_here and self._transport is not None and not self.closing:
                if self._half_closed:
                    self._transport.close()
                else:
                    self._transport.resume_reading()

    async def _serve(self, message: bytes) -> None:
        self._serving = message
        try:
            await self._server.serve(self, message)
        except Exception:  # a mistake of ours: there may be no answer, and those that follow would count as that
            log.error("request not served", connection=self.id, peer=self.peer, exc_info=True)
            self._server.refuse(self, 500, "the request could not be served")
        self._serving = b""
        self.last_request = asyncio.get_running_loop().time()

    # -- responses -------------------------------------------------------------------------------------------------

    def write(self, response: bytes) -> None:
        """Send a response by whoever holds the socket."""
        if not self.held_here:
            self._repeats.answer(self._serving, response, asyncio.get_running_loop().time())
            self.placement.tell(Respond(self.id, response, close=False))
        elif self._transport is not None:
            self._transport.write(response)

    def close(self) -> None:
        """End the connection once everything written has left; the peer sees an orderly end."""
        if self.closing or self.closed:
            return
        self.closing = True
        self.stalled_since = asyncio.get_running_loop().time()
        if not self.held_here:
            self.placement.tell(Respond(self.id, b"", close=True))
        elif self._transport is not None:
            self._transport.close()

    def abort(self, reason: str) -> None:
        """End the connection now, whoever holds it."""
        if self.duplicate is not None:
            # shutdown() and not close(): the worker's duplicate would keep the connection open.
            with suppress(OSError):  # ended already
                self.duplicate.shutdown(socket.SHUT_RDWR)
        else:
            self.placement.tell(Respond(self.id, b"", close=True))
        if self._transport is not None:
            self._transport.abort()
        self._end(reason)

    def let_be(self) -> None:
        """Leave it to the worker that holds it, and to the next front."""
        self.closed = True
        if self.duplicate is not None:
            self.duplicate.close()
            self.duplicate = None

    def _end(self, reason: str) -> None:
        if self.closed:
            return
        self.closed = True
        self.placement.close()
        if self.duplicate is not None:
            self.duplicate.close()
            self.duplicate = None
        self._server.ended(self, reason)

    def worker_lost(self) -> None:
        """Wait for the next worker."""
        self._repeats.worker_lost(asyncio.get_running_loop().time())
        self.placement.lost()

    def handed_over(self) -> None:
        """Take note that the next worker has its descriptor, and finds what the last one has not answered."""
        self._repeats.handed_over(asyncio.get_running_loop().time())

    # -- changing hands, as `transfer` does it ---------------------------------------------------------------------

    async def stop(self) -> bytes:
        """Read no more, once all that was written has left; give what was read and is not served yet.

        Raises:
            ConnectionEnded: there is no connection any more.
        """
        if self._transport is None:
            raise ConnectionEnded
        self._transport.pause_reading()
        await self._writable.wait()
        if self.closed or self._transport is None:
            raise ConnectionEnded
        self.duplicate = self.duplicate or self._transport.get_extra_info("socket").dup()
        return joined(each for each in self._pending if isinstance(each, bytes | tuple)) + self._splitter.unread

    def take_unserved(self) -> Sequence[Item]:
        """Give away what `stop` has given as bytes: whoever has the socket serves it."""
        unserved = [each for each in self._pending if isinstance(each, bytes | tuple)]
        self._pending = deque(each for each in self._pending if not isinstance(each, bytes | tuple))
        self._requests_waiting = 0
        return unserved

    def take_back(self, unserved: Sequence[Item]) -> None:
        """Go on after a hand-off that did not happen: serve what was pending, then read."""
        self._pending.extendleft(reversed(unserved))
        self._requests_waiting = sum(isinstance(each, bytes) for each in self._pending)
        if self._transport is None:
            self.receive_end("closed by the peer")
        elif self.closing:
            self._transport.close()

    def leave(self) -> None:
        """Close the front's first descriptor; the duplicate keeps the connection."""
        if self._transport is not None:
            self._transport.abort()
