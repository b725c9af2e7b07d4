"""RTSP URLs (RFC 2326 section 3.2), as clients send them: `control.mount_path` tells what a mount is known by."""

import re
from dataclasses import dataclass, field

from router.paths import decoded_path
from router.rtsp.digits import read_number
from router.rtsp.errors import PeerError

MAX_URL_LENGTH = 2000
"""Characters: as many as the fields in which paths and URLs cross to the workers hold."""
MAX_HOST_LENGTH = 253
"""Characters of a DNS name (RFC 1035)."""

_URL = re.compile(
    r"(?P<scheme>rtsp[su]?)://"
    r"(?:[^/?]*@)?"  # user and password: some clients leave them in; they are no part of a mount's name
    r"(?P<host>\[[0-9A-Fa-f:.]+(?:%[\w.~-]+)?\]|[\w.~-]+)"
    r"(?::(?P<port>[0-9]*))?"
    r"(?P<path>/[^?]*)?"
    r"(?:\?(?P<query>.*))?",
    re.IGNORECASE,
)
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")  # a space is no part of a URL, but ffmpeg 5.1 sends those that it is given


@dataclass(frozen=True, slots=True)
class RtspUrl:
    """One absolute URL, as sent. `host` has no brackets, `path` begins with a slash, `query` has no question mark."""

    host: str
    port: int | None
    path: str
    query: str = ""
    scheme: str = "rtsp"
    _decoded: str = field(default="", init=False, repr=False, compare=False)
    """`decoded_path`, once it has been asked for; a copy with another path begins anew."""

    @property
    def decoded_path(self) -> str:
        """The path without percent escapes: see `router.paths`.

        Raises ValueError where it can't be decoded, which `parse_url` has tried.
        """
        if not self._decoded:
            object.__setattr__(self, "_decoded", decoded_path(self.path))
        return self._decoded

    @property
    def tail(self) -> str:
        """Path and query, as they follow the host."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.tail}"


def parse_url(text: str) -> RtspUrl:
    """Read an absolute URL; user and password are dropped.

    Raises:
        PeerError: 400 if it is none, 414 if it is too long.
    """
    if len(text) > MAX_URL_LENGTH:
        raise PeerError(414, f"URL over {MAX_URL_LENGTH} characters")
    match = _URL.fullmatch(text)
    if match is None or _FORBIDDEN.search(text) or len(match["host"]) > MAX_HOST_LENGTH:
        raise PeerError(400, "no RTSP URL")
    port = None
    if match["port"]:
        port = read_number(match["port"], 1, 65535)
        if port is None:
            raise PeerError(400, "bad port in the URL")
    host, path, query = match["host"].strip("[]"), match["path"] or "/", match["query"] or ""
    url = RtspUrl(host, port, path, query, match["scheme"].lower())
    try:
        if len(url.decoded_path) > MAX_URL_LENGTH:  # composing may make several characters of one
            raise PeerError(414, f"path over {MAX_URL_LENGTH} characters")
    except ValueError as error:
        raise PeerError(400, str(error)) from error
    return url
