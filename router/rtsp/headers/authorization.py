"""The Authorization header: Basic and Digest credentials (RFC 7617, RFC 7616, and RFC 2069 as RTSP clients send it)."""

import base64
import binascii
import re
from dataclasses import dataclass

from router.rtsp.errors import PeerError

_PARAMETER = re.compile(r'[ \t]*([A-Za-z0-9_-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))[ \t]*(?:,|$)')
_HEX = re.compile(r"[0-9A-Fa-f]{1,128}")


@dataclass(frozen=True, slots=True)
class BasicCredentials:
    """User and password, readable."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class DigestCredentials:
    """The proof that a client knows a password. `uri` is as the client hashed it, relative or not.

    `algorithm` is in upper case; without `qop` the proof is RFC 2069's, as ffmpeg and GStreamer make it.
    """

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = "MD5"
    qop: str | None = None
    nc: str = ""
    cnonce: str = ""
    opaque: str | None = None


def parse_authorization(value: str) -> BasicCredentials | DigestCredentials:
    """Read the header's value.

    Raises:
        PeerError: 400 for another scheme or broken syntax.
    """
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() == "basic":
        return _parse_basic(rest.strip())
    if scheme.lower() == "digest":
        return _parse_digest(rest)
    raise PeerError(400, "unknown Authorization scheme")


def _parse_basic(token: str) -> BasicCredentials:
    try:
        text = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise PeerError(400, "broken Basic credentials") from error
    username, colon, password = text.partition(":")
    if not colon:
        raise PeerError(400, "Basic credentials without a password")
    return BasicCredentials(username, password)


def _parse_digest(text: str) -> DigestCredentials:
    values: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None or match[1].lower() in values:
            raise PeerError(400, "broken Digest credentials")
        # Only what had to be escaped is: clients write a Windows user as DOMAIN\user, and hash it so.
        quoted = match[2] and match[2].replace('\\"', '"').replace("\\\\", "\\")
        values[match[1].lower()] = match[3] or quoted or ""
        position = match.end()
    for name in ("username", "realm", "nonce", "uri", "response"):
        if name not in values:
            raise PeerError(400, f"Digest credentials without {name}")
    if not _HEX.fullmatch(values["response"]):
        raise PeerError(400, "Digest response is no hex")
    return DigestCredentials(
        username=values["username"],
        realm=values["realm"],
        nonce=values["nonce"],
        uri=values["uri"],
        response=values["response"].lower(),
        algorithm=values.get("algorithm", "MD5").upper(),
        qop=values.get("qop"),
        nc=values.get("nc", ""),
        cnonce=values.get("cnonce", ""),
        opaque=values.get("opaque"),
    )


def format_authorization(credentials: BasicCredentials | DigestCredentials) -> str:
    """Write the header's value."""
    if isinstance(credentials, BasicCredentials):
        text = f"{credentials.username}:{credentials.password}"
        return f"Basic {base64.b64encode(text.encode()).decode()}"
    quoted = {name: getattr(credentials, name) for name in ("username", "realm", "nonce", "uri", "response", "opaque")}
    parts = [f"{name}={_quote(value)}" for name, value in quoted.items() if value is not None]
    # The oldest cameras know no `algorithm`, and take MD5 for granted.
    if credentials.algorithm != "MD5":
        parts.append(f"algorithm={credentials.algorithm}")
    if credentials.qop is not None:
        parts.append(f'qop={credentials.qop}, nc={credentials.nc}, cnonce="{credentials.cnonce}"')
    return f"Digest {', '.join(parts)}"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
