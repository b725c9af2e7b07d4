"""Multicast groups: which are free, and which group each track of a mount has."""

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from router.logs import get_logger
from router.rtsp.errors import PeerError
from router.settings import Settings
from router.state.mounts import Mount
from workers.contract.parts import MulticastTransport
from workers.shared.resting_pool import RestingPool

log = get_logger(__name__)

FIRST_DYNAMIC_GROUP = 0x8000_0000
"""RFC 3307 4.3: of an IPv6 group's last 32 bits, these and above are for whoever allocates groups at run time."""


class Groups:
    """Which groups of a range are free, used or resting. Pure; `now` is monotonic."""

    def __init__(self, network: IPv4Network | IPv6Network, rest_s: float) -> None:
        self._address = type(network.network_address)
        first, last = int(network.network_address), int(network.broadcast_address)
        if network.version == 6 and last - first > FIRST_DYNAMIC_GROUP:
            first += FIRST_DYNAMIC_GROUP
        self._pool = RestingPool(range(first, last + 1), rest_s, used_first=True)
        self._used: set[int] = set()

    def take(self, count: int, now: float) -> tuple[str, ...] | None:
        """Take so many groups, all or none; None if there are not so many."""
        if self._pool.count_free(now) < count:
            return None
        taken = [number for _ in range(count) if (number := self._pool.take(now)) is not None]
        self._used.update(taken)
        return tuple(str(self._address(each)) for each in taken)

    def claim(self, groups: tuple[str, ...]) -> None:
        """Take groups that somebody uses already; harmless for one that is not of this range."""
        for number in (int(ip_address(each)) for each in groups):
            if number in self._pool and number not in self._used:
                self._used.add(number)
                self._pool.claim(number)

    def give_back(self, groups: tuple[str, ...], now: float) -> None:
        """Return groups, to rest first; harmless for one that is not used."""
        for number in (int(ip_address(each)) for each in groups):
            if number in self._used:
                self._used.remove(number)
                self._pool.give_back(number, now)

    @property
    def count_used(self) -> int:
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
