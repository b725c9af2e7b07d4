"""What the settings of multicast may be, alone and together with others."""

import ipaddress
import re
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

_LINK_CONTROL = IPv4Network("224.0.0.0/24")
"""RFC 5771 4: for routing protocols and the like; switches flood it, routers never pass it on."""
_TRANSIENT = 0x10
"""RFC 4291 2.7: the flag of IPv6 groups that nobody has assigned for good."""
_WIDEST_OF_ASSIGNED = 96


class _Multicast(Protocol):
    """The settings that have to fit together."""

    @property
    def host(self) -> str: ...

    @property
    def rtp_port_start(self) -> int: ...

    @property
    def rtp_port_count(self) -> int: ...

    @property
    def multicast_range(self) -> str: ...

    @property
    def multicast_ports(self) -> int: ...

    @property
    def multicast_interface(self) -> str: ...


def check_range(value: str) -> str:
    """Give the range as it is written best; "" stays. Raises ValueError for what is no range of multicast groups."""
    if not value:
        return value
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        network = None
    if network is None or not _all_multicast(network):
        raise ValueError("must be a range of multicast addresses, such as 239.192.0.0/16 or ff15::/16, or empty")
    if isinstance(network, IPv4Network):
        if network.overlaps(_LINK_CONTROL):
            raise ValueError(f"must not have addresses of {_LINK_CONTROL}: they belong to the network's own protocols")
    elif network.prefixlen > _WIDEST_OF_ASSIGNED and not network.network_address.packed[1] & _TRANSIENT:
        raise ValueError(
            f"must be /{_WIDEST_OF_ASSIGNED} or wider, or of transient groups such as ff15::/112:"
            " the low groups of the others are assigned (RFC 3307)"
        )
    return str(network)


def _all_multicast(network: IPv4Network | IPv6Network) -> bool:
    return network.network_address.is_multicast and network.broadcast_address.is_multicast


def check_interface(value: str) -> str:
    """Give the interface; raises ValueError for what can be neither an address nor a name."""
    if value and not re.fullmatch(r"[^\s/:%]{1,15}", value):  # what Linux takes for a name; an IPv4 address fits too
        try:
            ipaddress.IPv6Address(value)
        except ValueError:
            raise ValueError("must be an address or the name of an interface of this machine, or empty") from None
    return value


def check_multicast(settings: _Multicast) -> None:
    """Raises ValueError where settings of multicast contradict others."""
    if not settings.multicast_range:
        return
    version = ipaddress.ip_network(settings.multicast_range).version
    # "" and "::" stand for sockets of both families.
    if settings.host not in ("", "::") and ipaddress.ip_address(settings.host).version != version:
        raise ValueError(
            f"multicast_range={settings.multicast_range} is IPv{version}, which can't be sent from host={settings.host}"
        )
    first, port = settings.rtp_port_start, settings.multicast_ports
    if first <= port < first + settings.rtp_port_count:
        raise ValueError(
            f"multicast_ports={port} must be outside of rtp_port_start={first} and rtp_port_count="
            f"{settings.rtp_port_count}: readers on this machine could not have the pair"
        )
