"""Addresses as bytes."""

import pytest

from workers.sockets.addresses import IPV4, IPV6, Family


@pytest.mark.parametrize(
    ("family", "host", "text"),
    [
        (IPV4, "192.0.2.1", "192.0.2.1:5000"),
        (IPV6, "192.0.2.1", "::ffff:192.0.2.1:5000"),
        (IPV6, "2001:db8::1", "[2001:db8::1]:5000"),
        (IPV6, "fe80::1%1", "[fe80::1]:5000"),
    ],
)
def test_addresses_read_back(family: Family, host: str, text: str) -> None:
    address = family.pack(host, 5000)
    assert len(address) == family.length
    assert family.text(address) == text
    assert family.host(address) == family.host(family.pack(host, 9))
    assert family.pack(*family.target(address)[:2]) == address or "%" in host


@pytest.mark.parametrize(
    ("family", "host"), [(IPV4, "::1"), (IPV4, ""), (IPV6, "example.org"), (IPV6, "1.2.3"), (IPV6, "fe80::1%nosuch")]
)
def test_what_is_no_address_is_a_value_error(family: Family, host: str) -> None:
    with pytest.raises(ValueError, match="no numeric address"):
        family.pack(host, 1)
