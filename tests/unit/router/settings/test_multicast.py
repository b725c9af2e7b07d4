"""What the settings of multicast may be."""

from typing import Any

import pytest
from pydantic import ValidationError

from router.settings import Settings


@pytest.mark.parametrize(
    "settings",
    [
        {"multicast_range": ""},
        {"multicast_range": "239.0.0.0/8"},
        {"multicast_range": "224.0.1.0/24"},
        {"multicast_range": "239.255.255.255/32"},
        {"multicast_range": "239.1.2.3"},
        {"multicast_range": "ff15::/16"},
        {"multicast_range": "ff05::/16"},
        {"multicast_range": "ff05::/96"},
        {"multicast_range": "ff15::1:0/112", "host": "::"},
        {"multicast_range": "239.0.0.0/8", "host": "::"},
        {"multicast_range": "239.0.0.0/8", "host": "192.0.2.1"},
        {"multicast_ports": 1024},
        {"multicast_ports": 65_534},
        {"multicast_ports": 10_000},  # without a range it has no effect
        {"multicast_range": "239.0.0.0/8", "multicast_ports": 9998},
        {"multicast_range": "239.0.0.0/8", "multicast_ports": 20_000},
        {"multicast_ttl": 1},
        {"multicast_ttl": 255},
        {"multicast_interface": "eth0"},
        {"multicast_interface": "192.0.2.1"},
        {"multicast_interface": "2001:db8::1"},
    ],
)
def test_good(settings: dict[str, Any]) -> None:
    made = Settings(**settings)
    assert all(str(getattr(made, name)).startswith(str(value)) for name, value in settings.items())


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"multicast_range": "cameras"}, "must be a range of multicast addresses"),
        ({"multicast_range": "239.0.0.1/8"}, "must be a range of multicast addresses"),
        ({"multicast_range": "240.0.0.0/8"}, "must be a range of multicast addresses"),
        ({"multicast_range": "223.0.0.0/8"}, "must be a range of multicast addresses"),
        ({"multicast_range": "224.0.0.0/3"}, "must be a range of multicast addresses"),
        ({"multicast_range": "fe00::/7"}, "must be a range of multicast addresses"),
        ({"multicast_range": "224.0.0.0/23"}, "must not have addresses of 224.0.0.0/24"),
        ({"multicast_range": "ff05::/97"}, "must be /96 or wider"),
        ({"multicast_range": "239.0.0.0/8", "host": "::1"}, "can't be sent from host=::1"),
        ({"multicast_range": "ff15::/16", "host": "0.0.0.0"}, "can't be sent from host=0.0.0.0"),
        ({"multicast_range": "239.0.0.0/8", "multicast_ports": 10_000}, "must be outside of rtp_port_start"),
        ({"multicast_range": "239.0.0.0/8", "multicast_ports": 19_998}, "must be outside of rtp_port_start"),
        ({"multicast_ports": 1022}, "greater than or equal to 1024"),
        ({"multicast_ports": 5005}, "multiple of 2"),
        ({"multicast_ttl": 0}, "greater than or equal to 1"),
        ({"multicast_ttl": 256}, "less than or equal to 255"),
        ({"multicast_interface": "a name"}, "must be an address or the name of an interface"),
        ({"multicast_interface": "sixteen-letters!"}, "must be an address or the name of an interface"),
        ({"multicast_interface": "::g"}, "must be an address or the name of an interface"),
    ],
)
def test_bad(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings(**settings)
    assert reason in str(refusal.value)
