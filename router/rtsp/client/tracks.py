"""What a server says of the tracks that it was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from router.rtsp.client.events import RemoteTrack
from router.rtsp.errors import PeerError
from router.rtsp.headers.rtp_info import TrackStart, parse_rtp_info
from router.rtsp.headers.transport import TransportSpec, parse_transports
from router.rtsp.message import Response


def granted_transport(track: int, response: Response, *, udp: bool) -> TransportSpec:
    """Read how a track travels, by the answer to its SETUP; `udp` says whether that was offered.

    Raises:
        PeerError: 502 for what nobody asked for, 400 for a broken header.
    """
    value = response.fields.get("Transport")
    granted = parse_transports(value) if value is not None else ()
    if not granted or granted[0].multicast:
        raise PeerError(502, f"track {track} by a transport that nobody asked for")
    transport = granted[0]
    if transport.tcp:
        return replace(transport, interleaved=transport.interleaved or (2 * track, 2 * track + 1))
    if not udp:
        raise PeerError(502, f"track {track} by UDP, which nobody asked for")
    return transport


def started(tracks: Mapping[int, RemoteTrack], response: Response) -> tuple[RemoteTrack, ...]:
    """Give the tracks with what PLAY's answer says of their first packets."""
    starts = parse_rtp_info(response.fields.get("RTP-Info", "") or "")
    in_order: Sequence[TrackStart | None] = starts if len(starts) == len(tracks) else [None] * len(tracks)
    return tuple(
        _with_start(track, next((each for each in starts if _names(each.url, track.url)), in_place))
        for track, in_place in zip(tracks.values(), in_order, strict=True)
    )


def _with_start(track: RemoteTrack, start: TrackStart | None) -> RemoteTrack:
    return track if start is None else replace(track, sequence=start.sequence, rtp_time=start.rtp_time)


def _names(url: str, track_url: str) -> bool:
    """Tell whether an RTP-Info's URL is a track's: some servers write its control alone."""
    bare = url.rstrip("/")
    return bare == track_url.rstrip("/") or ("://" not in bare and track_url.endswith(f"/{bare}"))
