"""Multicast readers of a track: one group for all of them, so a burst is sent once whatever their number."""

import ipaddress
import socket
from collections.abc import Callable

import psutil

from workers.contract.image import DeliveryImage, GroupImage, ReaderTrackImage
from workers.contract.parts import MulticastTransport, Refusal
from workers.fanout.destinations import Destination
from workers.readers.transport import ReaderContext, ReaderTransport
from workers.readers.ways import WayPair
from workers.rtp import rtcp
from workers.runtime.refusal import RefusedError
from workers.sockets.addresses import Family
from workers.sockets.udp_pairs import aim_multicast
from workers.streams.track import MountTrack


class Group:
    """The group of one track. It gets packets while any of its readers plays."""

    def __init__(
        self, transport: MulticastTransport, track: MountTrack, family: Family, on_empty: Callable[[], None]
    ) -> None:
        """Aim the track's sockets at the group; raises OSError where its interface can't be used."""
        self.aim = aim_of(transport)
        self._track = track
        self._family = family
        self._on_empty = on_empty
        stream = track.stream
        version = ipaddress.ip_address(transport.group).version
        interface = interface_of(transport)
        for each in stream.outputs:
            aim_multicast(each.sock, version=version, ttl=transport.ttl, interface=interface)
        if stream.state.group is None:
            addresses = [family.pack(transport.group, port) for port in (transport.rtp_port, transport.rtcp_port)]
            stream.state.group = GroupImage(DeliveryImage(address=addresses[0]), DeliveryImage(address=addresses[1]))
        state = stream.state.group
        members = (Destination("", state.rtp, family), Destination("", state.rtcp, family))
        fans = [each.udp for each in stream.outputs]
        self.ways = WayPair(stream, fans, members, (state.rtp, state.rtcp))
        self._by_host: dict[bytes, dict[MulticastReaderTrack, None]] = {}
        self._playing: set[MulticastReaderTrack] = set()

    def add(self, reader: "MulticastReaderTrack", host: str) -> bytes:
        """Know a reader by its host, whose address is given: a zone's interface may be gone when the reader goes."""
        address = self._family.host(self._family.pack(host, 0))
        self._by_host.setdefault(address, {})[reader] = None
        return address

    def remove(self, reader: "MulticastReaderTrack", address: bytes) -> None:
        """Forget a reader; the last one ends the group."""
        readers = self._by_host.get(address, {})
        readers.pop(reader, None)
        if not readers:
            self._by_host.pop(address, None)
        if not self._by_host:
            self._track.stream.state.group = None
            self._on_empty()

    def start(self, reader: "MulticastReaderTrack", now: float) -> None:
        """Send to the group, as this reader plays. The first one gets the publisher's last sender report, too: for the
        others it would come again, and they hear the next one."""
        self.ways.open(now)
        self._playing.add(reader)

    def go_on(self, reader: "MulticastReaderTrack", now: float) -> None:
        self.ways.go_on(now)
        self._playing.add(reader)

    def stop(self, reader: "MulticastReaderTrack") -> None:
        """Send no more for this reader, and with the last one not at all."""
        self._playing.discard(reader)
        if not self._playing:
            self.ways.close()

    def take_rtcp(self, packet: bytes, address: bytes, now: float) -> bool:
        """Take RTCP that came to the track's own port; False if no reader is on the host that it came from.

        Which of the host's readers has sent it, nobody can tell: it is a sign of life of all. What it says of losses
        is not counted, as reports of several readers can't be told apart.
        """
        readers = self._by_host.get(self._family.host(address))
        parts = rtcp.split(packet)
        if not readers or parts is None:
            return False
        for each in readers:
            each.on_sign(now)
        self._track.feedback.pass_wishes_on(parts, now)
        return True


class MulticastReaderTrack(ReaderTransport):
    """A track that a reader gets from the group. In its state the group's counts are taken off when it begins to play,
    and added when it ceases."""

    def __init__(
        self,
        state: ReaderTrackImage,
        transport: MulticastTransport,
        track: MountTrack,
        reader: ReaderContext,
        group: Group,
    ) -> None:
        super().__init__(state, track, reader)
        self._group = group
        self._playing = False
        self._host = group.add(self, transport.host)
        self.on_sign = reader.on_sign

    @property
    def packets_out(self) -> int:
        """Packets that the group got while it played."""
        return self.state.rtp.sent + (self._group.ways.packets_out if self._playing else 0)

    @property
    def dropped(self) -> int:
        """Packets that the group did not get while it played."""
        return self.state.rtp.dropped + (self._group.ways.dropped if self._playing else 0)

    def open_gate(self, now: float) -> None:
        if not self._playing:
            self.state.rtp.sent -= self._group.ways.packets_out
            self.state.rtp.dropped -= self._group.ways.dropped
            self._playing = True
            self._group.start(self, now)

    def go_on(self, now: float) -> None:
        """Let media flow to the group as another worker did; its counts have moved too."""
        self._playing = True
        self._group.go_on(self, now)

    def close_gate(self) -> None:
        """Need no more media in the group."""
        if self._playing:
            self.state.rtp.sent, self.state.rtp.dropped = self.packets_out, self.dropped
            self._playing = False
            self._group.stop(self)

    def forget(self) -> None:
        self.close_gate()
        self._group.remove(self, self._host)


class MulticastGroups:
    """The groups of a mount's tracks, each from its first reader to its last."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._groups: dict[int, Group] = {}

    def check(self, track: MountTrack, transport: MulticastTransport) -> None:
        """Raise RefusedError where `on` would fail: for an address or an interface that can't be used, or where the
        track's readers have another group already."""
        group = self._groups.get(track.index)
        try:
            self._family.pack(transport.host, 0)
            self._family.pack(transport.group, 0)
            if group is None:
                interface_of(transport)
        except (OSError, ValueError) as error:
            raise RefusedError(Refusal.FAILED, f"no multicast to {transport.group}: {error}") from error
        if group is not None and group.aim != aim_of(transport):
            raise RefusedError(Refusal.FAILED, f"track {track.index} goes to another group than {transport.group}")

    def on(self, track: MountTrack, transport: MulticastTransport) -> Group:
        """Give a track's group. Raises RefusedError where the interface can't be used."""
        group = self._groups.get(track.index)
        if group is None:
            try:
                group = Group(transport, track, self._family, lambda: self._forget(track.index))
            except OSError as error:
                reason = f"multicast can't leave by {transport.interface!r}: {error}"
                raise RefusedError(Refusal.FAILED, reason) from error
            self._groups[track.index] = group
        return group

    def _forget(self, index: int) -> None:
        del self._groups[index]

    def take_rtcp(self, index: int, packet: bytes, address: bytes, now: float) -> bool:
        """Take RTCP that came to a track's own port; False if none of its readers is on the host that it came from."""
        group = self._groups.get(index)
        return group is not None and group.take_rtcp(packet, address, now)


def aim_of(transport: MulticastTransport) -> tuple[str, int, int, int, str]:
    """Give what all readers of a group have in common."""
    return transport.group, transport.rtp_port, transport.rtcp_port, transport.ttl, transport.interface


def interface_of(transport: MulticastTransport) -> int:
    """Give the index of the interface by which a group's packets leave; 0 is the kernel's choice.

    Raises ValueError where no interface has this name or address.
    """
    wanted = transport.interface
    if not wanted:
        return 0
    for name, addresses in psutil.net_if_addrs().items():
        # A link-local IPv6 address is listed with its zone.
        if wanted == name or any(wanted == each.address.partition("%")[0] for each in addresses):
            return socket.if_nametoindex(name)
    raise ValueError(f"no interface here has the name or address {wanted!r}")
