"""Digest nonces: who was given one, how old it is, and which uses of it were seen."""

import hashlib
import hmac
import re

MAX_COUNTED = 10_000
"""Nonces and client nonces whose uses are remembered. The oldest give way, and what they belong to is stale from then
on: somebody who knows a password could fill the memory otherwise."""

_NONCE = re.compile(r"([0-9a-f]{16})([0-9a-f]{32})")


class Nonces:
    """A nonce is the time of its making and a keyed hash over that and the client's host.

    So a flood of requests leaves nothing behind, and a nonce serves at the address alone that it was made for.
    Memory is taken by right proofs that count their uses.
    """

    def __init__(self, secret: bytes, realm: str, lifetime_s: float) -> None:
        self._secret = secret
        self._realm = realm
        self._lifetime_s = lifetime_s
        self._counted: dict[tuple[str, str], int] = {}
        """The highest count that was seen of a nonce with a client's."""
        self._forgotten = -1
        """The newest nonce whose counts are forgotten, by its time."""

    def make(self, host: str, now: float) -> str:
        """Make one for a client. `now` is monotonic, in seconds."""
        stamp = f"{int(now * 1000):016x}"
        return stamp + self._seal(stamp, host)

    def fresh(self, nonce: str, host: str, now: float) -> bool:
        """Tell whether it was made for this client, and not too long ago."""
        match = _NONCE.fullmatch(nonce)
        if match is None or not hmac.compare_digest(match[2], self._seal(match[1], host)):
            return False
        return 0 <= int(now * 1000) - int(match[1], 16) <= self._lifetime_s * 1000

    def count(self, nonce: str, cnonce: str, count: int) -> bool:
        """Take note of a use of a fresh nonce (RFC 7616 section 3.4); False for one that is no later than the last."""
        if int(nonce[:16], 16) <= self._forgotten or count <= self._counted.get((nonce, cnonce), 0):
            return False
        self._counted[nonce, cnonce] = count
        if len(self._counted) > MAX_COUNTED:
            oldest = next(iter(self._counted))
            del self._counted[oldest]
            self._forgotten = max(self._forgotten, int(oldest[0][:16], 16))
        return True

    def _seal(self, stamp: str, host: str) -> str:
        return hmac.new(self._secret, f"{stamp}:{self._realm}{host}".encode(), hashlib.sha256).hexdigest()[:32]
