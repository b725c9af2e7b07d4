"""Formats as two lines of SDP and back."""

from router.description import Format
from router.description.formats.families import read_format
from router.rtsp.sdp import parse_rtpmap


def read(rtpmap: str, fmtp: str | None = None, *, kind: str = "video", payload_type: int = 96) -> Format:
    """Read a format of a media as a description's reader does."""
    parsed = parse_rtpmap(rtpmap)
    assert parsed is not None, rtpmap
    return read_format(kind, payload_type, parsed, fmtp)


def check_both_ways(format: Format, rtpmap: str, fmtp: str | None, *, kind: str = "video") -> None:
    """A format is written as these lines, and read back from them."""
    assert (format.rtpmap, format.fmtp) == (rtpmap, fmtp)
    assert read(rtpmap, fmtp, kind=kind, payload_type=format.payload_type) == format
