"""The program that reads: all readers of all mounts, in one process, with every packet verified."""

import contextlib
import json
import os
import select
import socket
import sys
import time
from pathlib import Path
from typing import Any

from router.bench import program
from router.bench.program import Plan, Streams
from router.bench.read_tcp import Basin, TcpReader
from router.bench.read_udp import RECEIVE_BYTES, Landing, UdpReader
from router.bench.rtsp_client import Client, RtspFailureError, track_url, udp_pair
from router.bench.tally import Latencies, Tally, Verdict

FIRST_PACKET_S = 20.0
"""How long readers may wait for their first packet: a trace may begin late, and busy cores take their time."""
QUIET_S = 1.0
"""Once the publishers have stopped, what does not come for so long is lost."""
_KEEP_ALIVE_S = 15.0
_SO_RCVBUFFORCE = 33
_STDIN = 0


class Reader:
    """One session. Raises RtspFailureError if the server refuses it."""

    def __init__(self, url: str, tally: Tally, number: int, landing: Landing, basin: Basin, udp: bool) -> None:
        self.url = url
        self.client = client = Client(url)
        self.sockets: tuple[socket.socket, ...] = ()
        described = client.request("DESCRIBE", url, {"Accept": "application/sdp"})
        track = track_url(described, url)
        self.flow: UdpReader | TcpReader
        if udp:
            rtp, _ = self.sockets = udp_pair(client.local_host, 1024 + number)
            _enlarge(rtp)
            port = rtp.getsockname()[1]
            wanted = f"RTP/AVP;unicast;client_port={port}-{port + 1}"
            answer = client.request("SETUP", track, {"Transport": wanted})
            ports = answer.transport("server_port")
            if ports is not None:
                rtp.connect((client.server_host, ports[0]))  # packets from anywhere else don't count as delivered
            self.flow = UdpReader(rtp, landing, tally)
            self.fd = rtp.fileno()
            client.request("PLAY", url, {"Range": "npt=0.000-"})
            return
        answer = client.request("SETUP", track, {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"})
        channel = (answer.transport("interleaved") or (0, 1))[0]
        self.flow = TcpReader(client.sock, basin, landing.layout, tally, channel)
        self.fd = client.sock.fileno()
        client.request("PLAY", url, {"Range": "npt=0.000-"})
        now = time.monotonic()
        for found, payload in client.frames:
            if found == channel:
                tally.judge(len(payload), payload, now)
        self.flow.feed(client.unread, now)
        client.sock.setblocking(False)

    @property
    def ended(self) -> bool:
        """Whether the router has ended the connection that carries the media."""
        return isinstance(self.flow, TcpReader) and self.flow.ended

    def ask(self, method: str) -> None:
        """Send a request without waiting for its answer."""
        lines = (f"{method} {self.url} RTSP/1.0", "CSeq: 99", f"Session: {self.client.session}", "", "")
        with contextlib.suppress(OSError):
            self.client.sock.send("\r\n".join(lines).encode())


def _enlarge(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BYTES)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)


class Crowd:
    """All readers of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._streams = Streams(plan)
        self._board = self._streams.board
        self._landing = Landing(self._streams.layout)
        self._basin = Basin()
        self.latencies = Latencies()
        self.readers: list[Reader] = []
        self._by_fd: dict[int, Reader] = {}
        self._epoll = select.epoll()
        self._delivered = 0
        self._keep_alive_at = time.monotonic() + _KEEP_ALIVE_S

    def set_up(self) -> None:
        """Start all readers. Raises RtspFailureError."""
        scenario = self._plan.scenario
        udp = scenario.transport == "udp"
        renumbered = bool(self._plan.options.get("renumbered"))
        for number in range(scenario.mounts * scenario.readers):
            mount = number % scenario.mounts
            tally = Tally(self._streams.streams[mount], mount, self._board, self.latencies)
            tally.allow_renumbering = renumbered
            url = self._plan.mount_url(mount)
            reader = Reader(url, tally, number, self._landing, self._basin, udp)
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
            if reader.sockets:  # over TCP the media is sign enough, and answers would come in between
                reader.ask("OPTIONS")

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
        total = Verdict()
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
            "dropped_by_load": own_drops({sock.getsockname()[1] for each in self.readers for sock in each.sockets}),
            "p50_ms": p50,
            "p99_ms": p99,
            "p999_ms": p999,
        }

    def end(self) -> None:
        """Tear all sessions down."""
        for each in self.readers:
            each.ask("TEARDOWN")
        deadline = time.monotonic() + 2.0
        for each in self.readers:
            each.client.sock.settimeout(max(0.01, deadline - time.monotonic()))
            with contextlib.suppress(OSError):
                each.client.sock.recv(65_536)


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
    """Run the program."""
    plan = program.begin()
    crowd = Crowd(plan)
    try:
        crowd.set_up()
    except RtspFailureError as error:
        program.say("failed", reason=f"reader {len(crowd.readers)}: {error}")
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
