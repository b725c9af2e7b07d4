"""Who gets what a track sends one way, RTP or RTCP: its readers, then taps and replicas."""

import socket
from typing import Protocol, TypeVar

from workers.channel import Kind
from workers.contract.image import PortImage
from workers.fanout.burst import PacketBurst
from workers.fanout.send_tcp import TcpFan
from workers.fanout.send_udp import UdpFan
from workers.rtp.access_points import AccessPoints
from workers.runtime.resources import Resources

Member = TypeVar("Member")
Member_contra = TypeVar("Member_contra", contravariant=True)

MOST_WAITING_BYTES = 4 * 1024 * 1024
"""Of one port, what waits for room in its send buffer and travels: 128 Mbit/s for as long as it may wait at all."""


class Sink(Protocol):
    """Gets whole bursts."""

    def send(self, burst: PacketBurst, now: float, /) -> None:
        """Send a burst on, or drop it: nobody waits."""


class Fan(Protocol[Member_contra]):
    """A sink that sends to members, each of which has one of these ways to get packets."""

    def add(self, member: Member_contra, now: float, /) -> None:
        """Send to this member from the next burst on; harmless if it is so already."""

    def remove(self, member: Member_contra, /) -> None:
        """Stop to send to this member; harmless if it is so already."""

    def __contains__(self, member: Member_contra, /) -> bool:
        """Tell whether bursts go to this one."""

    def packets_to(self, member: Member_contra, /) -> int:
        """Count the packets that went to this member, or are on their way."""

    def send_one(self, member: Member_contra, packet: bytes, now: float, /) -> None:
        """Send one packet to one member."""


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
        return len(self.udp) + len(self.tcp)

    def add(self, fan: Fan[Member], member: Member, now: float) -> None:
        """Send to a member of one of the fans from the next burst on; harmless if it is so already."""
        fan.add(member, now)
        self._refresh()

    def remove(self, fan: Fan[Member], member: Member) -> None:
        """Stop to send to a member; harmless if it is so already."""
        fan.remove(member)
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
