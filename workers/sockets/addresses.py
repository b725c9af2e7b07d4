"""UDP addresses as the kernel writes them: media is matched and sent by these bytes, not by parsed objects."""

import socket
import sys
from dataclasses import dataclass
from struct import Struct

_IPV4 = Struct("=H2s4s8x")  # struct sockaddr_in
_IPV6 = Struct("=H2sI16sI")  # struct sockaddr_in6
_MAPPED = bytes(10) + b"\xff\xff"

Target = tuple[str, int] | tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Family:
    """One address family's form of a socket address: `length` bytes, of which `host_start:host_end` name the host."""

    number: int
    length: int
    host_start: int
    host_end: int

    def pack(self, host: str, port: int) -> bytes:
        """Write an address. Raises ValueError for a host that is no numeric address of this family."""
        network_port = port.to_bytes(2, "big")
        host, _, zone = host.partition("%")
        try:
            if self.number == socket.AF_INET:
                return _IPV4.pack(self.number, network_port, socket.inet_pton(socket.AF_INET, host))
            if ":" not in host:
                mapped = _MAPPED + socket.inet_pton(socket.AF_INET, host)
                return _IPV6.pack(self.number, network_port, 0, mapped, 0)
            scope = 0 if not zone else int(zone) if zone.isdecimal() else socket.if_nametoindex(zone)
            return _IPV6.pack(self.number, network_port, 0, socket.inet_pton(socket.AF_INET6, host), scope)
        except OSError as error:
            raise ValueError(f"{host!r} is no numeric address that a socket here can send to") from error

    def host(self, address: bytes) -> bytes:
        """Give the part of an address that names the host."""
        return address[self.host_start : self.host_end]

    def target(self, address: bytes) -> Target:
        """Read an address into what the `socket` module takes."""
        port = int.from_bytes(address[2:4], "big")
        if self.number == socket.AF_INET:
            return (socket.inet_ntop(socket.AF_INET, address[4:8]), port)
        scope = int.from_bytes(address[24:28], sys.byteorder)
        return (socket.inet_ntop(socket.AF_INET6, address[8:24]), port, 0, scope)

    def text(self, address: bytes) -> str:
        host, port = self.target(address)[:2]
        return f"{host}:{port}" if "." in host else f"[{host}]:{port}"


IPV4 = Family(socket.AF_INET, _IPV4.size, 4, 8)
IPV6 = Family(socket.AF_INET6, _IPV6.size, 8, 24)


def family_for(bind_host: str) -> tuple[Family, str]:
    """Choose the family for a host to bind, and the numeric address to bind.

    "" means all addresses: one socket for IPv6 and IPv4, or IPv4 alone where the machine has no IPv6.
    """
    if bind_host:
        return (IPV6 if ":" in bind_host else IPV4), bind_host
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            probe.bind(("::", 0))
    except OSError:
        return IPV4, "0.0.0.0"
    return IPV6, "::"
