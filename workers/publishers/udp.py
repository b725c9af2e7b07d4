"""A publisher's track over UDP ports of its own."""

from collections.abc import Callable

from workers.channel import Kind
from workers.contract.parts import UdpTransport
from workers.sockets.addresses import Family
from workers.streams.stream import Stream


class UdpLink:
    """The way back goes to where its packets come from; its RTCP is a sign of the session's life."""

    def __init__(self, stream: Stream, on_sign: Callable[[float], None]) -> None:
        self._stream = stream
        self._on_sign = on_sign

    def send(self, kind: Kind, packet: bytes, now: float, session: str) -> bool:
        address = self._stream.sources[kind].expected
        if address is None:
            return False
        self._stream.outputs[kind].udp.send_to(address, packet)
        return True

    def on_rtcp(self, now: float) -> None:
        """The session lives."""
        self._on_sign(now)


def expect_packets(stream: Stream, transport: UdpTransport, family: Family, now: float) -> None:
    """Take what comes from a publisher's ports as media from here on, and report to it."""
    for source, port in zip(stream.sources, (transport.rtp_port, transport.rtcp_port), strict=True):
        source.declare(family.pack(transport.host, port))
    stream.start_reports(now)
