"""Ports that belong to one test: slices for a router's media, pairs for a client's."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

SLICE_PORTS = 256
FIRST_PORT = 12_288
"""Above the defaults of most servers, on a slice's border."""


def _end_of_free_range() -> int:
    """Return the start of the kernel's ephemeral range: from there on anybody's socket may sit on any port."""
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
            return int(file.read().split()[0])
    except OSError:
        return 32_768


def _guard(port: int) -> socket.socket | None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.bind(("0.0.0.0", port))
    except OSError:
        sock.close()
        return None
    return sock


@dataclass
class PortSlice:
    """UDP ports that no other test run uses, for as long as the guards on the first of each 256 are held."""

    start: int
    count: int
    guards: list[socket.socket]

    @property
    def media_start(self) -> int:
        """The first even port that a router may use."""
        return self.start + 2

    @property
    def media_count(self) -> int:
        """How many ports from `media_start` on are the router's: even, and short of the next guard."""
        return self.count - 2

    @classmethod
    def claim(cls) -> "PortSlice":
        """Claim 256 ports below the ephemeral range."""
        slots = (_end_of_free_range() - FIRST_PORT) // SLICE_PORTS
        first = os.getpid() % slots
        for step in range(slots):
            start = FIRST_PORT + (first + step) % slots * SLICE_PORTS
            guard = _guard(start)
            if guard is None:
                continue
            if bound_udp_ports(start, SLICE_PORTS) == [start]:
                return cls(start, SLICE_PORTS, [guard])
            guard.close()  # somebody who knows nothing of guards is there
        raise AssertionError("no free slice of UDP ports below the ephemeral range")

    def release(self) -> None:
        """Let other tests have the ports."""
        for guard in self.guards:
            guard.close()

    def __enter__(self) -> "PortSlice":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def bound_udp_ports(start: int, count: int) -> list[int]:
    """Say which of `count` UDP ports from `start` on somebody holds, on any address of either family."""
    return sorted({port for port in udp_sockets().values() if port in range(start, start + count)})


def ownerless_udp_ports(start: int, count: int) -> list[int]:
    """Say which of them are held by a socket that no running process has open: it is on its way to nobody."""
    found = [(port, inode) for inode, port in udp_sockets().items() if port in range(start, start + count)]
    if not found:
        return []
    owned = set()
    for link in _descriptor_links():
        with suppress(OSError):  # closed meanwhile
            owned.add(os.readlink(link))
    return sorted({port for port, inode in found if f"socket:[{inode}]" not in owned})


def udp_sockets() -> dict[str, int]:
    """Return the local port of every UDP socket, by its inode."""
    rows = []
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        try:
            with open(table) as file:
                rows += [line.split() for line in file.readlines()[1:]]
        except OSError:
            continue
    return {row[9]: int(row[1].rpartition(":")[2], 16) for row in rows}


def _descriptor_links() -> Iterator[str]:
    for process in os.listdir("/proc"):
        if process.isdecimal():
            with suppress(OSError):  # it has ended, or is another user's
                yield from (f"/proc/{process}/fd/{each}" for each in os.listdir(f"/proc/{process}/fd"))


def udp_socket(host: str, port: int = 0) -> socket.socket:
    """Bind a non-blocking UDP socket whose receive buffer holds whatever a test sends in one go."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
    sock.setblocking(False)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def udp_pair(host: str) -> tuple[socket.socket, socket.socket]:
    """Bind an even port and the odd one above it, as RTSP clients do."""
    for _ in range(200):
        rtp = udp_socket(host)
        port = rtp.getsockname()[1]
        if port % 2 == 0:
            try:
                return rtp, udp_socket(host, port + 1)
            except OSError:
                pass
        rtp.close()
    raise AssertionError(f"no free pair of UDP ports on {host}")


def listening(port: int) -> bool:
    """Say whether any socket listens on a TCP port."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                return True
    return False
