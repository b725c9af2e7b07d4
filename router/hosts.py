"""Whom an address belongs to, as far as bounds go."""

import ipaddress


def site_of(host: str) -> str:
    """Give what one customer of a network has: an IPv6 host has 2^64 addresses to itself."""
    if ":" not in host:
        return host
    return str(ipaddress.ip_network((host.partition("%")[0], 64), strict=False))
