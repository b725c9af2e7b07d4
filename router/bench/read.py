"""The program that reads: all readers of all mounts, in one process, with every packet verified."""

import contextlib
import json
import os
import select
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.bench import handshake, program
from router.bench.program import Plan, PlannedStreams
from router.bench.read_tcp import Basin, TcpReader
from router.bench.read_udp import RECEIVE_BYTES, Landing, UdpReader
from router.bench.tally import Latencies, PacketCounts, Tally
from router.rtsp.client import RtspError

FIRST_PACKET_S = 20.0
"""How long readers may wait for their first packet: a trace may begin late, and busy cores take their time."""
QUIET_S = 1.0
"""Once the publishers have stopped, what does not come for so long is lost."""
_KEEP_ALIVE_S = 15.0
_STDIN = 0


@dataclass(frozen=True, slots=True)
class ReceiveBuffers:
    """Where packets are received, by all readers in turn."""

    landing: Landing
    basin: Basin


class LoadReader:
    """One session. Raises RtspError and OSError if the server doesn't take it."""

    def __init__(self, url: str, tally: Tally, number: int, buffers: ReceiveBuffers, *, udp: bool) -> None:
        self.url = url
        self.session = session = handshake.play(url, udp=udp, near=1024 + number, receive_bytes=RECEIVE_BYTES)
        self.flow: UdpReader | TcpReader
        if udp:
            rtp = session.sockets[0]
            self.flow, self.fd = UdpReader(rtp, buffers.landing, tally), rtp.fileno()
            return
        channel = (session.track.transport.interleaved or (0, 1))[0]
        self.flow = TcpReader(session.sock, buffers.basin, buffers.landing.layout, tally, channel)
        self.fd = session.sock.fileno()
        self.flow.feed(session.unread, time.monotonic())
        session.sock.setblocking(False)

    @property
    def ended(self) -> bool:
        """Whether the router has ended the connection that carries the media."""
        return isinstance(self.flow, TcpReader) and self.flow.ended


class Crowd:
    """All readers of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._streams = PlannedStreams(plan)
        self._board = self._streams.board
        self._buffers = ReceiveBuffers(Landing(self._streams.layout), Basin())
        self.latencies = Latencies()
        self.readers: list[LoadReader] = []
        self._by_fd: dict[int, LoadReader] = {}
        self._epoll = select.epoll()
        self._delivered = 0
        self._keep_alive_at = time.monotonic() + _KEEP_ALIVE_S

    def set_up(self) -> None:
        """Start all readers. Raises RtspError and OSError."""
        scenario = self._plan.scenario
        udp = scenario.transport == "udp"
        renumbered = bool(self._plan.options.get("renumbered"))
        for number in range(scenario.mounts * scenario.readers):
            mount = number % scenario.mounts
            tally = Tally(self._streams.streams[mount], mount, self._board, self.latencies)
            tally.allow_renumbering = renumbered
            url = self._plan.mount_url(mount)
            reader = LoadReader(url, tally, number, self._buffers, udp=udp)
            self.readers.append(reader)
            self._by_fd[reader.fd] = reader
            self._epoll.register(reader.fd, select.EPOLLIN)
            self.pump(0)

    def pump(self, timeout_s: float) -> bool:
        """Take in what has come; True if a command waits on standard input."""
        command = False
        for fd, _ in self._epoll.poll(timeout_s, 4096):
            if fd == _STDIN:
                command = True
                continue
            reader = self._by_fd[fd]
            self._delivered += reader.flow.ready()
            if reader.ended:
                self._epoll.unregister(fd)
        self._board.delivered = self._delivered
        if time.monotonic() >= self._keep_alive_at:
            self._keep_alive()
        return command

    def _keep_alive(self) -> None:
        self._keep_alive_at = time.monotonic() + _KEEP_ALIVE_S
        for reader in self.readers:
            if reader.session.sockets:  # over TCP the media is sign enough, and answers would come in between
                reader.session.keep_alive()

    def wait_all(self, deadline: float) -> int:
        """Wait until every reader has got a packet; gives how many have not."""
        while time.monotonic() < deadline:
            self.pump(0.05)
            if all(reader.flow.tally.next is not None for reader in self.readers):
                return 0
        return sum(reader.flow.tally.next is None for reader in self.readers)

    def run(self) -> None:
        """Take in media until there is a command."""
        self._epoll.register(_STDIN, select.EPOLLIN)
        while not self.pump(0.25):
            pass
        self._epoll.unregister(_STDIN)

    def finish(self, sent: list[int]) -> None:
        """Wait for what the publishers have sent in all, as long as anything comes, and count what never does."""
        quiet_at = time.monotonic() + QUIET_S
        while time.monotonic() < quiet_at:
            if all((each.flow.tally.next or 0) >= sent[each.flow.tally.mount] for each in self.readers):
                break
            before = self._delivered
            self.pump(0.05)
            if self._delivered != before:
                quiet_at = time.monotonic() + QUIET_S
        for each in self.readers:
            each.flow.tally.finish(sent[each.flow.tally.mount])

    def report(self) -> dict[str, Any]:
        """Sum up."""
        total = PacketCounts()
        worst = 0
        for each in self.readers:
            total.add(each.flow.tally.verdict)
            worst = max(worst, each.flow.tally.verdict.faults)
        p50, p99, p999 = self.latencies.percentiles_ms((0.5, 0.99, 0.999))
        return {
            **total.to_dict(),
            "worst_reader_faults": worst,
            "silent": sum(each.flow.tally.next is None for each in self.readers),
            "ended": sum(each.ended for each in self.readers),
            "dropped_by_load": own_drops(
                {sock.getsockname()[1] for each in self.readers for sock in each.session.sockets}
            ),
            "p50_ms": p50,
            "p99_ms": p99,
            "p999_ms": p999,
        }

    def end(self) -> None:
        """Tear all sessions down."""
        for each in self.readers:
            each.session.leave()
        deadline = time.monotonic() + 2.0
        for each in self.readers:
            each.session.wait(max(0.01, deadline - time.monotonic()))


def own_drops(ports: set[int]) -> int:
    """Count the packets that the kernel dropped at the load's own sockets."""
    drops = 0
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text("ascii").splitlines()[1:]:
                fields = line.split()
                if int(fields[1].rpartition(":")[2], 16) in ports:
                    drops += int(fields[-1])
    return drops


def main() -> None:
    plan = program.begin()
    crowd = Crowd(plan)
    try:
        crowd.set_up()
    except (RtspError, OSError) as error:
        number = len(crowd.readers)
        program.say("failed", reason=f"reader {number}: {plan.mount_url(number % plan.scenario.mounts)}: {error}")
        sys.exit(1)
    program.say("playing")
    silent = crowd.wait_all(time.monotonic() + FIRST_PACKET_S)
    program.say("receiving", silent=silent, wrong=sum(each.flow.tally.verdict.damaged for each in crowd.readers))
    crowd.run()
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(_STDIN, 1 << 16) or sys.exit(1)
    crowd.finish(json.loads(line))
    program.say("report", **crowd.report())
    sys.stdin.buffer.read()
    crowd.end()


if __name__ == "__main__":
    main()
