"""Challenges, and what is made of the answers."""

from dataclasses import replace

import pytest

from router.rtsp.auth import (
    HA1,
    BasicCredentials,
    Challenger,
    DigestCredentials,
    Scheme,
    Verdict,
    compute_ha1,
    digest_response,
    parse_authorization,
)
from router.rtsp.errors import LocalError

ALL: tuple[Scheme, ...] = ("basic", "digest-md5", "digest-sha256")
URI = "rtsp://127.0.0.1:5554/a"
NOW = 1000.0


def _challenger(schemes: tuple[Scheme, ...] = ALL, realm: str = "Trunkline", secret: bytes = b"secret") -> Challenger:
    return Challenger(realm, secret, schemes, nonce_lifetime_s=60)


def _nonce(challenger: Challenger, now: float = NOW) -> str:
    return next(each for each in challenger.challenges(now) if "nonce" in each).split('nonce="')[1].split('"')[0]


def _answer(
    nonce: str, password: str = "pass", algorithm: str = "MD5", qop: str | None = None, nc: str = "00000001"
) -> DigestCredentials:
    nc, cnonce = ("", "") if qop is None else (nc, "abc")
    open = DigestCredentials("user", "Trunkline", nonce, URI, "", algorithm, qop, nc, cnonce)
    ha1 = compute_ha1("user", "Trunkline", password, algorithm)
    return replace(open, response=digest_response(open, "SETUP", ha1))


def test_the_strongest_challenge_comes_first_and_only_what_was_asked_for() -> None:
    heads = [each.split(",")[0] for each in _challenger().challenges(NOW)]

    assert heads == ['Digest realm="Trunkline"', 'Digest realm="Trunkline"', 'Basic realm="Trunkline"']
    assert ["SHA-256" in each for each in _challenger().challenges(NOW)] == [True, False, False]
    assert _challenger(("basic",)).challenges(NOW) == ('Basic realm="Trunkline"',)
    assert len(_challenger(("digest-md5",)).challenges(NOW)) == 1


def test_stale_is_told_to_digest_alone() -> None:
    assert ["stale=true" in each for each in _challenger().challenges(NOW, stale=True)] == [True, True, False]
    assert not any("stale" in each for each in _challenger().challenges(NOW))


@pytest.mark.parametrize("realm", ['a"b', "a\\b", "a\r\nb"])
def test_a_realm_that_would_break_the_header_is_our_own_fault(realm: str) -> None:
    with pytest.raises(LocalError):
        _challenger(realm=realm)


@pytest.mark.parametrize("qop", [None, "auth"])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_the_right_proof_is_good(algorithm: str, qop: str | None) -> None:
    challenger = _challenger()
    ha1 = compute_ha1("user", "Trunkline", "pass", algorithm)
    for count, secret in enumerate(("pass", ha1, HA1(ha1.upper())), 1):
        credentials = _answer(_nonce(challenger), algorithm=algorithm, qop=qop, nc=f"{count:08x}")
        assert challenger.check_digest(credentials, "SETUP", secret, NOW + 1) is Verdict.GOOD


def test_a_proof_that_is_counted_is_good_once() -> None:
    challenger = _challenger()
    first, second = (_answer(_nonce(challenger), qop="auth", nc=f"{count:08x}") for count in (1, 2))

    assert challenger.check_digest(first, "SETUP", "pass", NOW) is Verdict.GOOD
    assert challenger.check_digest(first, "SETUP", "pass", NOW) is Verdict.STALE
    assert challenger.check_digest(second, "SETUP", "pass", NOW) is Verdict.GOOD
    assert challenger.check_digest(first, "SETUP", "pass", NOW) is Verdict.STALE


@pytest.mark.parametrize("nc", ["", "x", "-1", "123456789", "\uff11"])
def test_a_count_that_is_none_is_wrong(nc: str) -> None:
    challenger = _challenger()

    assert (
        challenger.check_digest(_answer(_nonce(challenger), qop="auth", nc=nc), "SETUP", "pass", NOW) is Verdict.WRONG
    )


def test_a_nonce_of_another_host_is_stale() -> None:
    challenger = _challenger()
    nonce = challenger.challenges(NOW, host="192.0.2.1")[1].split('nonce="')[1].split('"')[0]

    assert challenger.check_digest(_answer(nonce), "SETUP", "pass", NOW, host="192.0.2.1") is Verdict.GOOD
    assert challenger.check_digest(_answer(nonce), "SETUP", "pass", NOW, host="192.0.2.2") is Verdict.STALE


def test_what_ffmpeg_sends_is_good() -> None:
    # Recorded: ffmpeg 5.1 as publisher, answering a challenge of this very class.
    challenger = Challenger("Trunkline", b"s" * 32, ("digest-md5",), 10)
    recorded = parse_authorization(
        'Digest username="us@er", realm="Trunkline", nonce="00000000001ae64cb0ceeb726eaf4921d4be464c12525c36", '
        'uri="rtsp://127.0.0.1:28554/live/a?tok=1/2", response="38599d9a522bc7df3011eb37818b2aff"'
    )
    assert isinstance(recorded, DigestCredentials)

    assert challenger.check_digest(recorded, "ANNOUNCE", "p:w", 0x1AE64C / 1000) is Verdict.GOOD


def test_the_rfcs_own_examples_are_good() -> None:
    # RFC 7616 section 3.9.1
    open = DigestCredentials(
        "Mufasa",
        "http-auth@example.org",
        "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "/dir/index.html",
        "",
        "SHA-256",
        "auth",
        "00000001",
        "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    for algorithm, response in (
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ):
        ha1 = compute_ha1("Mufasa", "http-auth@example.org", "Circle of Life", algorithm)
        assert digest_response(replace(open, algorithm=algorithm), "GET", ha1) == response


@pytest.mark.parametrize("uri", ["/a", "a/trackID=0", "rtsp://elsewhere/a?x=y", "*"])
def test_the_uri_counts_as_it_was_hashed(uri: str) -> None:
    challenger = _challenger()
    open = replace(_answer(_nonce(challenger)), uri=uri)
    credentials = replace(open, response=digest_response(open, "SETUP", compute_ha1("user", "Trunkline", "pass")))

    assert challenger.check_digest(credentials, "SETUP", "pass", NOW) is Verdict.GOOD


@pytest.mark.parametrize(
    "change",
    [
        {"response": "0" * 32},
        {"response": ""},
        {"username": "other"},
        {"realm": "other"},
        {"uri": "/other"},
        {"algorithm": "MD5-SESS"},
        {"algorithm": "SHA-256"},
        {"qop": "auth-int"},
        {"qop": ""},
        {"qop": "auth"},
        {"response": "é" * 32},
    ],
)
def test_a_proof_of_anything_else_is_wrong(change: dict[str, str]) -> None:
    challenger = _challenger()
    credentials = replace(_answer(_nonce(challenger)), **change)

    assert challenger.check_digest(credentials, "SETUP", "pass", NOW) is Verdict.WRONG


def test_a_wrong_password_method_or_hash_is_wrong() -> None:
    challenger = _challenger()
    credentials = _answer(_nonce(challenger))

    assert challenger.check_digest(credentials, "SETUP", "other", NOW) is Verdict.WRONG
    assert challenger.check_digest(credentials, "PLAY", "pass", NOW) is Verdict.WRONG
    assert challenger.check_digest(credentials, "SETUP", HA1("0" * 64), NOW) is Verdict.WRONG
    assert challenger.check_digest(credentials, "SETUP", HA1(""), NOW) is Verdict.WRONG


def test_a_scheme_that_is_not_offered_is_wrong() -> None:
    challenger = _challenger(("digest-md5",))
    nonce = _nonce(challenger)

    assert challenger.check_digest(_answer(nonce, algorithm="SHA-256"), "SETUP", "pass", NOW) is Verdict.WRONG
    assert not challenger.check_basic(BasicCredentials("user", "pass"), "pass")


def test_a_nonce_lives_as_long_as_it_should_and_not_longer() -> None:
    challenger = _challenger()
    credentials = _answer(_nonce(challenger))

    assert challenger.check_digest(credentials, "SETUP", "pass", NOW + 60) is Verdict.GOOD
    assert challenger.check_digest(credentials, "SETUP", "pass", NOW + 60.001) is Verdict.STALE
    assert challenger.check_digest(credentials, "SETUP", "pass", NOW - 1) is Verdict.STALE


@pytest.mark.parametrize("nonce", ["", "0" * 48, "x" * 48, "é", "\uff10" * 48, "0" * 47])
def test_a_nonce_that_is_not_ours_is_stale_at_best(nonce: str) -> None:
    assert _challenger().check_digest(_answer(nonce), "SETUP", "pass", NOW) is Verdict.STALE
    assert _challenger().check_digest(_answer(nonce, "other"), "SETUP", "pass", NOW) is Verdict.WRONG


def test_a_nonce_of_another_secret_or_realm_is_not_ours() -> None:
    for other in (_challenger(secret=b"other"), _challenger(realm="other")):
        assert _challenger().check_digest(_answer(_nonce(other)), "SETUP", "pass", NOW) is Verdict.STALE


@pytest.mark.parametrize(
    ("secret", "good"),
    [
        ("pässword", True),
        ("passwort", False),
        ("", False),
        (compute_ha1("user", "Trunkline", "pässword"), True),
        (compute_ha1("user", "Trunkline", "pässword", "SHA-256"), True),
        (compute_ha1("user", "other", "pässword"), False),
        (HA1("pässword"), False),
    ],
)
def test_basic_knows_passwords_and_their_hashes(secret: str, good: bool) -> None:
    assert _challenger().check_basic(BasicCredentials("user", "pässword"), secret) is good
