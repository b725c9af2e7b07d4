"""SETUP's Transport header: which of the client's offers is taken, and what is answered. Pure."""

from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address

from router.rtsp.errors import PeerError
from router.rtsp.headers.transport import TransportSpec
from workers.contract.parts import InterleavedTransport, MulticastTransport, TrackTransport, UdpTransport

Chosen = UdpTransport | InterleavedTransport | MulticastTransport


def choose(
    offers: Sequence[TransportSpec],
    host: str,
    taken: Iterable[TrackTransport],
    group: Callable[[], MulticastTransport] | None = None,
) -> Chosen:
    """Take the first offer that can be served; `taken` are the session's other tracks.

    `group` gives the track's multicast group, or raises PeerError where none is left; None: there is no multicast.

    Raises:
        PeerError: 461 if there is none, 400 for one that asks for what no client may have, 503 where it asks for
            multicast alone and no group is left.
    """
    used = set()
    for each in taken:
        if isinstance(each.transport, InterleavedTransport):
            used |= {each.transport.rtp_channel, each.transport.rtcp_channel}
    reflected, exhausted = None, None
    for offer in offers:
        if offer.multicast:
            if group is not None and not offer.tcp and exhausted is None:
                try:
                    return group()  # ours, not one that the client would like: RFC 2326 12.39 lets it only suggest
                except PeerError as error:
                    exhausted = error
            continue
        if offer.destination is not None and not same_host(offer.destination, host):
            reflected = offer.destination
            continue
        if offer.tcp:
            return _interleaved(offer, used)
        if offer.client_port is not None and 0 not in offer.client_port:
            rtp_port, rtcp_port = offer.client_port
            return UdpTransport(host, rtp_port, rtcp_port)
    if reflected is not None:
        # A server that sends wherever it is told to is a weapon against third parties.
        raise PeerError(400, f"destination={reflected} is not your own address {host}")
    if exhausted is not None:
        raise exhausted
    raise PeerError(461, "none of these transports can be served: offer RTP/AVP;unicast;client_port= or RTP/AVP/TCP")


def same_host(one: str, other: str) -> bool:
    """Compare two addresses, however they are written."""
    try:
        return ip_address(one.strip("[]")) == ip_address(other)
    except ValueError:
        return False


def _interleaved(offer: TransportSpec, used: set[int]) -> InterleavedTransport:
    """Take the client's channels, or the first free pair where it names none (as Genetec does)."""
    if offer.interleaved is not None:
        rtp_channel, rtcp_channel = offer.interleaved
        if rtp_channel == rtcp_channel or used & {rtp_channel, rtcp_channel}:
            raise PeerError(400, f"interleaved={rtp_channel}-{rtcp_channel} is taken in this session")
        return InterleavedTransport(rtp_channel, rtcp_channel)
    for channel in range(0, 256, 2):
        if not used & {channel, channel + 1}:
            return InterleavedTransport(channel, channel + 1)
    raise PeerError(461, "no interleaved channels left")


def answer(chosen: Chosen, rtp_port: int, mode: str, ssrc: int | None) -> TransportSpec:
    """Describe the chosen transport to the client; `ssrc` is told to readers where it is known."""
    if isinstance(chosen, InterleavedTransport):
        return TransportSpec(tcp=True, interleaved=(chosen.rtp_channel, chosen.rtcp_channel), ssrc=ssrc, mode=mode)
    if isinstance(chosen, MulticastTransport):
        return TransportSpec(
            multicast=True,
            destination=chosen.group,
            port=(chosen.rtp_port, chosen.rtcp_port),
            ttl=chosen.ttl,
            ssrc=ssrc,
            mode=mode,
        )
    return TransportSpec(
        tcp=False,
        client_port=(chosen.rtp_port, chosen.rtcp_port),
        server_port=(rtp_port, rtp_port + 1),
        ssrc=ssrc,
        mode=mode,
    )
