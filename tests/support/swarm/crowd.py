"""All publishers and readers of a swarm, in one loop that sends what is due and takes in what has come."""

import heapq
import select
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from router.bench.program import Plan, PlannedStreams
from router.bench.publish import FrameMessages, LoadPublisher
from router.bench.read import LoadReader, ReceiveBuffers, own_drops
from router.bench.read_tcp import Basin
from router.bench.read_udp import Landing
from router.bench.tally import Latencies
from tests.support.swarm.dialog import Dialog
from tests.support.swarm.receiving import Session, Watch
from tests.support.swarm.sending import Sender

_LONGEST_WAIT_S = 0.02
_MOST_ARREARS_S = 0.1
"""Of keep-alives: whoever was stopped for long makes up for no more than this."""


class Crowd:
    """Who publishes and who reads at the moment. Times are monotonic seconds."""

    def __init__(self, plan: Plan, publish_url: str) -> None:
        self._plan = plan
        self._publish_plan = replace(plan, url=publish_url)
        self._streams = PlannedStreams(plan)
        self._board = self._streams.board
        departure = FrameMessages(self._streams.layout)
        self.senders = [
            Sender(mount, f"{plan.path}{mount}", stream, self._board, departure)
            for mount, stream in enumerate(self._streams.streams)
        ]
        self.sessions: list[Session] = []
        """All readers that ever played."""
        self.sending = True
        self.keep_alive_s = plan.options["keep_alive_s"]
        self._buffers, self._latencies = ReceiveBuffers(Landing(self._streams.layout), Basin()), Latencies()
        self._publisher_counts = [0] * plan.scenario.mounts
        self._due: list[tuple[float, int]] = []
        self._epoll = select.epoll()
        self._others: dict[int, Callable[[], None]] = {}
        self._readers: dict[int, Session] = {}
        self._publishers: dict[int, Sender] = {}
        self._writing: set[int] = set()
        self._keep_alive_at = time.monotonic()
        self._turns: deque[tuple[Dialog, Session | Sender]] = deque()
        """Of all sessions, the one whose turn it is first."""
        self._late_s = 0.0

    # -- handshakes: these block, and are for threads of their own -----------------------------------------------

    def shake_hands_to_publish(self, mount: int, transport: Any) -> LoadPublisher:
        """Publish a mount as far as RECORD. Raises RtspError and OSError."""
        scenario = replace(self._plan.scenario, publish_transport=transport)
        return LoadPublisher(replace(self._publish_plan, scenario=scenario), mount, self.senders[mount].stream)

    def shake_hands_to_read(self, number: int, mount: int, transport: str) -> Session:
        """Read a mount as far as PLAY. Raises RtspError and OSError."""
        watch = Watch(self._streams.streams[mount], mount, self._board, self._latencies, self._publisher_counts)
        url = self._plan.mount_url(mount)
        reader = LoadReader(url, watch, number, self._buffers, udp=transport == "udp")
        return Session(number, self.senders[mount].path, reader, watch)

    # -- who is there -------------------------------------------------------------------------------------------

    def follow(self, fd: int, ready: Callable[[], None]) -> None:
        """Call `ready` when a descriptor is readable."""
        self._others[fd] = ready
        self._epoll.register(fd, select.EPOLLIN)

    def published(self, mount: int, publisher: LoadPublisher) -> None:
        """Let a publisher send from now on."""
        sender = self.senders[mount]
        self._publisher_counts[mount] += 1
        self._turns.append((sender.attach(publisher, time.monotonic()), sender))
        fd = publisher.session.sock.fileno()
        self._publishers[fd] = sender
        self._epoll.register(fd, select.EPOLLIN)
        heapq.heappush(self._due, (sender.due_at, mount))

    def joined(self, session: Session) -> None:
        """Take in what a reader gets from now on."""
        self.sessions.append(session)
        self._turns.append((session.dialog, session))
        for fd in session.descriptors:
            self._readers[fd] = session
            self._epoll.register(fd, select.EPOLLIN)

    def vanish(self, mount: int) -> None:
        """Let a mount's publisher go without a word."""
        sender = self.senders[mount]
        if sender.publisher is not None:
            self._forget(sender.publisher.session.sock.fileno())
            sender.vanish()

    def part(self, session: Session, how: str) -> None:
        """Let a reader go."""
        session.gone = how
        session.dialog.gone = True
        for fd in session.descriptors:
            self._forget(fd)
        session.close(keep_ports=how == "vanished")

    def _forget(self, fd: int) -> None:
        if self._readers.pop(fd, None) is not None or self._publishers.pop(fd, None) is not None:
            self._epoll.unregister(fd)
            self._writing.discard(fd)

    # -- the loop -----------------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Send what is due, then wait a little for what comes."""
        wait_s = min(self._send_due(), _LONGEST_WAIT_S)
        for fd, mask in self._epoll.poll(max(0.0, wait_s), 4096):
            if (session := self._readers.get(fd)) is not None:
                if not session.ready(fd):
                    self._forget(fd)
            elif (sender := self._publishers.get(fd)) is not None:
                self._serve_publisher(fd, sender, mask)
            elif fd in self._others:
                self._others[fd]()
        self._keep_alive(time.monotonic())

    def _send_due(self) -> float:
        """Send, and say how long nothing more is due."""
        now = time.monotonic()
        while self.sending and self._due:
            due_at, mount = self._due[0]
            if due_at > now:
                return due_at - now
            heapq.heappop(self._due)
            sender = self.senders[mount]
            if sender.publisher is not None:
                self._late_s = max(self._late_s, now - due_at)
                sender.send(now)
                self._follow_writing(sender)
                heapq.heappush(self._due, (sender.due_at, mount))
                now = time.monotonic()
        return _LONGEST_WAIT_S

    def _serve_publisher(self, fd: int, sender: Sender, mask: int) -> None:
        if mask & select.EPOLLOUT:
            sender.flush()
        if mask & ~select.EPOLLOUT:
            sender.read(time.monotonic())
        if sender.dialog is not None and sender.dialog.closed_at is not None:
            self._forget(fd)
        else:
            self._follow_writing(sender)

    def _follow_writing(self, sender: Sender) -> None:
        assert sender.publisher is not None
        fd = sender.publisher.session.sock.fileno()
        if fd in self._publishers and sender.waits_to_write != (fd in self._writing):
            self._writing ^= {fd}
            self._epoll.modify(fd, select.EPOLLIN | (select.EPOLLOUT if sender.waits_to_write else 0))

    def _keep_alive(self, now: float) -> None:
        """Let one session after the other make a request, so that each makes one every so often."""
        self._keep_alive_at = max(self._keep_alive_at, now - _MOST_ARREARS_S)
        while self.keep_alive_s and self._turns and now >= self._keep_alive_at:
            dialog, each = self._turns.popleft()
            if not dialog.over:
                each.keep_alive(now)
                self._turns.append((dialog, each))
                self._keep_alive_at += self.keep_alive_s / len(self._turns)

    # -- what came of it ----------------------------------------------------------------------------------------

    def marks(self) -> dict[int, int]:
        """Say how many packets of each mount have been sent that is published."""
        there = (each for each in self.senders if each.dialog is not None and not each.dialog.over)
        return {each.mount: self._board.sent[each.mount] for each in there}

    def missing(self, marks: dict[int, int]) -> list[int]:
        """Name the open readers that have not got all until `marks`."""
        behind = (each for each in self.sessions if each.open and each.watch.mount in marks)
        return [each.number for each in behind if (each.watch.next or 0) < marks[each.watch.mount]]

    def mark(self) -> None:
        """Watch for gaps anew."""
        self._late_s = 0.0
        for each in self.sessions:
            each.watch.mark()

    def report(self) -> dict[str, Any]:
        """Sum up."""
        now, sent = time.monotonic(), self._board.sent
        ports = {
            sock.getsockname()[1] for each in self.sessions if not each.gone for sock in each.reader.session.sockets
        }
        return {
            "readers": [asdict(each.verdict(now, sent[each.watch.mount])) for each in self.sessions],
            "publishers": [asdict(verdict) for each in self.senders if (verdict := each.verdict(now)) is not None],
            "late_ms": round(self._late_s * 1e3, 1),
            "dropped_by_swarm": own_drops(ports),
        }
