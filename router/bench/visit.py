"""The program whose readers come and go: whole sessions (connect, DESCRIBE, SETUP, PLAY, TEARDOWN) over and over.

It begins to count at its first command and sums up at its second.
"""

import contextlib
import errno
import os
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from router.bench import program
from router.bench.handshake import OPTIONS, ports_of
from router.bench.program import Plan
from router.remote import bind_pair
from router.rtsp.client import ClientSession, Described, Offer, PlayStarted, RtspError, TornDown

_STDIN = 0
SESSION_TIMEOUT_S = 10.0
_SWEEP_S = 0.5
_MOST_REASONS = 5


class Visit:
    """One session, step by step, never waiting. Raises RtspError and OSError."""

    def __init__(self, url: str, pair: tuple[socket.socket, socket.socket], now: float) -> None:
        self.pair = pair
        self.began = now
        self.leave_at: float | None = None
        """When it is to be torn down; None before it plays."""
        self.ended = False
        self._client = ClientSession(url, "", OPTIONS)
        host, port = self._client.address
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        error = self.sock.connect_ex((host, port))
        if error not in (0, errno.EINPROGRESS):
            raise OSError(error, os.strerror(error))

    def connected(self, now: float) -> None:
        """Go on once the connection stands."""
        error = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        self._client.connected(now)
        self._client.describe(now)
        self.sock.send(self._client.outgoing())

    def ready(self, now: float, stay_s: float) -> None:
        """Take an answer and make the next request."""
        data = self.sock.recv(65_536)
        for event in self._client.receive(data, now) if data else self._client.ended():
            if isinstance(event, Described):
                self._client.play([Offer(0, ports_of(self.pair))], now)
            elif isinstance(event, PlayStarted):
                self.leave_at = now + stay_s
                if not stay_s:
                    self._client.teardown(now)
            elif isinstance(event, TornDown):
                self.ended = True
        if asked := self._client.outgoing():
            self.sock.send(asked)

    def leave(self, now: float) -> None:
        self._client.teardown(now)
        self.sock.send(self._client.outgoing())


class Visitors:
    """Keeps `at_a_time` sessions going, or begins `per_s` each second that stay for `stay_s`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._most = int(plan.options["at_a_time"])
        self._interval_s = 1 / plan.options["per_s"] if plan.options.get("per_s") else 0.0
        self._stay_s = plan.options.get("stay_s", 0.0)
        self._epoll = select.epoll()
        self._visits: dict[int, Visit] = {}
        self._staying: deque[Visit] = deque()
        host = str(socket.getaddrinfo(urlsplit(plan.url).hostname, None)[0][4][0])
        local = "127.0.0.1" if host.startswith("127.") else "" if ":" not in host else "::"
        self._pairs = [bind_pair(local, 12_000 + place) for place in range(self._most)]
        self.begun = 0
        """How many sessions were begun, whatever became of them."""
        self._next_at = time.monotonic()
        self._sweep_at = 0.0
        self.took_s: list[float] = []
        self.failures: list[str] = []

    def run(self) -> None:
        """Go on until there is a command."""
        self._epoll.register(_STDIN, select.EPOLLIN)
        while not self._turn(begin=True):
            pass
        os.read(_STDIN, 1)
        self._epoll.unregister(_STDIN)

    def finish(self) -> None:
        """Let those end that have begun."""
        while self._visits:
            self._turn(begin=False)

    def _turn(self, *, begin: bool) -> bool:
        now = time.monotonic()
        while begin and self._pairs and now >= self._next_at:
            self._begin(now)
        while self._staying and self._staying[0].leave_at is not None and self._staying[0].leave_at <= now:
            visit = self._staying.popleft()
            if visit.sock.fileno() in self._visits:
                self._try(visit, partial(visit.leave, now))
        command = False
        for fd, mask in self._epoll.poll(self._wait_s(now), 256):
            if fd == _STDIN:
                command = True
            elif fd in self._visits:
                self._serve(self._visits[fd], mask)
        if now >= self._sweep_at:
            self._sweep(now)
        return command

    def _wait_s(self, now: float) -> float:
        due = [0.1]
        if self._interval_s and self._pairs:
            due.append(self._next_at - now)
        if self._staying and self._staying[0].leave_at is not None:
            due.append(self._staying[0].leave_at - now)
        return max(0.0, min(due))

    def _begin(self, now: float) -> None:
        self._next_at = self._next_at + self._interval_s if self._interval_s else now
        url = self._plan.mount_url(self.begun % self._plan.scenario.mounts)
        self.begun += 1
        pair = self._pairs.pop()
        try:
            visit = Visit(url, pair, now)
        except OSError as error:
            self._pairs.append(pair)
            self._fail(str(error))
            return
        self._visits[visit.sock.fileno()] = visit
        self._epoll.register(visit.sock.fileno(), select.EPOLLOUT)

    def _serve(self, visit: Visit, mask: int) -> None:
        now = time.monotonic()
        if mask & select.EPOLLOUT:
            self._epoll.modify(visit.sock.fileno(), select.EPOLLIN)
            self._try(visit, partial(visit.connected, now))
            return
        was_staying = visit.leave_at is not None
        self._try(visit, partial(visit.ready, now, self._stay_s))
        if visit.ended:
            self.took_s.append(now - visit.began)
            self._let_go(visit)
        elif visit.leave_at is not None and not was_staying and self._stay_s:
            self._staying.append(visit)

    def _try(self, visit: Visit, step: Callable[[], None]) -> None:
        try:
            step()
        except (RtspError, OSError) as error:
            self._fail(str(error))
            self._let_go(visit)

    def _fail(self, reason: str) -> None:
        self.failures.append(reason)

    def _let_go(self, visit: Visit) -> None:
        if self._visits.pop(visit.sock.fileno(), None) is not None:
            self._epoll.unregister(visit.sock.fileno())
            visit.sock.close()
            self._pairs.append(visit.pair)

    def _sweep(self, now: float) -> None:
        self._sweep_at = now + _SWEEP_S
        for visit in list(self._visits.values()):
            if now - visit.began > SESSION_TIMEOUT_S + self._stay_s:
                self._fail(f"no whole session in {SESSION_TIMEOUT_S:g} s")
                self._let_go(visit)


def main() -> None:
    """Run the program."""
    plan = program.begin()
    visitors = Visitors(plan)
    program.say("visiting")
    visitors.run()
    before, failures_before, begun_before = len(visitors.took_s), len(visitors.failures), visitors.begun
    began = time.monotonic()
    visitors.run()
    seconds, begun = time.monotonic() - began, visitors.begun - begun_before
    took = sorted(visitors.took_s[before:])
    with contextlib.suppress(KeyboardInterrupt):
        visitors.finish()
    failures = visitors.failures[failures_before:]
    program.say(
        "visited",
        sessions_per_s=len(took) / seconds,
        begun_per_s=begun / seconds,
        p50_ms=_share_ms(took, 0.5),
        p99_ms=_share_ms(took, 0.99),
        failures=len(failures),
        reasons=sorted(set(failures))[:_MOST_REASONS],
    )
    sys.stdin.buffer.read()


def _share_ms(took_s: list[float], share: float) -> float | None:
    return round(took_s[min(len(took_s) - 1, int(share * len(took_s)))] * 1000, 2) if took_s else None


if __name__ == "__main__":
    main()
