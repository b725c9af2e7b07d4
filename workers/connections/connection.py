"""A handed-over RTSP connection: frames in to the media, requests up to the front, responses down between frames."""

import contextlib
import errno
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from workers.contract.events import ConnectionClosed, RequestReceived, StreamBroken
from workers.contract.image import ConnectionImage
from workers.contract.parts import MAX_UNANSWERED, HandOff
from workers.contract.reports import ConnectionState
from workers.fanout.outlet import Outlet, TooSlowError, Unwritten
from workers.framing import Broken, FramingLimits, Splitter
from workers.runtime.counters import Drop
from workers.runtime.loop import FAILED, READ, WRITE
from workers.runtime.resources import Resources
from workers.sockets.tcp_options import set_options

MOST_UNANSWERED_BYTES = 256 * 1024
"""Bytes of requests that wait for the front's answer, which may take as long as a front is away."""
MOST_PRESSING_BYTES = 512 * 1024
"""Responses that wait for a peer to read them; one that asks on and doesn't read is not read any more either."""
CLOSE_WITHIN_S = 2.0
"""How long the last bytes of a connection that is to be closed may take."""

Way = Callable[[list[bytes], float], None]
"""Takes the payloads of one channel, in order."""


class User(Protocol):
    """A session that uses a connection for its media."""

    @property
    def path(self) -> str:
        """Its mount."""

    def describe(self) -> str:
        """Say who this is, for people."""

    def connection_ended(self) -> None:
        """Take note that the connection is no longer here."""


class Owner(Protocol):
    """Keeps the connections of a worker."""

    def waits(self, connection: "Connection", waiting: bool) -> None:
        """Take note that a connection waits for room to write (and must not do so for ever), or no longer."""

    def forget(self, connection: "Connection") -> None:
        """Take note that a connection is gone."""

    def remember(self, ended: ConnectionState) -> None:
        """Keep what the front has to hear of a connection that has ended, until it has done so."""


class Connection:
    """One connection that this worker holds. It reads nothing before `start`.

    A request stays here until it is answered: a front may die before it has done so.
    """

    def __init__(self, name: str, sock: socket.socket, handoff: HandOff, resources: Resources, owner: Owner) -> None:
        self.name = name
        self.peer = handoff.peer
        self.record = handoff.record
        """What a new front needs to know of it."""
        self.close_at: float | None = None
        """When it is closed though not all is written; None while it is not to be closed."""
        self._media = False
        self._sock = sock
        self._resources = resources
        self._owner = owner
        settings = resources.settings
        self._splitter = Splitter(
            FramingLimits(settings.max_line_bytes, settings.max_head_bytes, settings.max_body_bytes)
        )
        self._unfed = b""
        self._buffer = resources.stream_buffer
        self._ways: dict[int, tuple[User, Way]] = {}
        self._users: list[User] = []
        self._unanswered: deque[bytes] = deque()
        self._unanswered_bytes = 0
        self._choked = False
        self._half_closed = False
        self._broken: Broken | None = None
        self._ended = False
        self._started = False
        self._reads = True
        self._suspended = False
        set_options(sock, settings.write_timeout_s)
        self.outlet = Outlet(sock, settings.write_queue_bytes, resources.counters, self._outlet_changed, handoff.unsent)
        self.outlet.closes_when_full = settings.close_slow_readers

    # -- its life -------------------------------------------------------------------------------------------------

    def feed_later(self, unread: bytes) -> None:
        """Begin with these bytes, which the last reader had read, and start at the end of this turn of the loop: after
        the reply to the command that brought the connection, so that the front knows first where it is."""
        self._unfed = unread
        self._resources.loop.defer(self._start)

    def _start(self) -> None:
        if self._ended or self._started or self._suspended:
            return
        self._started = True
        self._resources.loop.add(self._sock.fileno(), self, media=self._media, events=self._events())
        unread, self._unfed = self._unfed, b""
        try:
            self._take(unread, self._resources.loop.clock())
        except Exception as error:
            self.failed(error)

    def stop_reading(self) -> None:
        """Read nothing any more; what waits is still written."""
        self._reads = False
        self._update_events()

    def gather(self) -> None:
        """From now on it brings a publisher's packets, which may gather before they are read."""
        if not self._media:
            self._media = True
            if self._started and not self._ended:
                self._resources.loop.remove(self._sock.fileno())
                self._resources.loop.add(self._sock.fileno(), self, media=True, events=self._events())

    def close(self, reason: str, *, unserved: bool = False) -> None:
        """End it now, and tell the front why; `unserved` where it could not take its readers' media."""
        if self._ended:
            return
        self._owner.remember(replace(self.state(), ended=reason[:1024], unserved=unserved))
        self._let_go()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)  # the front has a duplicate: close alone would send no FIN
        self._sock.close()
        self._resources.tell(ConnectionClosed(self.name, reason[:1024], unserved))
        self._resources.logger.debug("connection closed", extra={"connection": self.name, "reason": reason})

    def finish(self, now: float) -> None:
        """End it once all is written."""
        self.close_at = now + CLOSE_WITHIN_S
        if not self.outlet.waiting:
            self.close("closed after the last response")

    def release(self) -> tuple[bytes, bytes]:
        """Let go of it without ending it; give what was read and not parsed, and what must still be written."""
        unsent = self.outlet.take_unsent()
        unread = self._splitter.unread + self._unfed
        self._let_go()
        self._sock.close()
        return unread, unsent

    def fileno(self) -> int:
        """Give the descriptor, to send a duplicate of it."""
        return self._sock.fileno()

    def state(self) -> ConnectionState:
        """Describe it as a new front has to know it."""
        broken = self._broken
        if broken is None and len(self._unanswered) > MAX_UNANSWERED:  # as a front takes it that was there
            broken = Broken(503, f"more than {MAX_UNANSWERED} requests wait")
        return ConnectionState(
            self.name,
            self.peer,
            self.record,
            tuple(self._unanswered)[:MAX_UNANSWERED],
            broken_status=broken.status if broken is not None else 0,
            broken_reason=broken.reason[:1024] if broken is not None else "",
        )

    def _let_go(self) -> None:
        self._ended = True
        self._resources.loop.remove(self._sock.fileno())
        self.outlet.discard()
        users, self._users = self._users, []
        self._ways.clear()
        for user in users:
            user.connection_ended()
        self._owner.forget(self)

    # -- a move to another worker -----------------------------------------------------------------------------------

    @property
    def users(self) -> tuple[User, ...]:
        """The sessions that use it for their media."""
        return tuple(self._users)

    @property
    def ending(self) -> bool:
        """Whether it ends at the end of this turn of the loop: it moves nowhere."""
        return self.outlet.error is not None or (self.close_at is not None and not self.outlet.waiting)

    def suspend(self) -> None:
        """Read and write nothing, until `resume` or `detach`: another worker may carry on."""
        self._suspended = True
        self._resources.loop.remove(self._sock.fileno())

    def resume(self, now: float) -> None:
        """Go on."""
        self._suspended = False
        if self._started:
            self._resources.loop.add(self._sock.fileno(), self, media=self._media, events=self._events())
        if self._half_closed:
            self._resources.loop.call_at(now + CLOSE_WITHIN_S, self._close_half)
        self._owner.waits(self, self.outlet.waiting)
        if self.outlet.waiting:
            self.outlet.flush(now)
        self._resources.loop.defer(self._start)

    def detach(self) -> None:
        """Let go of a duplicate only: another worker carries on."""
        self._ended = True
        self._users.clear()
        self._ways.clear()
        self._sock.close()

    def image(self, budget_bytes: int) -> ConnectionImage:
        """Give all that is known of a suspended connection; of the media that waits, so many bytes."""
        unwritten = self.outlet.unwritten(budget_bytes)
        return ConnectionImage(
            name=self.name,
            peer=self.peer,
            unread=self._splitter.unread + self._unfed,
            tail=unwritten.tail,
            responses=unwritten.responses,
            media=unwritten.media,
            cut=unwritten.cut,
            dropped=self.outlet.dropped,
            progress_at=self.outlet.progress_at,
            unanswered=tuple(self._unanswered),
            half_closed=self._half_closed,
            broken_status=0 if self._broken is None else self._broken.status,
            broken_reason="" if self._broken is None else self._broken.reason[:1024],
            close_at=self.close_at,
            record=self.record,
        )

    def restore(self, image: ConnectionImage) -> None:
        """Go on where another worker has stopped, at the next `resume`."""
        self._suspended = True
        self._unfed = image.unread
        self._unanswered.extend(image.unanswered)
        self._unanswered_bytes = sum(map(len, image.unanswered))
        self._half_closed, self.close_at = image.half_closed, image.close_at
        if image.broken_status:
            self._broken = Broken(image.broken_status, image.broken_reason)
        self.outlet.restore(
            Unwritten(image.tail, image.responses, image.media, image.cut), image.dropped, image.progress_at
        )

    # -- who uses it ----------------------------------------------------------------------------------------------

    def use(self, user: User) -> None:
        """Let a session know when the connection ends."""
        if user not in self._users:
            self._users.append(user)

    def route(self, channel: int, user: User, way: Way) -> None:
        """Give what comes on a channel to a session."""
        self._ways[channel] = (user, way)

    def leave(self, user: User) -> None:
        """Forget a session and its channels."""
        if user in self._users:
            self._users.remove(user)
        for channel in [each for each, (owner, _) in self._ways.items() if owner is user]:
            del self._ways[channel]

    @property
    def carries_media(self) -> bool:
        """Whether any session's media goes through it."""
        return bool(self._users)

    def describe(self) -> str:
        """Say who uses the connection, for people."""
        return ", ".join(each.describe() for each in self._users) or "the peer"

    # -- reading --------------------------------------------------------------------------------------------------

    def ready(self, events: int, now: float) -> None:
        """Write what waits, read what came."""
        if events & WRITE:
            self.outlet.flush(now)
            if self._choked:
                self._update_events()
        if self._ended:
            return
        if events & READ:
            self._read(now)
        elif events & FAILED:
            error = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self.close(f"connection failed: {errno.errorcode.get(error, error)}" if error else "closed by the peer")

    def failed(self, error: Exception) -> None:
        """End it, as its state can't be trusted any more."""
        self._resources.logger.error("connection failed", extra={"connection": self.name}, exc_info=error)
        self.close(f"internal error: {type(error).__name__}")

    def _read(self, now: float) -> None:
        try:
            size = self._sock.recv_into(self._buffer)
        except BlockingIOError:
            return
        except OSError as error:
            self.close(f"connection failed: {error.strerror}")
            return
        if size == 0:
            self._hear_end(now)
        elif self._broken is None and self.close_at is None:  # else read and thrown away: unread bytes would reset it
            self._take(bytes(memoryview(self._buffer)[:size]), now)

    def _hear_end(self, now: float) -> None:
        """The peer says no more. One that has asked before may have shut down its half only, and wait for answers."""
        if not self._unanswered or self._broken is not None or self.close_at is not None:
            self.close("closed by the peer")
            return
        self._half_closed = True
        self._update_events()
        self._resources.loop.call_at(now + CLOSE_WITHIN_S, self._close_half)

    def _close_half(self, now: float) -> None:
        if not self._suspended:
            self.close("closed by the peer")

    def _take(self, data: bytes, now: float) -> None:
        channels: dict[int, list[bytes]] = {}
        rest: list[bytes | Broken] = []
        for item in self._splitter.feed(data):
            if type(item) is tuple:
                channel, payload = item
                if channel in channels:
                    channels[channel].append(payload)
                else:
                    channels[channel] = [payload]
            elif isinstance(item, bytes | Broken):
                rest.append(item)
        for channel, payloads in channels.items():
            entry = self._ways.get(channel)
            if entry is None:
                self._resources.counters.drop(Drop.UNKNOWN_CHANNEL, len(payloads))
            else:
                entry[1](payloads, now)
        for item in rest:  # media first: the request may be the end of what a program listens to
            if isinstance(item, Broken):
                self._broken = item
                self._resources.tell(StreamBroken(self.name, item.status, item.reason[:1024]))
            else:
                self._receive_request(item)

    def _receive_request(self, message: bytes) -> None:
        if message.startswith(b"RTSP/"):
            return  # a response: nobody here asks clients anything
        self._unanswered.append(message)
        self._unanswered_bytes += len(message)
        self._resources.tell(RequestReceived(self.name, message))
        if self._too_many_wait():
            self._update_events()

    def _too_many_wait(self) -> bool:
        return len(self._unanswered) >= MAX_UNANSWERED or self._unanswered_bytes >= MOST_UNANSWERED_BYTES

    # -- writing --------------------------------------------------------------------------------------------------

    def respond(self, response: bytes, now: float) -> None:
        """Write an RTSP response; one request less waits."""
        if not response:
            return
        self.outlet.send_response(response, now)
        if self._unanswered:
            self._unanswered_bytes -= len(self._unanswered.popleft())
            if self._half_closed and not self._unanswered:
                self.finish(now)
        if self._choked or self.outlet.pressing_bytes >= MOST_PRESSING_BYTES:
            self._update_events()

    def _outlet_changed(self, waiting: bool) -> None:
        error = self.outlet.error
        if isinstance(error, TooSlowError):
            slow = f"too slow: {self.describe()}: {error}, {self.outlet.dropped} packets were dropped before"
            self._resources.loop.defer(lambda: self.close(slow, unserved=True))
            return
        if error is not None:
            reason = f"connection failed: {error.strerror}"
            self._resources.loop.defer(lambda: self.close(reason))
            return
        self._owner.waits(self, waiting)
        self._update_events()
        if not waiting and self.close_at is not None:
            self._resources.loop.defer(lambda: self.close("closed after the last response"))

    def _events(self) -> int:
        self._choked = self._too_many_wait() or self.outlet.pressing_bytes >= MOST_PRESSING_BYTES
        return (READ if self._reads and not self._choked and not self._half_closed else 0) | (
            WRITE if self.outlet.waiting else 0
        )

    def _update_events(self) -> None:
        if self._started and not self._ended:
            self._resources.loop.change(self._sock.fileno(), self._events())
