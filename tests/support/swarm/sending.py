"""The swarm's publishers: each mount's frames when they are due, whoever publishes it at the time."""

import socket
from collections import deque

from router.bench.board import STAMPS, Board
from router.bench.publish import FrameMessages, LoadPublisher
from router.bench.stream import SyntheticStream
from tests.support.swarm.dialog import Dialog
from tests.support.swarm.verdicts import PublisherVerdict
from workers.framing import FramingLimits, Splitter

_MOST_QUEUED_BYTES = 16 * 1024 * 1024
"""What a publisher over TCP keeps for a router that does not read: minutes, at the rates of the tests."""


class Sender:
    """One mount's stream, and its publisher while there is one. A new publisher goes on where the last one stopped."""

    def __init__(self, mount: int, path: str, stream: SyntheticStream, board: Board, departure: FrameMessages) -> None:
        self.mount = mount
        self.path = path
        self.stream = stream
        self.publisher: LoadPublisher | None = None
        self.dialog: Dialog | None = None
        self.frame = 0
        """The frame that comes next."""
        self.transport = ""
        self.unsent = 0
        self._server_port = 0
        self._begun_at = 0.0
        self._begun_frame = 0
        self._board = board
        self._departure = departure
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._splitter = Splitter(FramingLimits())

    def attach(self, publisher: LoadPublisher, now: float) -> Dialog:
        """Let a publisher that records send from now on, and give its dialog."""
        self.publisher = publisher
        self.transport = "tcp" if publisher.udp is None else "udp"
        self._server_port = 0 if publisher.udp is None else publisher.udp.getpeername()[1]
        self.dialog = Dialog(publisher.url, publisher.session.id, self._write)
        self._splitter = Splitter(FramingLimits())
        self._queue.clear()
        self._queued = 0
        self._begun_at, self._begun_frame = now, self.frame
        publisher.session.sock.setblocking(False)
        return self.dialog

    def keep_alive(self, now: float) -> None:
        """Make a request."""
        if self.dialog is not None:
            self.dialog.ask("GET_PARAMETER", now)

    @property
    def due_at(self) -> float:
        """When the next frame is to be sent."""
        layout = self.stream.layout
        return self._begun_at + layout.frame_time_s(self.frame) - layout.frame_time_s(self._begun_frame)

    def send(self, now: float) -> None:
        """Send the next frame."""
        first, count = self.stream.layout.frame_packets(self.frame)
        self._board.stamps[self.mount * STAMPS + self.frame % STAMPS] = now
        self.frame += 1
        self._board.sent[self.mount] = first + count
        assert self.publisher is not None
        udp = self.publisher.udp
        if udp is None:
            self._queue_frame(self.stream.framed(first, count, 0), count)
            return
        udp.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # a refusal of an earlier packet must not cost this one
        try:
            self._departure.send(udp.fileno(), self.stream, first, count)
        except OSError:
            self.unsent += count

    def _queue_frame(self, data: bytes, packets: int) -> None:
        if self.dialog is None or self.dialog.closed_at is not None or self._queued > _MOST_QUEUED_BYTES:
            self.unsent += packets
        else:
            self._write(data)

    def _write(self, data: bytes) -> None:
        self._queue.append(data)
        self._queued += len(data)
        self.flush()

    @property
    def waits_to_write(self) -> bool:
        """Whether there is more to write than the connection takes now."""
        return bool(self._queue)

    def flush(self) -> None:
        """Write what the connection takes."""
        assert self.publisher is not None
        while self._queue:
            data = self._queue.popleft()
            try:
                written = self.publisher.session.sock.send(data)
            except BlockingIOError:
                written = 0
            except OSError:  # reading says when and that it has ended
                self._queue.clear()
                self._queued = 0
                return
            self._queued -= written
            if written < len(data):
                self._queue.appendleft(data[written:])
                return

    def read(self, now: float) -> None:
        """Take in answers, or the connection's end."""
        assert self.publisher is not None
        assert self.dialog is not None
        try:
            data = self.publisher.session.sock.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.dialog.ended(now)
        for item in self._splitter.feed(data):
            if isinstance(item, bytes):
                self.dialog.heard(item, now)

    def vanish(self) -> None:
        """Let the publisher go without a word."""
        if self.publisher is not None:
            self.publisher.session.sock.close()
            self.publisher.close_media()
            self.publisher = None
        if self.dialog is not None:
            self.dialog.gone = True

    def verdict(self, now: float) -> PublisherVerdict | None:
        """Sum up; None if nobody has published it yet."""
        if self.dialog is None:
            return None
        return PublisherVerdict(
            mount=self.mount,
            path=self.path,
            transport=self.transport,
            session=self.dialog.session,
            server_port=self._server_port,
            sent=self._board.sent[self.mount],
            unsent=self.unsent,
            closed_at=self.dialog.closed_at,
            gone="" if self.publisher is not None else "vanished",
            answers=self.dialog.answers(now),
        )
