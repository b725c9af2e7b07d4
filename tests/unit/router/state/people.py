"""Clients and descriptions that mounts and sessions are made of."""

from typing import cast

from router.connections.connection import Connection
from router.rtsp.sdp import SdpDocument, parse_sdp

SDP = parse_sdp(b"v=0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", 32)


class Client:
    """A connection of somebody's."""

    def __init__(self, host: str) -> None:
        self.id, self.host, self.peer = host, host, f"{host}:1"


def client(host: str = "192.0.2.1") -> Connection:
    return cast("Connection", Client(host))


def described(lines: str) -> SdpDocument:
    return parse_sdp(b"v=0\r\ns=-\r\nt=0 0\r\n" + lines.encode(), 32)
