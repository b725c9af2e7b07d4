"""The WWW-Authenticate header."""

import pytest

from router.rtsp.headers.authenticate import MAX_CHALLENGES, Challenge, parse_challenges

CHALLENGES = (
    ('Basic realm="a, b"', (Challenge("basic", {"realm": "a, b"}),)),
    ("DIGEST Realm=x,nonce = n , stale=TRUE", (Challenge("digest", {"realm": "x", "nonce": "n", "stale": "TRUE"}),)),
    ('Digest realm="say \\"hi\\"", nonce=""', (Challenge("digest", {"realm": 'say "hi"', "nonce": ""}),)),
    ('Basic realm="r", Digest realm="s"', (Challenge("basic", {"realm": "r"}), Challenge("digest", {"realm": "s"}))),
    ("Negotiate, Basic", (Challenge("negotiate"), Challenge("basic"))),
    ('realm="r"', ()),
    ("", ()),
    ('Digest realm="open', (Challenge("digest", {"realm": ""}),)),
)


@pytest.mark.parametrize(("value", "challenges"), CHALLENGES)
def test_challenges_are_read(value: str, challenges: tuple[Challenge, ...]) -> None:
    assert parse_challenges(value) == challenges


def test_challenges_have_a_limit() -> None:
    assert len(parse_challenges(", ".join(["Basic"] * (MAX_CHALLENGES + 1)))) == MAX_CHALLENGES
