"""Sends bursts to all UDP readers of one socket: one system call for up to 1,024 readers.

Every reader has a prebuilt message header that points to its address and, like all others, to one iovec and one
control message. A burst sets these two, and the rest is the kernel's work. Headers are added and removed one by one,
never built anew.
"""

import errno
import socket
import sys
from collections import deque
from collections.abc import Callable, Sequence

from workers.contract.image import WaitingImage
from workers.fanout.burst import PacketBurst, Run, packets_of
from workers.fanout.destinations import Arena, Destination, Table
from workers.fanout.syscalls import HEADER_BYTES, MSG_DONTWAIT, SOL_UDP, UDP_SEGMENT, last_error, sendmmsg
from workers.runtime.counters import Counters, Drop
from workers.sockets.addresses import Family

MOST_MESSAGES = 1024
"""UIO_MAXIOV: sendmmsg(2) takes no more at once."""
PLAIN_READERS = 3
"""Up to so many readers, `sendto` of a single packet is cheaper than the call through ctypes (measured)."""
RESUME_WITHIN_S = 0.25
"""How long a burst may wait for room in the send buffer: what is later than this is no use to a live viewer."""
MOST_WAITING_RUNS = 4096
"""A bound beside the deadline, for a publisher at full speed: 4,096 runs of 64 packets are over 300 MB."""
RETRY_SEGMENTS_AFTER_S = 60.0
"""A reader whose path refused segments is tried again with them: routes and MTUs change."""

_NO_SEGMENTS = (errno.EIO, errno.EINVAL, errno.EMSGSIZE)


def _cause(error: int | None) -> Drop:
    """ENOBUFS comes from below the socket, which is writable all the while: waiting for room would spin."""
    return Drop.SEND_BUFFER if error == errno.ENOBUFS else Drop.SEND_ERROR


def _ignore(wanted: bool) -> None:
    """Nothing watches the socket yet."""


class UdpFan:
    """The UDP readers of one socket.

    Readers whose path takes no segments (a small MTU, a tunnel) are in a table of their own, so that they don't make
    the others dear.
    """

    def __init__(self, sock: socket.socket, family: Family, arena: Arena, counters: Counters) -> None:
        self._sock = sock
        self._fd = sock.fileno()
        self._family = family
        self._arena = arena
        self._counters = counters
        self.want_room: Callable[[bool], None] = _ignore
        """Told when it begins to wait for room in the send buffer, and when nothing waits any more."""
        self._table = Table(family, arena)
        self._without_segments = Table(family, arena)
        self._refused_at: deque[tuple[float, Destination]] = deque()
        self._waiting: deque[tuple[float, Run, deque[Destination]]] = deque()
        self._first = 0
        self._offered = 0

    def __contains__(self, member: Destination) -> bool:
        return member.table is not None

    def __len__(self) -> int:
        return len(self._table.members) + len(self._without_segments.members)

    def _members(self) -> list[Destination]:
        return self._table.members + self._without_segments.members

    # -- members --------------------------------------------------------------------------------------------------

    def add(self, member: Destination, now: float) -> None:
        """Send to this destination from the next burst on; harmless if it is so already."""
        if member.table is None:
            member.offered_before = self._offered
            self._table.add(member)
            if member.state.refuses_segments:  # as another worker has found
                self._refuse_segments(member, now)

    def remove(self, member: Destination) -> None:
        """Stop to send to this destination; harmless if it is so already."""
        if member.table is not None:
            self._count(member)
            member.table.remove(member)
            member.state.refuses_segments = False

    def _count(self, member: Destination) -> None:
        member.state.sent += self._offered - member.offered_before
        member.offered_before = self._offered

    def move(self, member: Destination, address: bytes) -> None:
        """Send to another address from now on."""
        member.state.address, member.target = address, self._family.target(address)
        if member.table is not None:
            member.table.write(member)

    def packets_to(self, member: Destination) -> int:
        """Count the packets that went to this destination."""
        running = self._offered - member.offered_before if member.table is not None else 0
        return member.state.sent + running - member.state.dropped

    def send_one(self, member: Destination, packet: bytes, now: float) -> None:
        """Send one packet to one reader, now or never."""
        self._send_plain(member, packet)
        member.state.sent += 1

    def send_to(self, address: bytes, packet: bytes) -> None:
        """Send one packet to somebody who is no member, now or never."""
        try:
            self._sock.sendto(packet, MSG_DONTWAIT, self._family.target(address))
        except OSError:
            self._counters.drop(Drop.SEND_ERROR)

    # -- bursts ---------------------------------------------------------------------------------------------------

    def send(self, burst: PacketBurst, now: float) -> None:
        """Send a burst to every member; what finds no room in the send buffer waits for a short time."""
        members = len(self._table.members) + len(self._without_segments.members)
        if not members:
            return
        for run in burst.runs:
            self._offered += run[2]
            if self._waiting:
                self._wait(run, self._rotated(), now)  # behind what waits already: readers get everything in order
                continue
            if run[2] == 1 and members <= PLAIN_READERS:
                self._send_few(run, now)
                continue
            if self._without_segments.members:  # first: whoever refuses segments below joins them after this run
                self._send_packets(self._without_segments, run, now)
            if self._table.members:
                self._send_table(self._table, run, now)
        if self._refused_at and self._refused_at[0][0] <= now:
            self._try_segments_again(now)

    def _send_few(self, run: Run, now: float) -> None:
        data = run[0]
        members = self._members() if self._without_segments.members else self._table.members
        for place, member in enumerate(members):
            if not self._send_plain(member, data):
                self._wait(run, deque(members[place:]), now)
                return

    def _send_table(self, table: Table, run: Run, now: float) -> None:
        data, segment, packets = run
        arena = self._arena
        arena.vector.base = data
        arena.vector.length = len(data)
        arena.control.segment = segment
        headers = table.segmented_at if packets > 1 else table.plain_at
        count = len(table.members)
        done = failed = 0
        refused: list[Destination] = []
        while done < count:
            sent = sendmmsg(self._fd, headers + done * HEADER_BYTES, min(count - done, MOST_MESSAGES), MSG_DONTWAIT)
            if sent > 0:
                done += sent
                continue
            error = last_error()
            if error == errno.EAGAIN:
                self._wait(run, deque(table.members[done:]), now)
                break
            member = table.members[done]
            if packets > 1 and error in _NO_SEGMENTS:
                if not self._send_apart(member, run):
                    self._wait(run, deque(table.members[done:]), now)
                    break
                refused.append(member)
            elif error != errno.EINTR:
                self._drop(member, packets, _cause(error))
            else:
                continue
            failed += 1
            done += 1
        self._counters.packets_out += (done - failed) * packets
        self._counters.bytes_out += (done - failed) * len(data)
        for member in refused:
            self._refuse_segments(member, now)

    def _send_packets(self, table: Table, run: Run, now: float) -> None:
        """Send a run packet by packet, each to the whole table."""
        for packet in packets_of(run):
            single = (packet, len(packet), 1)
            if self._waiting:
                self._wait(single, deque(table.members), now)
            else:
                self._send_table(table, single, now)

    def _send_apart(self, member: Destination, run: Run) -> bool:
        """Send a run packet by packet to one reader; False if there was no room for its first packet."""
        for place, packet in enumerate(packets_of(run)):
            if not self._send_plain(member, packet):
                if place == 0:
                    return False
                # Part of the run is out: to begin again would send it twice.
                self._drop(member, run[2] - place, Drop.SEND_BUFFER)
                break
        return True

    def _send_plain(self, member: Destination, packet: bytes) -> bool:
        """Send one packet to one reader; False if there is no room."""
        try:
            self._sock.sendto(packet, MSG_DONTWAIT, member.target)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return False
            self._drop(member, 1, _cause(error.errno))
        else:
            self._counters.packets_out += 1
            self._counters.bytes_out += len(packet)
        return True

    def _drop(self, member: Destination, packets: int, cause: Drop) -> None:
        member.state.dropped += packets
        self._counters.drops[cause] += packets

    # -- paths without segments -----------------------------------------------------------------------------------

    def _refuse_segments(self, member: Destination, now: float) -> None:
        self._table.remove(member)
        self._without_segments.add(member)
        member.state.refuses_segments = True
        self._refused_at.append((now + RETRY_SEGMENTS_AFTER_S, member))

    def _try_segments_again(self, now: float) -> None:
        while self._refused_at and self._refused_at[0][0] <= now:
            member = self._refused_at.popleft()[1]
            if member.table is self._without_segments:
                self._without_segments.remove(member)
                self._table.add(member)
                member.state.refuses_segments = False

    # -- a full send buffer ---------------------------------------------------------------------------------------

    def _rotated(self) -> deque[Destination]:
        """List all members, beginning with another one each time: the deadline must not hit the same one always."""
        members = deque(self._members())
        self._first += 1
        members.rotate(-self._first % len(members))
        return members

    def _wait(self, run: Run, members: deque[Destination], now: float) -> None:
        if len(self._waiting) >= MOST_WAITING_RUNS:
            for each in members:
                self._drop(each, run[2], Drop.SEND_BUFFER)
            return
        if not self._waiting:
            self.want_room(True)
        self._waiting.append((now + RESUME_WITHIN_S, run, members))

    def send_waiting(self, now: float) -> None:
        """Send on what waits, after the socket has said that there is room (or to let go of what is too late)."""
        while self._waiting:
            deadline, run, members = self._waiting[0]
            if deadline <= now:
                for each in members:
                    self._drop(each, run[2], Drop.SEND_BUFFER)
            elif not self._send_waiting_run(run, members):
                return
            self._waiting.popleft()
        self.want_room(False)

    def _send_waiting_run(self, run: Run, members: deque[Destination]) -> bool:
        _, segment, packets = run
        control = [] if packets == 1 else [(SOL_UDP, UDP_SEGMENT, segment.to_bytes(2, sys.byteorder))]
        while members:
            member = members[0]
            if member.table is None:
                members.popleft()  # gone meanwhile
                continue
            if packets > 1 and member.table is self._without_segments:
                sent = self._send_apart(member, run)
            else:
                sent = self._send_segments(member, run, control)
            if not sent:
                return False
            members.popleft()
        return True

    def _send_segments(self, member: Destination, run: Run, control: list[tuple[int, int, bytes]]) -> bool:
        try:
            self._sock.sendmsg([run[0]], control, MSG_DONTWAIT, member.target)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return False
            if control and error.errno in _NO_SEGMENTS:
                return self._send_apart(member, run)
            self._drop(member, run[2], _cause(error.errno))
        else:
            self._counters.packets_out += run[2]
            self._counters.bytes_out += len(run[0])
        return True

    # -- a move to another worker -----------------------------------------------------------------------------------

    def pack(self, budget_bytes: int) -> tuple[WaitingImage, ...]:
        """Bring the members' counts up to date, and give what waits; beyond so many bytes it is dropped, the latest
        first."""
        for member in self._members():
            self._count(member)
        waiting = []
        for deadline, run, members in self._waiting:
            budget_bytes -= len(run[0])
            if budget_bytes < 0:
                for each in members:
                    self._drop(each, run[2], Drop.SEND_BUFFER)
                continue
            waiting.append(WaitingImage(deadline, *run, tuple(each.name for each in members if each.table is not None)))
        return tuple(waiting)

    def go_on(self, waiting: Sequence[WaitingImage]) -> None:
        """Let wait what waited at another worker, for those of its members that are members here."""
        by_name = {each.name: each for each in self._members()} if waiting else {}
        for each in waiting:
            there = deque(by_name[name] for name in each.readers if name in by_name)
            self._waiting.append((each.deadline, (each.data, each.segment, each.packets), there))

    @property
    def is_waiting(self) -> bool:
        """Whether packets wait for room in the send buffer."""
        return bool(self._waiting)
