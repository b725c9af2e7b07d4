"""What a client shows of who it is, once it was challenged (RFC 2326 section 14, RFC 7616, RFC 7617)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from router.rtsp.auth import compute_ha1, digest_response
from router.rtsp.errors import LocalError
from router.rtsp.headers.authenticate import Challenge, parse_challenges
from router.rtsp.headers.authorization import BasicCredentials, DigestCredentials, format_authorization

_STRENGTH = {"SHA-256": 3, "MD5": 2}
_BASIC_STRENGTH = 1
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """A user and a password, for whoever asks for them."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"ClientCredentials({self.username!r}, ...)"


class Authenticator:
    """Answers the strongest of a server's challenges. `cnonce` is 16 random hexadecimal digits.

    Raises:
        LocalError: if the credentials can't stand in a header.
    """

    def __init__(self, credentials: ClientCredentials, cnonce: str) -> None:
        if _UNSAFE.search(credentials.username + credentials.password):
            raise LocalError("credentials can't hold control characters")
        self._credentials = credentials
        self._cnonce = cnonce
        self._challenge: Challenge | None = None
        self._count = 0
        self._proven = False

    def accepted(self) -> None:
        """Take it that the server took what it was shown."""
        self._proven = self._challenge is not None

    def challenged(self, values: Sequence[str]) -> bool:
        """Take a 401's `WWW-Authenticate`; False where showing the same again would be refused again."""
        challenges = [each for value in values for each in parse_challenges(value)]
        strongest = max(challenges, key=_strength, default=None)
        if strongest is None or not _strength(strongest):
            return False
        before, self._challenge, self._count = self._challenge, strongest, 0
        # A nonce grows old while its session lasts. Some cameras give a new one then, and don't say that it is stale.
        proven, self._proven = self._proven, False
        return before is None or proven or strongest.parameters.get("stale", "").lower() == "true"

    def header(self, method: str, url: str) -> str | None:
        """Give the value of `Authorization` for a request; None before the first challenge."""
        if self._challenge is None:
            return None
        user, parameters = self._credentials, self._challenge.parameters
        if self._challenge.scheme == "basic":
            return format_authorization(BasicCredentials(user.username, user.password))
        realm = parameters.get("realm", "")
        algorithm = _algorithm(self._challenge)
        self._count += 1
        with_qop = "qop" in parameters
        digest = DigestCredentials(
            username=user.username,
            realm=realm,
            nonce=parameters.get("nonce", ""),
            uri=url,
            response="",
            algorithm=algorithm,
            qop="auth" if with_qop else None,
            nc=f"{self._count:08x}" if with_qop else "",
            cnonce=self._cnonce if with_qop else "",
            opaque=parameters.get("opaque"),
        )
        proof = digest_response(digest, method, compute_ha1(user.username, realm, user.password, algorithm))
        return format_authorization(replace(digest, response=proof))


def _algorithm(challenge: Challenge) -> str:
    return challenge.parameters.get("algorithm", "MD5").upper()


def _strength(challenge: Challenge) -> int:
    """Rank a challenge; 0 for one that can't be answered."""
    if challenge.scheme == "basic":
        return _BASIC_STRENGTH
    qops = [each.strip().lower() for each in challenge.parameters.get("qop", "auth").split(",")]
    if challenge.scheme != "digest" or "auth" not in qops:
        return 0
    return _STRENGTH.get(_algorithm(challenge), 0)
