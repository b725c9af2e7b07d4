"""What a client shows, checked by the front's own challenger."""

import pytest

from router.rtsp.auth import Challenger, Scheme, Verdict
from router.rtsp.client.authenticator import Authenticator, ClientCredentials
from router.rtsp.errors import LocalError
from router.rtsp.headers.authorization import BasicCredentials, DigestCredentials, parse_authorization

USER = ClientCredentials("DOMAIN\\anna", 'se"cret:ü')
URL = "rtsp://h/cam"


@pytest.mark.parametrize("schemes", [("basic",), ("digest-md5",), ("digest-sha256",), ("basic", "digest-md5")])
def test_the_front_takes_what_is_shown(schemes: tuple[Scheme, ...]) -> None:
    challenger = Challenger("Trunkline", b"secret", schemes, nonce_lifetime_s=60)
    authenticator = Authenticator(USER, "0" * 16)
    assert authenticator.header("PLAY", URL) is None
    assert authenticator.challenged(challenger.challenges(0.0))
    shown = parse_authorization(authenticator.header("PLAY", URL) or "")
    assert shown.username == USER.username
    if isinstance(shown, BasicCredentials):
        assert challenger.check_basic(shown, USER.password)
    else:
        assert challenger.check_digest(shown, "PLAY", USER.password, 1.0) is Verdict.GOOD


@pytest.mark.parametrize(
    ("values", "algorithm"),
    [
        (['Digest realm="r", nonce="a"', 'Digest realm="r", nonce="b", algorithm=SHA-256'], "SHA-256"),
        (['Basic realm="r", Digest realm="r", nonce="a"'], "MD5"),
        (['Digest realm="r", nonce="a", algorithm=MD5-sess', 'Digest realm="r", nonce="b"'], "MD5"),
    ],
)
def test_the_strongest_challenge_is_answered(values: list[str], algorithm: str) -> None:
    authenticator = Authenticator(USER, "0" * 16)
    assert authenticator.challenged(values)
    shown = parse_authorization(authenticator.header("PLAY", URL) or "")
    assert isinstance(shown, DigestCredentials)
    assert shown.algorithm == algorithm


def test_qop_counts_requests() -> None:
    """RFC 7616 section 3.9.1, with RTSP's method and URL in the place of HTTP's."""
    authenticator = Authenticator(
        ClientCredentials("Mufasa", "Circle of Life"), "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    )
    challenge = (
        'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, opaque="FQhe/qaU925kfnzj",'
        ' nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"'
    )
    authenticator.challenged([challenge])
    shown = [parse_authorization(authenticator.header("GET", "/dir/index.html") or "") for _ in range(2)]
    assert all(isinstance(each, DigestCredentials) for each in shown)
    first, second = [each for each in shown if isinstance(each, DigestCredentials)]
    assert first.response == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
    assert (first.nc, second.nc, first.opaque) == (
        "00000001", "00000002", "FQhe/qaU925kfnzj",
    )  # fmt: skip


@pytest.mark.parametrize(
    "value", ["", "Negotiate abc==", 'Digest realm="r", nonce="n", qop="auth-int"', "Digest algorithm=X"]
)
def test_what_cannot_be_answered_is_not(value: str) -> None:
    assert not Authenticator(USER, "").challenged([value])


def test_credentials_that_would_end_a_line_are_ours() -> None:
    with pytest.raises(LocalError):
        Authenticator(ClientCredentials("a\r\nb", ""), "")
