"""A handed-over RTSP connection: frames in to the media, requests up to the front, responses down between frames."""

import contextlib
import errno
import socket
from typing import Protocol

from workers.connections.incoming import Incoming
from workers.connections.users import Users
from workers.contract.events import ConnectionClosed, RequestReceived, StreamBroken
from workers.contract.image import ConnectionImage, UnwrittenImage
from workers.contract.parts import MAX_UNANSWERED, Peer
from workers.contract.reports import ConnectionState
from workers.fanout.outlet import Outlet, TooSlowError
from workers.framing import Broken, FramingLimits
from workers.runtime.loop import FAILED, HANGUP, READ, WRITE
from workers.runtime.resources import Resources
from workers.sockets.tcp_options import set_options

MOST_PRESSING_BYTES = 512 * 1024
"""Responses that wait for a peer to read them; one that asks on and doesn't read is not read any more either."""
CLOSE_WITHIN_S = 2.0
"""How long the last bytes of a connection that is to be closed may take."""


class Owner(Protocol):
    """What is told of a worker's connections."""

    def on_waiting(self, connection: "Connection", waiting: bool) -> None:
        """A connection waits for room to write (and must not do so for ever), or no longer."""

    def on_gone(self, connection: "Connection") -> None:
        """A connection is no longer here."""

    def on_ended(self, ended: ConnectionState) -> None:
        """A connection has ended, of which the front has to hear."""


class Connection:
    """One connection that this worker holds. It reads nothing before `start`.

    A request stays here until it is answered: a front may die before it has done so.
    """

    def __init__(self, sock: socket.socket, state: ConnectionImage, resources: Resources, owner: Owner) -> None:
        """Go on with what is known of it, at the next `start` or `resume`."""
        self.state = state
        self._sock = sock
        self._resources = resources
        self._owner = owner
        self.users = Users(resources.counters, self._on_use)
        self._gathers = False
        self._choked = False
        self._ended = False
        self._started = False
        self._suspended = False
        self._reads = True
        settings = resources.settings
        limits = FramingLimits(settings.max_line_bytes, settings.max_head_bytes, settings.max_body_bytes)
        self._incoming = Incoming(sock, state, limits, resources.stream_buffer, self)
        set_options(sock, settings.write_timeout_s)
        self.outlet = Outlet(sock, settings.write_queue_bytes, resources.counters, self._outlet_changed)
        self.outlet.closes_when_full = settings.close_slow_readers
        self.outlet.restore(state.unwritten)

    @property
    def name(self) -> str:
        return self.state.name

    @property
    def peer(self) -> Peer:
        return self.state.peer

    def is_late(self, now: float) -> bool:
        """Tell whether it is to be closed though not all is written."""
        return self.state.close_at is not None and now >= self.state.close_at

    # -- its life -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Read from now on: first what its last reader had read and not parsed."""
        if self._ended or self._started or self._suspended:
            return
        self._started = True
        self._resources.loop.add(self._sock.fileno(), self, media=self._gathers, events=self._events())
        unread, self.state.unread = self.state.unread, b""
        now = self._resources.loop.clock()
        try:
            self._incoming.take(unread, now)
            if not self.users and self._events() & READ:  # the front may answer at once what the last worker had read
                self._read(now, hung_up=False)
        except Exception as error:
            self.failed(error)

    def stop_reading(self) -> None:
        """Read nothing any more; what waits is still written."""
        self._reads = False
        self._update_events()

    def gather(self) -> None:
        """From now on it brings a publisher's packets, which may gather before they are read."""
        if not self._gathers:
            self._gathers = True
            self._watch_anew()

    def close(self, reason: str, *, unserved: bool = False) -> None:
        """End it now, and tell the front why; `unserved` where it could not take its readers' media."""
        if self._ended:
            return
        self._owner.on_ended(self.report(reason[:1024], unserved=unserved))
        self._let_go()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)  # the front has a duplicate: close alone would send no FIN
        self._sock.close()
        self._resources.tell(ConnectionClosed(self.name, reason[:1024], unserved))
        self._resources.logger.debug("connection closed", extra={"connection": self.name, "reason": reason})

    def finish(self, now: float) -> None:
        """End it once all is written."""
        self._incoming.read_peeked()
        self.state.close_at = now + CLOSE_WITHIN_S
        if not self.outlet.waiting:
            self.close("closed after the last response")

    def release(self) -> tuple[bytes, bytes]:
        """Let go of it without ending it; give what was read and not parsed, and what must still be written."""
        unsent = self.outlet.take_unsent()
        self._incoming.read_peeked()
        unread = self._incoming.take_unread() + self.state.unread
        self._let_go()
        self._sock.close()
        return unread, unsent

    def leave(self) -> None:
        """Let go of it as a death does: what its peer has asked, the next worker finds in it."""
        self._ended = True
        self._resources.loop.remove(self._sock.fileno())
        self._sock.close()
        self._owner.on_gone(self)

    def fileno(self) -> int:
        return self._sock.fileno()

    def report(self, ended: str = "", *, unserved: bool = False) -> ConnectionState:
        """Describe it as a new front has to know it."""
        state = self.state
        status, reason = state.broken_status, state.broken_reason
        if not status and len(state.unanswered) > MAX_UNANSWERED:  # as a front takes it that was there
            status, reason = 503, f"more than {MAX_UNANSWERED} requests wait"
        unanswered = tuple(each.message for each in state.unanswered[:MAX_UNANSWERED])
        return ConnectionState(state.name, state.peer, state.record, unanswered, status, reason, ended, unserved)

    def _let_go(self) -> None:
        self._ended = True
        self._incoming.read_peeked()  # unread bytes would make the kernel reset it
        self._resources.loop.remove(self._sock.fileno())
        self.outlet.discard()
        for user in self.users.take_all():
            user.on_end()
        self._owner.on_gone(self)

    # -- a move to another worker -----------------------------------------------------------------------------------

    @property
    def ending(self) -> bool:
        """Whether it ends at the end of this turn of the loop: it moves nowhere."""
        return self.outlet.error is not None or (self.state.close_at is not None and not self.outlet.waiting)

    def suspend(self) -> None:
        """Read and write nothing, until `resume` or `detach`: another worker may carry on."""
        self._suspended, self._started = True, False
        self._resources.loop.remove(self._sock.fileno())
        self.state.unread += self._incoming.take_unread()

    def resume(self, now: float) -> None:
        self._suspended = False
        self.state.unwritten = UnwrittenImage()
        if self.state.half_closed:
            self._resources.loop.call_at(now + CLOSE_WITHIN_S, self._close_half)
        self._owner.on_waiting(self, self.outlet.waiting)
        if self.outlet.waiting:
            self.outlet.flush(now)
        self._resources.loop.defer(self.start)

    def detach(self) -> None:
        """Let go of a duplicate only: another worker carries on."""
        self._ended = True
        self.users.take_all()
        self._sock.close()

    def image(self, budget_bytes: int) -> ConnectionImage:
        """Give all that is known of a suspended connection; of the media that waits, so many bytes."""
        self.state.unwritten = self.outlet.unwritten(budget_bytes)
        return self.state

    # -- who uses it ----------------------------------------------------------------------------------------------

    def _on_use(self, media: bool) -> None:
        self._incoming.read_peeked()
        self._incoming.media = media
        self._gathers = self._gathers and media
        self._watch_anew()

    # -- reading --------------------------------------------------------------------------------------------------

    def ready(self, events: int, now: float) -> None:
        if events & WRITE:
            self.outlet.flush(now)
            if self._choked:
                self._update_events()
        if self._ended:
            return
        if events & READ:
            self._read(now, hung_up=bool(events & (HANGUP | FAILED)))
        elif events & FAILED:
            error = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self.close(f"connection failed: {errno.errorcode.get(error, error)}" if error else "closed by the peer")

    def failed(self, error: Exception) -> None:
        """End it, as its state can't be trusted any more."""
        self._resources.logger.error("connection failed", extra={"connection": self.name}, exc_info=error)
        self.close(f"internal error: {type(error).__name__}")

    def _read(self, now: float, *, hung_up: bool) -> None:
        try:
            more = self._incoming.read(now, hung_up=hung_up)
        except OSError as error:
            self.close(f"connection failed: {error.strerror}")
            return
        if more and not self.users:
            self._update_events()

    def on_frames(self, payloads: dict[int, list[bytes]], now: float) -> None:
        self.users.deliver(payloads, now)

    def on_request(self, message: bytes) -> None:
        self._resources.tell(RequestReceived(self.name, message))
        if self._incoming.is_full:
            self._update_events()

    def on_broken(self, broken: Broken) -> None:
        self._resources.tell(StreamBroken(self.name, broken.status, broken.reason[:1024]))

    def on_end(self, now: float) -> None:
        """The peer says no more. One that has asked before may have shut down its half only, and wait for answers."""
        state = self.state
        if not state.unanswered or state.broken_status or state.close_at is not None:
            self.close("closed by the peer")
            return
        state.half_closed = True
        self._update_events()
        self._resources.loop.call_at(now + CLOSE_WITHIN_S, self._close_half)

    def _close_half(self, now: float) -> None:
        if not self._suspended:
            self.close("closed by the peer")

    # -- writing --------------------------------------------------------------------------------------------------

    def respond(self, response: bytes, now: float) -> None:
        """Write an RTSP response; one request less waits."""
        if not response:
            return
        self.outlet.send_response(response, now)
        if self.state.unanswered:
            # Behind the response: whoever dies in between leaves a client with two answers, and not with none.
            self._incoming.answered()
            if self.state.half_closed and not self.state.unanswered:
                self.finish(now)
        if self._choked or self.outlet.pressing_bytes >= MOST_PRESSING_BYTES:
            self._update_events()

    def _outlet_changed(self, waiting: bool) -> None:
        error = self.outlet.error
        if isinstance(error, TooSlowError):
            slow = f"too slow: {self.users}: {error}, {self.outlet.dropped} packets were dropped before"
            self._resources.loop.defer(lambda: self.close(slow, unserved=True))
            return
        if error is not None:
            reason = f"connection failed: {error.strerror}"
            self._resources.loop.defer(lambda: self.close(reason))
            return
        self._owner.on_waiting(self, waiting)
        self._update_events()
        if not waiting and self.state.close_at is not None:
            self._resources.loop.defer(lambda: self.close("closed after the last response"))

    def _events(self) -> int:
        self._choked = self._incoming.is_full or self.outlet.pressing_bytes >= MOST_PRESSING_BYTES
        reads = self._reads and not self._choked and not self.state.half_closed
        return (self._incoming.events if reads else 0) | (WRITE if self.outlet.waiting else 0)

    def _watch_anew(self) -> None:
        """Watch as it is used now: what is told once (`EDGE`) must not wait for media to gather, which forgets it."""
        if self._started and not self._ended:
            self._resources.loop.remove(self._sock.fileno())
            self._resources.loop.add(self._sock.fileno(), self, media=self._gathers, events=self._events())

    def _update_events(self) -> None:
        if self._started and not self._ended:
            self._resources.loop.change(self._sock.fileno(), self._events())
