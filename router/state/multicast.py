"""Multicast groups: which are free, and which group each track of a mount has."""

from collections import deque
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from router.logs import get_logger
from router.rtsp.errors import PeerError
from router.settings import Settings
from router.state.mounts import Mount
from workers.contract.parts import MulticastTransport

log = get_logger(__name__)

FIRST_DYNAMIC_GROUP = 0x8000_0000
"""RFC 3307 4.3: of an IPv6 group's last 32 bits, these and above are for whoever allocates groups at run time."""


class Groups:
    """Which groups of a range are free, used or resting. Pure; `now` is monotonic.

    A group rests after use: packets and readers that are still on their way must not meet the next mount's. What was
    used before and has rested comes first, so that what is remembered grows no further than what is used at once.
    """

    def __init__(self, network: IPv4Network | IPv6Network, rest_s: float) -> None:
        self._rest_s = rest_s
        self._version = network.version
        first, last = int(network.network_address), int(network.broadcast_address)
        if self._version == 6 and last - first > FIRST_DYNAMIC_GROUP:
            first += FIRST_DYNAMIC_GROUP
        self._first = self._fresh = first
        self._last = last
        self._free: deque[int] = deque()
        self._resting: deque[tuple[float, int]] = deque()
        self._used: set[int] = set()
        self._claimed: set[int] = set()
        """Those beyond `_fresh` that were not taken in their turn."""

    def take(self, count: int, now: float) -> tuple[str, ...] | None:
        """Take so many groups, all or none; None if there are not so many."""
        while self._resting and self._resting[0][0] <= now:
            self._free.append(self._resting.popleft()[1])
        if len(self._free) + self._last + 1 - self._fresh - len(self._claimed) < count:
            return None
        return tuple(self._take_one() for _ in range(count))

    def claim(self, groups: tuple[str, ...]) -> None:
        """Take groups that somebody uses already; harmless for one that is not of this range."""
        for number in (int(ip_address(each)) for each in groups):
            if number in self._used or not self._first <= number <= self._last:
                continue
            self._used.add(number)
            if number >= self._fresh:
                self._claimed.add(number)
            self._free = deque(each for each in self._free if each != number)
            self._resting = deque(each for each in self._resting if each[1] != number)

    def _take_one(self) -> str:
        if self._free:
            number = self._free.popleft()
        else:
            while self._fresh in self._claimed:
                self._claimed.remove(self._fresh)
                self._fresh += 1
            number, self._fresh = self._fresh, self._fresh + 1
        self._used.add(number)
        return str(ip_address(number.to_bytes(4 if self._version == 4 else 16, "big")))

    def give_back(self, groups: tuple[str, ...], now: float) -> None:
        """Return groups, to rest first; harmless for one that is not used."""
        for number in (int(ip_address(each)) for each in groups):
            if number in self._used:
                self._used.remove(number)
                self._resting.append((now + self._rest_s, number))

    @property
    def count_used(self) -> int:
        """Count the groups in use."""
        return len(self._used)


class Multicast:
    """The groups of all mounts: a mount gets one for each track when its first reader asks, and keeps them."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        """`clock` is monotonic."""
        self._settings = settings
        self._clock = clock
        self._groups: Groups | None = None
        if settings.multicast_range:
            self._groups = Groups(ip_network(settings.multicast_range), settings.port_rest_s)

    def way_to(self, mount: Mount, track: int, host: str) -> Callable[[], MulticastTransport] | None:
        """Give a function that gives a reader's way to a track, and gets the mount's groups if it has none yet.

        None where there is no multicast. The function raises PeerError: 503 where the groups don't suffice.
        """
        groups = self._groups
        if groups is None:
            return None

        def transport() -> MulticastTransport:
            if not mount.groups:
                self._allocate(groups, mount)
            settings, port = self._settings, self._settings.multicast_ports
            return MulticastTransport(
                host, mount.groups[track], port, port + 1, settings.multicast_ttl, settings.multicast_interface
            )

        return transport

    def _allocate(self, groups: Groups, mount: Mount) -> None:
        wanted = len(mount.description.medias)
        taken = groups.take(wanted, self._clock())
        if taken is None:
            log.error("no multicast groups left", mount=mount.path, wanted=wanted, used=groups.count_used)
            raise PeerError(503, f"{self._settings.multicast_range} has no {wanted} groups left for {mount.path}")
        mount.groups = taken
        log.info("multicast groups taken", mount=mount.path, groups=taken)

    def claim(self, mount: Mount) -> None:
        """Give nobody else the groups of a mount that had them before this front began."""
        if self._groups is not None:
            self._groups.claim(mount.groups)

    def release(self, mount: Mount) -> None:
        """Take a closed mount's groups back."""
        if self._groups is not None:
            self._groups.give_back(mount.groups, self._clock())
        mount.groups = ()
