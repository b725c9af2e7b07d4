"""The swarm, seen from a test."""

import itertools
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

from router.bench import board as boards
from router.bench.board import Board
from router.bench.program import Plan
from router.bench.scenario import Scenario
from tests.support.programs import ROOT, clean_environment
from tests.support.router import RouterProcess
from tests.support.swarm.verdicts import Report, read_report
from tests.support.waiting import Deadline

STEP_TIMEOUT_S = 30.0
"""For hundreds of handshakes, or for a router that is being mended meanwhile."""
_numbers = itertools.count(1)

Ticket = int


class SwarmError(AssertionError):
    """The swarm could not do what it was told to: the router refused, or said nothing."""


class Swarm:
    """Publishers of `mounts` mounts and `readers` readers of each, running while the `with` block runs.

    Mount m is published by `publish[m % len(publish)]`, its reader r reads by `read[r % len(read)]`. Rates are those of
    each mount, in packets a second, sent in frames of `burst`. Every session makes a GET_PARAMETER each `keep_alive_s`;
    0: none. Entering waits until every reader has got a packet.
    """

    def __init__(
        self,
        router: RouterProcess,
        *,
        mounts: int = 50,
        readers: int = 4,
        packets_per_s: float = 100.0,
        burst: int = 5,
        packet_bytes: int = 300,
        publish: Sequence[str] = ("udp", "tcp"),
        read: Sequence[str] = ("udp", "tcp"),
        keep_alive_s: float = 1.0,
        seed: int = 1,
        path: str | None = None,
    ) -> None:
        self.mounts = mounts
        self.publish_by, self.read_by = publish, read
        self.readers = readers
        self.path = path or f"/swarm-{os.getpid()}-{next(_numbers)}-"
        """Mount m is at this path followed by m."""
        scenario = Scenario(mounts, readers, "udp", packets_per_s, burst, packet_bytes)
        self._descriptor = boards.create()
        self._board = Board(self._descriptor, mounts)
        options = {"keep_alive_s": keep_alive_s}
        plan = Plan(scenario, router.client_url, self.path, seed, self._descriptor, options)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.swarm.program", router.publish_url],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            pass_fds=(self._descriptor,),
        )
        self._tell(plan.to_line())
        self._tickets = itertools.count(1)
        self._answers: dict[Ticket, dict[str, Any]] = {}
        self._unread = b""
        self._report: Report | None = None

    # -- commands -----------------------------------------------------------------------------------------------

    def _tell(self, line: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line)

    def begin(self, command: str, **fields: Any) -> Ticket:
        """Give a command without waiting for its end."""
        ticket = next(self._tickets)
        self._tell(json.dumps({"command": command, "ticket": ticket, **fields}).encode() + b"\n")
        return ticket

    def wait(self, ticket: Ticket, timeout_s: float = STEP_TIMEOUT_S) -> dict[str, Any]:
        """Wait for a command's end, and give what it answered. Raises SwarmError."""
        deadline = Deadline(timeout_s)
        while ticket not in self._answers:
            self._read_answers(deadline)
        return self._answers.pop(ticket)

    def _read_answers(self, deadline: Deadline) -> None:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], deadline.left_s)[0]:
            raise SwarmError("the swarm did not do in time what it was told to")
        data = os.read(self._process.stdout.fileno(), 1 << 20)
        if not data:
            raise SwarmError(f"the swarm ended with {self._process.wait()}")
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            answer = json.loads(line)
            self._answers[answer.pop("ticket")] = answer

    def _do(self, command: str, **fields: Any) -> dict[str, Any]:
        answer = self.wait(self.begin(command, **fields))
        if answer.get("failures"):
            raise SwarmError(f"{command}: {len(answer['failures'])} failures: {answer['failures'][:5]}")
        return answer

    # -- coming and going ---------------------------------------------------------------------------------------

    def begin_publish(self, mounts: Iterable[int]) -> Ticket:
        """Let mounts be published (again), each from where its stream stopped."""
        return self.begin("publish", mounts=[(each, self.publish_by[each % len(self.publish_by)]) for each in mounts])

    def publish(self, mounts: Iterable[int]) -> None:
        """Do so, and wait until they record. Raises SwarmError."""
        self._settled(self.begin_publish(mounts), "publish")

    def begin_read(self, mounts: Iterable[int], transports: Sequence[str] | None = None) -> Ticket:
        """Let one reader by each of the transports join each of the mounts."""
        by = (
            transports if transports is not None else [self.read_by[r % len(self.read_by)] for r in range(self.readers)]
        )
        return self.begin("read", readers=[(mount, transport) for mount in mounts for transport in by])

    def read(self, mounts: Iterable[int], transports: Sequence[str] | None = None) -> None:
        """Do so, and wait until they play. Raises SwarmError."""
        self._settled(self.begin_read(mounts, transports), "read")

    def _settled(self, ticket: Ticket, what: str) -> None:
        if failures := self.wait(ticket)["failures"]:
            raise SwarmError(f"{what}: {len(failures)} failures: {failures[:5]}")

    def leave(self, readers: Iterable[int]) -> None:
        """Let readers tear down, by their numbers."""
        self._do("leave", readers=list(readers))

    def vanish_readers(self, readers: Iterable[int]) -> None:
        """Let readers go without a word, by their numbers."""
        self._do("vanish_readers", readers=list(readers))

    def vanish(self, mounts: Iterable[int]) -> None:
        """Let publishers go without a word."""
        self._do("vanish", mounts=list(mounts))

    # -- what came of it ----------------------------------------------------------------------------------------

    @property
    def sent(self) -> list[int]:
        """How many packets of each mount have been sent."""
        return list(self._board.totals())

    def mark(self) -> None:
        """Watch for gaps anew from now on."""
        self._do("mark")

    def settle(self, timeout_s: float = 10.0) -> Report:
        """Wait until every open reader has all that was sent until now and more, then report.

        A reader whose mount is published and that has not after `timeout_s` is in `waiting`.
        """
        return read_report(self.wait(self.begin("settle", timeout_s=timeout_s), timeout_s + STEP_TIMEOUT_S))

    def report(self) -> Report:
        """Report at once."""
        return read_report(self._do("report"))

    @property
    def gap_ms(self) -> float:
        """The longest time that any open reader was without a packet since the last mark."""
        return self.report().gap_ms

    def stop(self) -> Report:
        """Stop sending, wait for all that is on its way, tear everything down, and give the last report."""
        if self._report is None:
            self._report = read_report(self.wait(self.begin("stop")))
        return self._report

    def __enter__(self) -> "Swarm":
        try:
            self.publish(range(self.mounts))
            self.read(range(self.mounts))
            if waiting := self.settle().waiting:
                raise SwarmError(f"no packet for {len(waiting)} readers")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        if self._report is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        os.close(self._descriptor)
