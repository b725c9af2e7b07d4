"""Multicast readers of a track: one group for all of them, so a burst is sent once whatever their number."""

import ipaddress
import socket
from dataclasses import replace

import psutil

from workers.channel import Kind
from workers.contract.image import ReaderTrackImage
from workers.contract.parts import MulticastTransport, Refusal, TrackTransport
from workers.fanout.destinations import Destination
from workers.readers.reader import Reader
from workers.readers.transport import plain_image
from workers.rtp import rtcp
from workers.runtime.refusal import RefusedError
from workers.sockets.addresses import Family
from workers.sockets.udp_pairs import aim_multicast
from workers.streams.track import Track


class Group:
    """The group of one track. It gets packets while any of its readers plays; its first reader makes it."""

    def __init__(self, track: Track, transport: MulticastTransport, family: Family) -> None:
        """Aim the track's sockets at the group; raises OSError where its interface can't be used."""
        self.aim = aim_of(transport)
        self._track = track
        self._family = family
        self.rtp = Destination(family.pack(transport.group, transport.rtp_port), family)
        self.rtcp = Destination(family.pack(transport.group, transport.rtcp_port), family)
        self._by_host: dict[bytes, dict[MulticastReaderTrack, None]] = {}
        self._hosts: dict[MulticastReaderTrack, bytes] = {}
        self._playing: set[MulticastReaderTrack] = set()
        version = ipaddress.ip_address(transport.group).version
        interface = interface_of(transport)
        for sock in (track.rtp_socket, track.rtcp_socket):
            aim_multicast(sock, version=version, ttl=transport.ttl, interface=interface)

    @property
    def packets_out(self) -> int:
        """Packets sent to the group."""
        return self._track.rtp_fan.packets_to(self.rtp) + self._track.rtcp_fan.packets_to(self.rtcp)

    @property
    def dropped(self) -> int:
        """Packets meant for the group and not sent."""
        return self.rtp.dropped + self.rtcp.dropped

    def add(self, reader: "MulticastReaderTrack") -> None:
        """Know a reader by its host."""
        # Kept as it is now: a zone's interface may be gone when the reader goes.
        host = self._hosts[reader] = self._host(reader)
        self._by_host.setdefault(host, {})[reader] = None

    def remove(self, reader: "MulticastReaderTrack") -> None:
        """Forget a reader; the last one ends the group."""
        host = self._hosts.pop(reader, b"")
        readers = self._by_host.get(host, {})
        readers.pop(reader, None)
        if not readers:
            self._by_host.pop(host, None)
        if not self._by_host and self._track.group is self:
            self._track.group = None

    def _host(self, reader: "MulticastReaderTrack") -> bytes:
        return self._family.host(self._family.pack(reader.transport.host, 0))

    def restart(self, reader: "MulticastReaderTrack", refuses_segments: bool, now: float) -> None:
        """Send to the group as another worker did."""
        if not self._playing:
            self._track.rtp_fan.add_again(self.rtp, refuses_segments, now)
            self._track.rtcp_fan.add(self.rtcp)
        self._playing.add(reader)

    def start(self, reader: "MulticastReaderTrack") -> None:
        """Send to the group, as this reader plays. The first one gets the publisher's last sender report, too: for the
        others it would come again, and they hear the next one."""
        if not self._playing:
            report = self._track.reports.sender_report
            if report is not None:
                self._track.rtcp_fan.send_one(self.rtcp, report)
            self._track.rtp_fan.add(self.rtp)
            self._track.rtcp_fan.add(self.rtcp)
        self._playing.add(reader)

    def stop(self, reader: "MulticastReaderTrack") -> None:
        """Send no more for this reader, and with the last one not at all."""
        self._playing.discard(reader)
        if not self._playing:
            self._track.rtp_fan.remove(self.rtp)
            self._track.rtcp_fan.remove(self.rtcp)

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
            each.reader.hear(now)
        self._track.pass_wishes_on(parts, now)
        return True


class MulticastReaderTrack:
    """A track that a reader gets from the group. Registered from SETUP on, counted as listening from PLAY on."""

    def __init__(self, reader: Reader, track: Track, transport: MulticastTransport, group: Group) -> None:
        self.reader = reader
        self.track = track
        self.transport = transport
        self._group = group
        self._playing = False
        self._sent = self._dropped = 0
        """Of the times that it has played, less what the group had got when it began to play now."""
        group.add(self)

    @property
    def packets_out(self) -> int:
        """Packets that the group got while it played."""
        return self._sent + (self._group.packets_out if self._playing else 0)

    @property
    def dropped(self) -> int:
        """Packets that the group did not get while it played."""
        return self._dropped + (self._group.dropped if self._playing else 0)

    def open_gate(self, now: float) -> None:
        """Let media flow to the group."""
        if not self._playing:
            self._sent -= self._group.packets_out
            self._dropped -= self._group.dropped
            self._playing = True
            self._group.start(self)

    def close_gate(self) -> None:
        """Need no more media in the group."""
        if self._playing:
            self._sent, self._dropped = self.packets_out, self.dropped
            self._playing = False
            self._group.stop(self)

    def write(self, kind: Kind, packet: bytes, now: float) -> bool:
        """Send nothing: a group has no way to one of its readers."""
        return False

    def image(self) -> ReaderTrackImage:
        """Say all that is known, for another worker."""
        image = plain_image(TrackTransport(self.track.index, self.transport), self.packets_out, self.dropped, 0)
        return replace(image, refuses_segments=self.track.rtp_fan.refuses_segments(self._group.rtp))

    def restore(self, image: ReaderTrackImage) -> None:
        """Go on where another worker has stopped."""
        self._sent, self._dropped = image.packets_out, image.dropped

    def reopen_gate(self, image: ReaderTrackImage, now: float) -> None:
        """Let media flow to the group as another worker did."""
        self._sent -= self._group.packets_out
        self._dropped -= self._group.dropped
        self._playing = True
        self._group.restart(self, image.refuses_segments, now)

    def forget(self) -> None:
        """Leave the group."""
        self.close_gate()
        self._group.remove(self)


def check_group(track: Track, transport: MulticastTransport, family: Family) -> None:
    """Raise RefusedError where `group_on` would fail: for an address or an interface that can't be used, or where the
    track's readers have another group already."""
    try:
        family.pack(transport.host, 0)
        family.pack(transport.group, 0)
        if track.group is None:
            interface_of(transport)
    except (OSError, ValueError) as error:
        raise RefusedError(Refusal.FAILED, f"no multicast to {transport.group}: {error}") from error
    if track.group is not None and track.group.aim != aim_of(transport):
        raise RefusedError(Refusal.FAILED, f"track {track.index} goes to another group than {transport.group}")


def group_on(track: Track, transport: MulticastTransport, family: Family) -> Group:
    """Give a track's group, made for its first reader. Raises RefusedError where the interface can't be used."""
    if track.group is None:
        try:
            track.group = Group(track, transport, family)
        except OSError as error:
            raise RefusedError(Refusal.FAILED, f"multicast can't leave by {transport.interface!r}: {error}") from error
    return track.group


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
