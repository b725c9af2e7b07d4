"""Who may: challenges and their check (RFC 2326 section 14; RFC 7616 and 7617)."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from enum import Enum
from typing import Literal

from router.rtsp.errors import LocalError
from router.rtsp.headers.authorization import BasicCredentials, DigestCredentials, parse_authorization
from router.rtsp.nonces import Nonces

__all__ = [
    "HA1",
    "BasicCredentials",
    "Challenger",
    "DigestCredentials",
    "Scheme",
    "Verdict",
    "compute_ha1",
    "digest_response",
    "parse_authorization",
]

Scheme = Literal["basic", "digest-md5", "digest-sha256"]

_ALGORITHMS: dict[Scheme, str] = {"digest-md5": "MD5", "digest-sha256": "SHA-256"}
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
_HA1_LENGTHS = {32: "MD5", 64: "SHA-256"}
# ffmpeg keeps the last Digest challenge that it is sent and knows MD5 alone: the strongest comes first.
_ORDER: tuple[Scheme, ...] = ("digest-sha256", "digest-md5", "basic")
_COUNT = re.compile(r"[0-9A-Fa-f]{1,8}")
_MAX_CNONCE_LENGTH = 256
"""Characters: each is remembered for a while, and clients make 8 to 64."""
_QUOTABLE = re.compile(r'[^\x00-\x1f\x7f"\\]*')


class HA1(str):
    """A stored hash of `user:realm:password` in hex, instead of a password: MD5's 32 or SHA-256's 64 digits."""


class Verdict(Enum):
    """What became of a proof: STALE is right but for its nonce, and worth a new challenge."""

    GOOD = "good"
    WRONG = "wrong"
    STALE = "stale"


class Challenger:
    """Challenges clients of one realm and checks what they answer.

    `secret` keys the nonces: whoever shares it accepts them. Only what `schemes` offer is accepted.
    """

    def __init__(self, realm: str, secret: bytes, schemes: Sequence[Scheme], nonce_lifetime_s: float) -> None:
        if not _QUOTABLE.fullmatch(realm):
            raise LocalError("a realm can't hold quotes, backslashes or control characters")
        self._realm = realm
        self._schemes = tuple(scheme for scheme in _ORDER if scheme in schemes)
        self._algorithms = {_ALGORITHMS[scheme] for scheme in self._schemes if scheme in _ALGORITHMS}
        self._nonces = Nonces(secret, realm, nonce_lifetime_s)

    def challenges(self, now: float, stale: bool = False, *, host: str = "") -> tuple[str, ...]:
        """Return the values of the `WWW-Authenticate` headers of a 401, one for each scheme.

        `now` is monotonic, in seconds; `stale` tells the client that its password was right. The nonces serve at
        `host` alone.
        """
        return tuple(self._challenge(scheme, now, stale, host) for scheme in self._schemes)

    def check_digest(
        self, credentials: DigestCredentials, method: str, secret: str, now: float, *, host: str = ""
    ) -> Verdict:
        """Check a proof from `host` against the user's password or `HA1`. With `qop` it is good once.

        The `uri` is taken as it was hashed: clients hash the request's URL, its path, or the session's URL.
        """
        algorithm = credentials.algorithm
        if algorithm not in self._algorithms or not _is_counted_right(credentials):
            return Verdict.WRONG
        if isinstance(secret, HA1):
            if _HA1_LENGTHS.get(len(secret)) != algorithm:
                return Verdict.WRONG
            ha1 = secret.lower()
        else:
            ha1 = compute_ha1(credentials.username, self._realm, secret, algorithm)
        right = _same(credentials.response, digest_response(credentials, method, ha1))
        if not right or not _same(credentials.realm, self._realm):
            return Verdict.WRONG
        if not self._nonces.fresh(credentials.nonce, host, now):
            return Verdict.STALE
        if credentials.qop is None:
            return Verdict.GOOD
        counted = self._nonces.count(credentials.nonce, credentials.cnonce, int(credentials.nc, 16))
        return Verdict.GOOD if counted else Verdict.STALE

    def check_basic(self, credentials: BasicCredentials, secret: str) -> bool:
        """Check user and password against the user's password or `HA1`; False where Basic is not offered."""
        if "basic" not in self._schemes:
            return False
        if not isinstance(secret, HA1):
            return _same(credentials.password, secret)
        algorithm = _HA1_LENGTHS.get(len(secret))
        if algorithm is None:
            return False
        return _same(compute_ha1(credentials.username, self._realm, credentials.password, algorithm), secret.lower())

    def _challenge(self, scheme: Scheme, now: float, stale: bool, host: str) -> str:
        if scheme == "basic":
            return f'Basic realm="{self._realm}"'
        parts = [f'Digest realm="{self._realm}"', f'nonce="{self._nonces.make(host, now)}"']
        # MD5 is what a client takes when it is told nothing, and the oldest cameras know no `algorithm`. No `qop`
        # either: RTSP clients that don't know it answer as RFC 2069 says, whatever was offered.
        if scheme == "digest-sha256":
            parts.append("algorithm=SHA-256")
        if stale:
            parts.append("stale=true")
        return ", ".join(parts)


def compute_ha1(username: str, realm: str, password: str, algorithm: str = "MD5") -> HA1:
    """Hash what a server may keep instead of a password; `algorithm` is MD5 or SHA-256."""
    return HA1(_hash(algorithm, username, realm, password))


def digest_response(credentials: DigestCredentials, method: str, ha1: str) -> str:
    """Compute the proof that these credentials should carry (RFC 7616 section 3.4.1); their own is not looked at."""
    ha2 = _hash(credentials.algorithm, method, credentials.uri)
    if credentials.qop is None:
        return _hash(credentials.algorithm, ha1, credentials.nonce, ha2)
    middle = (credentials.nonce, credentials.nc, credentials.cnonce, credentials.qop)
    return _hash(credentials.algorithm, ha1, *middle, ha2)


def _is_counted_right(credentials: DigestCredentials) -> bool:
    if credentials.qop is None:
        return True
    counts = _COUNT.fullmatch(credentials.nc) is not None and len(credentials.cnonce) <= _MAX_CNONCE_LENGTH
    return credentials.qop == "auth" and counts


def _hash(algorithm: str, *parts: str) -> str:
    return _HASHES[algorithm](":".join(parts).encode(errors="surrogatepass")).hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="surrogatepass"), other.encode(errors="surrogatepass"))
