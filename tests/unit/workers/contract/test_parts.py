"""What commands and reports are made of, at its limits."""

import pytest

from tests.unit.workers.contract.wire import arrived
from workers.contract.codec import UnreadableMessage
from workers.contract.commands import OpenMount, SetUpReader
from workers.contract.parts import (
    Format,
    InterleavedTransport,
    MulticastTransport,
    RtpInfo,
    TrackSpec,
    TrackTransport,
    UdpTransport,
)
from workers.contract.replies import Playing

AnyTransport = UdpTransport | InterleavedTransport | MulticastTransport


@pytest.mark.parametrize(
    ("limit", "past"),
    [
        (Format(127, 1), Format(128, 1)),
        (Format(0, 1), Format(-1, 1)),
        (Format(96, 2**31), Format(96, 2**31 + 1)),
        (Format(96, 1), Format(96, 0)),  # who divided by it would divide by zero
        (Format(96, 1, "e" * 128), Format(96, 1, "e" * 129)),
    ],
)
def test_formats(limit: Format, past: Format) -> None:
    command = OpenMount("/a", 1, (TrackSpec((limit,) * 64),))
    assert arrived(command) == command
    for spoilt in ((past,), (limit,) * 65):
        with pytest.raises(UnreadableMessage):
            arrived(OpenMount("/a", 1, (TrackSpec(spoilt),)))


@pytest.mark.parametrize(
    ("limit", "past"),
    [
        (UdpTransport("h" * 64, 65_535, 0), UdpTransport("h" * 65, 65_535, 0)),
        (UdpTransport("h", 65_535, 65_535), UdpTransport("h", 0, 65_536)),
        (InterleavedTransport(255, 255), InterleavedTransport(255, 256)),
        (InterleavedTransport(0, 0), InterleavedTransport(-1, 0)),
        (MulticastTransport("h", "g", 1, 2, 255, "eth0"), MulticastTransport("h", "g", 1, 2, 256, "eth0")),
        (MulticastTransport("h", "g", 1, 2, 0, "i" * 64), MulticastTransport("h", "g", 1, 2, 0, "i" * 65)),
    ],
)
def test_transports(limit: AnyTransport, past: AnyTransport) -> None:
    command = SetUpReader("/a", 1, "s", TrackTransport(4095, limit))
    assert arrived(command) == command
    for spoilt in (TrackTransport(0, past), TrackTransport(4096, limit)):
        with pytest.raises(UnreadableMessage):
            arrived(SetUpReader("/a", 1, "s", spoilt))


@pytest.mark.parametrize(
    ("limit", "past"),
    [
        (RtpInfo(0, 65_535, None), RtpInfo(0, 65_536, None)),
        (RtpInfo(0, None, 2**32 - 1), RtpInfo(0, None, 2**32)),
        (RtpInfo(0, 0, 0), RtpInfo(0, 0, -1)),
    ],
)
def test_rtp_info(limit: RtpInfo, past: RtpInfo) -> None:
    assert arrived(Playing((limit,))) == Playing((limit,))
    with pytest.raises(UnreadableMessage, match="is not between"):
        arrived(Playing((past,)))
