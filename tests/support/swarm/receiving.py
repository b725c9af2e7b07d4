"""The swarm's readers: the benchmark's, with an eye on the clock and on their connections."""

import contextlib
import time
from collections.abc import Sequence

from router.bench.board import STAMPS, Board
from router.bench.read import LoadReader
from router.bench.read_tcp import TcpReader
from router.bench.stream import SyntheticStream
from router.bench.tally import Latencies, Tally
from tests.support.rtp import build_receiver_report
from tests.support.swarm.dialog import Dialog
from tests.support.swarm.verdicts import ReaderVerdict
from workers.framing import FramingLimits, Splitter

_REPORT = build_receiver_report(1)


class Watch(Tally):
    """A tally that knows how long it was without a packet, and how long packets took. Times are monotonic seconds.

    `publishers` counts those that each mount has had: the times of a new one's packets go on from the old one's by what
    the router thinks right, if not backwards, and that stays.
    """

    def __init__(
        self, stream: SyntheticStream, mount: int, board: Board, latencies: Latencies, publishers: Sequence[int]
    ) -> None:
        super().__init__(stream, mount, board, latencies)
        self._publishers = publishers
        self._heard_publishers = -1
        self._later = 0
        """How much later than the publisher sent them packets are, in steps of the stream's clock."""
        self.heard_at: float | None = None
        self.gap_s = 0.0
        self.delay_s = 0.0
        self._stamps = board.stamps

    def accept(self, count: int, now: float) -> None:
        """Count packets that were as expected."""
        if self.heard_at is not None and now - self.heard_at > self.gap_s:
            self.gap_s = now - self.heard_at
        self.heard_at = now
        assert self.next is not None
        frame, _ = self.stream.layout.frame_at(self.next)
        self.delay_s = max(self.delay_s, now - self._stamps[self.mount * STAMPS + frame % STAMPS])
        super().accept(count, now)

    def _is_packet(self, index: int, length: int, seen: bytes) -> bool:
        expected = self.stream.packet(index)
        later = int.from_bytes(seen[4:8], "big") - int.from_bytes(expected[4:8], "big") & 0xFFFFFFFF
        if length != len(expected) or seen[:4] + seen[8:] != expected[:4] + expected[8 : len(seen)]:
            return False
        if later != self._later:
            if self._heard_publishers == self._publishers[self.mount] or later - self._later >= 1 << 31:
                return False
            self._later = later
        self._heard_publishers = self._publishers[self.mount]
        return True

    def mark(self) -> None:
        """Forget gaps and delays until now."""
        self.gap_s = self.delay_s = 0.0


class Session:
    """One reader that plays."""

    def __init__(self, number: int, path: str, reader: LoadReader, watch: Watch) -> None:
        self.number = number
        self.path = path
        self.reader = reader
        self.watch = watch
        self.gone = ""
        self.sock = reader.session.sock
        self.sock.setblocking(False)
        self.server_host = reader.session.server_host
        self.server_port = int(reader.session.sockets[0].getpeername()[1]) if reader.session.sockets else 0
        self.dialog = Dialog(reader.url, reader.session.id, self._write)
        self._splitter = Splitter(FramingLimits())
        if isinstance(reader.flow, TcpReader):
            reader.flow.on_message = self._hear

    def keep_alive(self, now: float) -> None:
        """Make a request, and over UDP send a report, as players do: either is a sign of life."""
        self.dialog.ask("GET_PARAMETER", now)
        if self.reader.session.sockets and not self.gone:
            with contextlib.suppress(OSError):  # the port is away for a moment while another worker takes it
                self.reader.session.sockets[1].sendto(_REPORT, (self.server_host, self.server_port + 1))

    def _write(self, data: bytes) -> None:
        try:
            sent = self.sock.send(data)
        except OSError:  # reading says when and that it has ended
            return
        assert sent == len(data), "no room for a request"

    def _hear(self, message: bytes) -> None:
        self.dialog.heard(message, time.monotonic())

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What is to be waited for."""
        media = self.reader.fd
        return (media,) if media == self.sock.fileno() else (media, self.sock.fileno())

    @property
    def open(self) -> bool:
        """Whether it should get media."""
        return not self.gone and self.dialog.closed_at is None

    def ready(self, fd: int) -> bool:
        """Take in what has come on a descriptor; False if nothing more can."""
        if fd == self.reader.fd:
            self.reader.flow.ready()
            if self.reader.ended:
                self.dialog.ended(time.monotonic())
                return False
            return True
        try:
            data = self.sock.recv(65_536)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        if not data:
            self.dialog.ended(time.monotonic())
            return False
        for item in self._splitter.feed(data):
            if isinstance(item, bytes):
                self._hear(item)
        return True

    def close(self, *, keep_ports: bool) -> None:
        """Let go of the connection and the sockets.

        A router sends to the ports of one that vanished until it takes it for dead: nobody else may get them meanwhile.
        """
        self.sock.close()
        for each in () if keep_ports else self.reader.session.sockets:
            each.close()

    def verdict(self, now: float, sent: int) -> ReaderVerdict:
        """Sum up, for a publisher that has sent so much."""
        watch = self.watch
        open_gap_s = now - watch.heard_at if watch.heard_at is not None and self.open else 0.0
        return ReaderVerdict(
            number=self.number,
            mount=watch.mount,
            path=self.path,
            transport="udp" if self.reader.session.sockets else "tcp",
            session=self.dialog.session,
            server_port=self.server_port,
            **watch.verdict.to_dict(),
            first=watch.first,
            next=watch.next,
            behind=max(0, sent - watch.next) if watch.next is not None else 0,
            gap_ms=round(max(watch.gap_s, open_gap_s) * 1e3, 1),
            delay_ms=round(watch.delay_s * 1e3, 1),
            closed_at=self.dialog.closed_at,
            gone=self.gone,
            answers=self.dialog.answers(now),
        )
