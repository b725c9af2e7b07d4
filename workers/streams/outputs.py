"""Who gets what a track sends one way, RTP or RTCP: its readers, then taps and replicas."""

import socket
from typing import Protocol

from workers.channel import Kind
from workers.contract.image import PortImage
from workers.fanout.burst import PacketBurst
from workers.fanout.destinations import Destination
from workers.fanout.send_tcp import Subscriber, TcpFan
from workers.fanout.send_udp import UdpFan
from workers.rtp.access_points import AccessPoints
from workers.runtime.resources import Resources

MOST_WAITING_BYTES = 4 * 1024 * 1024
"""Of one port, what waits for room in its send buffer and travels: 128 Mbit/s for as long as it may wait at all."""


class Sink(Protocol):
    """Gets whole bursts."""

    def send(self, burst: PacketBurst, now: float, /) -> None:
        """Send a burst on, or drop it: nobody waits."""


class SessionSink(Protocol):
    """Gets packets that are of one session, or for one."""

    def send_for(self, kind: Kind, packet: bytes, session: str, /) -> None:
        """Send a packet on, or drop it."""


class Outputs:
    """The sinks of one way. A multicast group is one more destination among the UDP readers."""

    def __init__(self, sock: socket.socket, resources: Resources, access_points: AccessPoints | None = None) -> None:
        self.sock = sock
        self.udp = UdpFan(sock, resources.family, resources.arena, resources.counters)
        self.tcp = TcpFan(access_points)
        self.sinks: list[Sink] = []
        """Those that have anybody to send to: of most mounts one, and each costs a call for every burst."""
        self._copies: list[Sink] = []

    def __len__(self) -> int:
        """Count the readers."""
        return len(self.udp) + len(self.tcp)

    def add_udp(self, member: Destination, now: float) -> None:
        """Send to a UDP reader, or a group, from the next burst on; harmless if it is so already."""
        self.udp.add(member, now)
        self._refresh()

    def remove_udp(self, member: Destination) -> None:
        """Stop to send there; harmless if it is so already."""
        self.udp.remove(member)
        self._refresh()

    def add_tcp(self, member: Subscriber, now: float) -> None:
        """Send to an interleaved reader from the next burst on; harmless if it is so already."""
        self.tcp.add(member, now)
        self._refresh()

    def remove_tcp(self, member: Subscriber) -> None:
        """Stop to send there; harmless if it is so already."""
        self.tcp.remove(member)
        self._refresh()

    def add_copy(self, sink: Sink) -> None:
        """Send to a tap, after the readers."""
        self._copies.append(sink)
        self._refresh()

    def remove_copy(self, sink: Sink) -> None:
        """Stop to send to a tap."""
        self._copies.remove(sink)
        self._refresh()

    def _refresh(self) -> None:
        fans: list[UdpFan | TcpFan] = [self.udp, self.tcp]
        self.sinks[:] = [*(each for each in fans if len(each)), *self._copies]

    def send(self, burst: PacketBurst, now: float) -> None:
        """Send a burst to everybody."""
        for each in self.sinks:
            each.send(burst, now)

    def pack(self, state: PortImage) -> None:
        """Bring the readers' counts up to date, and put into the state what waits."""
        state.waiting = self.udp.pack(MOST_WAITING_BYTES)
        self.tcp.pack()

    def go_on(self, state: PortImage) -> None:
        """Let wait what waited at another worker, once the readers are here."""
        self.udp.go_on(state.waiting)
        state.waiting = ()
