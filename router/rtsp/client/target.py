"""The URLs that a client asks for: its target's, and its tracks' as players join them (RFC 2326 appendix C.1.1)."""

import re
from collections.abc import Sequence
from urllib.parse import unquote

from router.rtsp.client.authenticator import ClientCredentials
from router.rtsp.errors import LocalError, PeerError
from router.rtsp.message import Response
from router.rtsp.sdp import SdpDocument
from router.rtsp.url import RtspUrl, parse_url

DEFAULT_PORTS = {"rtsp": 554, "rtspu": 554, "rtsps": 322}

_USER_INFO = re.compile(r"(rtsp[su]?://)([^/?]*)@", re.IGNORECASE)


def parse_target(text: str) -> tuple[RtspUrl, ClientCredentials | None]:
    """Read a URL that somebody wants to be asked for, `rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH`.

    Raises:
        LocalError: it is none.
    """
    try:
        url = _parse(text)
    except PeerError as error:
        raise LocalError(error.reason) from error
    match = _USER_INFO.match(text)
    if match is None:
        return url, None
    username, _, password = match[2].partition(":")
    return url, ClientCredentials(unquote(username), unquote(password))


def address_of(url: RtspUrl) -> tuple[str, int]:
    return url.host, url.port or DEFAULT_PORTS[url.scheme]


def redirected(url: RtspUrl, location: str) -> RtspUrl:
    """Return where a server wants to be asked instead.

    Raises:
        PeerError: 502 where that is no RTSP URL.
    """
    absolute = location if "://" in location else f"{_authority(url)}/{location.removeprefix('/')}"
    try:
        return _parse(absolute)
    except PeerError as error:
        raise PeerError(502, f"a redirection to what is {error.reason}") from error


def base_of(url: RtspUrl, described: Response, document: SdpDocument) -> str:
    """Return what the whole presentation is asked for by: PLAY and the tracks' controls are relative to it.

    Raises:
        PeerError: 502 where that is no URL.
    """
    control = document.session_control
    if control is not None and "://" in control:
        return _checked(control)
    for header in ("Content-Base", "Content-Location"):
        value = described.fields.get(header)
        # Some cameras give a path, which is no URL: it is as good as none.
        if value is not None and "://" in value:
            return _checked(value)
    return str(url)


def track_urls(base: str, controls: Sequence[str | None]) -> tuple[str, ...]:
    """Return what each track is set up by: its control behind the base, as ffmpeg and live555 do it.

    Raises:
        PeerError: 502 where one is no URL.
    """
    return tuple(_checked(_joined(base, control)) for control in controls)


def _joined(base: str, control: str | None) -> str:
    if control is None or control == "*":
        return base
    if "://" in control:
        return control
    return base + control if base.endswith("/") else f"{base}/{control.removeprefix('/')}"


def _checked(url: str) -> str:
    bare = _USER_INFO.sub(r"\1", url)
    try:
        _parse(bare)
    except PeerError as error:
        raise PeerError(502, f"the server names what is {error.reason}") from error
    return bare


def _parse(text: str) -> RtspUrl:
    """Read a URL as it may be sent: what servers take from others (a space) is no URL."""
    if " " in text:
        raise PeerError(400, "no RTSP URL")
    return parse_url(text)


def _authority(url: RtspUrl) -> str:
    return str(RtspUrl(url.host, url.port, "", "", url.scheme))
