"""What the settings of multicast may be, alone and together with others."""

import ipaddress
import re
from ipaddress import IPv4Network, IPv6Network

_LINK_CONTROL = IPv4Network("224.0.0.0/24")
"""RFC 5771 4: for routing protocols and the like; switches flood it, routers never pass it on."""
_TRANSIENT = 0x10
"""RFC 4291 2.7: the flag of IPv6 groups that nobody has assigned for good."""
_WIDEST_OF_ASSIGNED = 96


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


def check_multicast(groups: str, port: int, host: str, media_ports: range) -> None:
    """Raises ValueError where settings of multicast contradict others."""
    if not groups:
        return
    version = ipaddress.ip_network(groups).version
    # "" and "::" stand for sockets of both families.
    if host not in ("", "::") and ipaddress.ip_address(host).version != version:
        raise ValueError(f"multicast_range={groups} is IPv{version}, which can't be sent from host={host}")
    if port in media_ports:
        raise ValueError(
            f"multicast_ports={port} must be outside of rtp_port_start={media_ports.start} and rtp_port_count="
            f"{len(media_ports)}: readers on this machine could not have the pair"
        )
