"""The ZeroMQ socket of the front, on which workers and administrators speak to it."""

import asyncio
from collections.abc import Callable

import zmq

from router.logs import get_logger
from workers.contract.endpoints import Endpoints

log = get_logger(__name__)

MESSAGES_PER_TURN = 200
"""Messages read before the loop's other work gets a turn."""
HIGH_WATER_MARK = 100_000
"""Messages queued for one peer. Far more than a worker ever has waiting: at the mark ZeroMQ would drop or refuse."""


class ControlSocket:
    """Reads whole messages in the event loop, and writes them without ever waiting."""

    def __init__(
        self, endpoints: Endpoints, receive: Callable[[list[bytes]], None], too_slow: Callable[[str], None]
    ) -> None:
        """`receive` gets the frames of each message, `too_slow` the name of a peer whose message is dropped."""
        self._endpoints = endpoints
        self._receive = receive
        self._too_slow = too_slow
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._socket: zmq.Socket[bytes] | None = None
        self._draining = False

    def open(self) -> None:
        """Bind. Raises OSError."""
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDHWM, HIGH_WATER_MARK)
        self._socket.setsockopt(zmq.RCVHWM, HIGH_WATER_MARK)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self.bind()

    def bind(self) -> None:
        """Give the socket its name in the runtime directory, again where that was removed; whoever is connected stays.

        Raises:
            OSError: it can't be had.
        """
        assert self._socket is not None
        self._endpoints.control_path.unlink(missing_ok=True)
        try:
            self._socket.bind(self._endpoints.control)
        except zmq.ZMQError as error:
            raise OSError(error.errno, error.strerror) from error
        self._endpoints.control_path.chmod(0o600)

    def read(self) -> None:
        """Begin to read: what has come so far, and what will."""
        assert self._socket is not None
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._drain)
        self._drain()

    def close(self) -> None:
        """Close, also where it was never open."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close(linger=0)
            self._socket = None
        if self._context is not None:
            self._context.term()
            self._context = None

    def put(self, identity: bytes, data: bytes) -> None:
        """Send to one peer. One that is gone is told nothing."""
        if self._socket is None:
            return
        try:
            self._socket.send_multipart([identity, data], zmq.NOBLOCK)
        except zmq.Again:
            self._too_slow(identity.decode("ascii", "replace"))
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
        self._drain_soon()

    def _drain_soon(self) -> None:
        """Look at the socket in the loop's next turn: sending may swallow the edge that says something came."""
        if not self._draining:
            self._draining = True
            asyncio.get_running_loop().call_soon(self._drain)

    def _drain(self) -> None:
        self._draining = False
        if self._socket is None:
            return
        for _ in range(MESSAGES_PER_TURN):
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                self._receive(frames)
            except Exception:  # one message's trouble must not leave the others unread: there will be no other edge
                log.error("message failed", exc_info=True)
            if self._socket is None:  # a callback closed the link
                return
        self._drain_soon()
