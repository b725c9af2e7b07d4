"""What comes in on a connection: interleaved frames for its sessions, requests for the front.

A connection that carries no media outlives its worker, and what the worker had read would be lost with it: the client
would wait for ever. So there a request is only peeked at, and stays in the kernel until it is answered; the next worker
finds every request that has no answer. Where media comes too, all is read as it comes: such a connection ends with its
worker.
"""

import contextlib
import socket
from dataclasses import replace
from typing import Protocol

from workers.contract.image import ConnectionImage, UnansweredRequest
from workers.contract.parts import MAX_UNANSWERED
from workers.framing import Broken, FramingLimits, Item, Splitter
from workers.runtime.loop import EDGE, HANGUP, READ

MOST_UNANSWERED_BYTES = 256 * 1024
"""Bytes of requests that wait for the front's answer, which may take as long as a front is away."""
PEEK_BYTES = 16 * 1024
"""A longer request is read as it comes, and lost with its worker: the kernel may have no room for the whole of it."""


class Receiving(Protocol):
    """What is told of what comes in."""

    def on_frames(self, payloads: dict[int, list[bytes]], now: float) -> None:
        """Take interleaved frames: the payloads of each channel, in order."""

    def on_request(self, message: bytes) -> None:
        """Take a whole request."""

    def on_broken(self, broken: Broken) -> None:
        """Take note that what comes can't be split into messages any more."""

    def on_end(self, now: float) -> None:
        """Take note that the peer says no more."""


class Incoming:
    """The reading side of one connection."""

    def __init__(
        self,
        sock: socket.socket,
        state: ConnectionImage,
        limits: FramingLimits,
        buffer: bytearray,
        receiving: Receiving,
    ) -> None:
        """`buffer` is what is read into, and a bound on what is read in one turn."""
        self.media = False
        """Whether media goes through the connection."""
        self._sock = sock
        self._state = state
        self._splitter = Splitter(limits)
        self._buffer = buffer
        self._receiving = receiving
        self._peeked = 0
        """How many bytes of a request that is not whole yet the kernel has."""
        self._bytes = sum(len(each.message) for each in state.unanswered)

    @property
    def events(self) -> int:
        """What to watch for. What was peeked at is told of no second time: the kernel has it still."""
        return READ | EDGE | HANGUP if self._peeks else READ

    @property
    def is_full(self) -> bool:
        """Whether as many requests wait for an answer as may."""
        return len(self._state.unanswered) >= MAX_UNANSWERED or self._bytes >= MOST_UNANSWERED_BYTES

    @property
    def _peeks(self) -> bool:
        state = self._state
        return not (self.media or self._splitter.unread or state.broken_status or state.close_at is not None)

    @property
    def _kernel_bytes(self) -> int:
        """How many bytes of requests that the front was told of the kernel has."""
        return sum(each.kernel_bytes for each in self._state.unanswered)

    # -- reading --------------------------------------------------------------------------------------------------

    def read(self, now: float, *, hung_up: bool) -> bool:
        """Read what came; True if there may be more. Raises OSError where the connection failed."""
        if self._peeks:
            return self._peek(now, hung_up=hung_up)
        try:
            size = self._sock.recv_into(self._buffer)
        except BlockingIOError:
            return False
        if not size:
            self._receiving.on_end(now)
        elif not self._state.broken_status and self._state.close_at is None:
            self.take(bytes(memoryview(self._buffer)[:size]), now)
        # else it is thrown away: unread bytes would make the kernel reset the connection
        return True

    def take(self, data: bytes, now: float) -> None:
        """Take what was read."""
        payloads: dict[int, list[bytes]] = {}
        rest: list[bytes | Broken] = []
        for item in self._splitter.feed(data):
            if type(item) is tuple:
                channel, payload = item
                if channel in payloads:
                    payloads[channel].append(payload)
                else:
                    payloads[channel] = [payload]
            elif isinstance(item, bytes | Broken):
                rest.append(item)
        if payloads:
            self._receiving.on_frames(payloads, now)
        for each in rest:  # media first: the request may be the end of what a program listens to
            self._take_message(each, 0)

    def _peek(self, now: float, *, hung_up: bool) -> bool:
        if self.is_full:
            return False
        known = self._kernel_bytes
        if known + PEEK_BYTES > len(self._buffer):
            self.read_peeked()
            return True
        try:
            size = self._sock.recv_into(self._buffer, known + PEEK_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        data = bytes(memoryview(self._buffer)[known:size])
        self._peeked, found = 0, False
        while data and not self.is_full:
            items = self._splitter.feed(data, one_message=True)
            rest = self._splitter.take_unread()
            if not items and rest == data:
                break
            found = True
            self._take_peeked(items, len(data) - len(rest), now)
            data = rest
        if self.is_full:  # what is left may be whole requests: it is peeked at again when there is room
            return True
        self._peeked = len(data)
        if len(data) >= PEEK_BYTES:
            self.read_peeked()
            return True
        if not size or (hung_up and not found):
            self._receiving.on_end(now)
        return found

    def _take_peeked(self, items: list[Item], size: int, now: float) -> None:
        """Take what makes up the next `size` bytes in the kernel: at most one message, and what came before it."""
        before = len(self._state.unanswered)
        for item in items:
            if isinstance(item, tuple):
                self._receiving.on_frames({item[0]: [item[1]]}, now)
            else:
                self._take_message(item, size)
        unanswered = self._state.unanswered
        if not unanswered or self._state.broken_status:
            self.read_peeked()
            self._discard(size)
        elif len(unanswered) == before:
            last = unanswered[-1]
            unanswered[-1] = replace(last, kernel_bytes=last.kernel_bytes + size)

    def _take_message(self, item: bytes | Broken, kernel_bytes: int) -> None:
        if isinstance(item, Broken):
            self._state.broken_status, self._state.broken_reason = item.status, item.reason[:1024]
            self._receiving.on_broken(item)
        elif not item.startswith(b"RTSP/"):  # a response: nobody here asks clients anything
            self._state.unanswered.append(UnansweredRequest(item, kernel_bytes))
            self._bytes += len(item)
            self._receiving.on_request(item)

    # -- what was peeked at ---------------------------------------------------------------------------------------

    def answered(self) -> None:
        """Take note that the oldest request has its answer, and let go of it."""
        if self._state.unanswered:
            request = self._state.unanswered.pop(0)
            self._bytes -= len(request.message)
            self._discard(request.kernel_bytes)

    def read_peeked(self) -> None:
        """Read what was peeked at, as nothing is to stay in the kernel any more."""
        self._discard(self._kernel_bytes)
        self._state.unanswered[:] = [replace(each, kernel_bytes=0) for each in self._state.unanswered]
        peeked, self._peeked = self._peeked, 0
        if peeked:
            with contextlib.suppress(OSError):
                self._splitter.feed(self._sock.recv(peeked))

    def _discard(self, size: int) -> None:
        """Take bytes out of the kernel that were peeked at; a connection that failed has none."""
        with contextlib.suppress(OSError):
            while size > 0:
                read = self._sock.recv_into(self._buffer, min(size, len(self._buffer)))
                size = size - read if read else 0

    def take_unread(self) -> bytes:
        """Give what is not parsed yet."""
        return self._splitter.take_unread()
