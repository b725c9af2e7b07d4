"""Whether a description promises the same tracks as another: whoever reads the one can go on with the other."""

from router.rtsp.sdp import SdpDocument, SdpMedia
from workers.rtp.access_points import COMPANIONS

_DIRECTIONS = ("a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive")


def same_tracks(before: SdpDocument, after: SdpDocument) -> bool:
    """Compare all that a reader's decoders were made from: kinds, payload types, encodings, clock rates, parameters.

    Parameter sets and codec configurations among the parameters have to be the same too: readers may know them only
    from the description (ffmpeg's RTSP muxer sends no H264 parameter sets with the pictures, and AAC has none there).
    Titles, bandwidths, addresses and controls may differ. Tracks with retransmissions or error correction are never the
    same, as what those packets repair is named by numbers that change.
    """
    return [_shape(each) for each in before.medias] == [_shape(each) for each in after.medias] and not any(
        name.lower() in COMPANIONS for each in after.medias for name in each.encodings.values()
    )


def _shape(media: SdpMedia) -> tuple[object, ...]:
    # One channel is what audio has where none are said (RFC 4566 section 6).
    maps = {
        number: (each.encoding.lower(), each.clock_rate, each.parameters or "1")
        for number, each in media.rtpmaps.items()
    }
    parameters = {number: _parameters(text) for number, text in media.fmtps.items()}
    direction = [line.strip() for line in media.lines if line.strip() in _DIRECTIONS]
    return media.kind, media.formats, media.clock_rates, maps, parameters, direction


def _parameters(text: str) -> frozenset[tuple[str, str]]:
    """Read a format's parameters, whose order and spaces mean nothing."""
    pairs = (each.partition("=") for each in text.split(";") if each.strip())
    return frozenset((name.strip().lower(), value.strip()) for name, _, value in pairs)
