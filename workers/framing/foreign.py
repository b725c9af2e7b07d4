"""What comes in on an RTSP port and is another protocol: browsers, tunnels, scanners, encoders with a wrong URL."""

import re

MAX_FIRST_LINE_BYTES = 8192
"""A first line that is longer is nobody's in particular."""

_HTTP = re.compile(rb"[A-Z]+ \S.* HTTP/[0-9]+\.[0-9]+\r?")
_FIRST_BYTES = {0x16: "TLS", 0x03: "RTMP"}
"""A TLS handshake's type (RFC 8446 section 5.1), and the version with which an RTMP client begins."""


def foreign_protocol(beginning: bytes) -> str | None:
    """Name the protocol of which these are a connection's first bytes; "" for RTSP or whatever else it may be, None
    while that can't be told."""
    if not beginning:
        return None
    if not beginning[:1].isupper():
        return _FIRST_BYTES.get(beginning[0], "")
    line, end, _ = beginning[:MAX_FIRST_LINE_BYTES].partition(b"\n")
    if not end:
        return None if len(beginning) < MAX_FIRST_LINE_BYTES else ""
    return "HTTP" if _HTTP.fullmatch(line) else ""
