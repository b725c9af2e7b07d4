"""Who may come in: what names, passwords, realms and schemes may be."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from router.settings.auth import Auth

MASK = str(SecretStr("x"))


@pytest.mark.parametrize(
    "values",
    [
        {"realm": "R"},
        {"realm": "ü" * 128},
        {"schemes": ["digest-sha256"]},
        {"schemes": ["digest-sha256", "basic", "digest-md5"]},
        {"failure_delay_s": 0},
        {"failure_delay_s": 60},
        {"nonce_lifetime_s": 86_400},
        {"publish_users": {"Anna Ü": "a:b"}},
        {"client_users": {"anna": MASK + "*"}},
    ],
    ids=repr,
)
def test_good(values: dict[str, Any]) -> None:
    Auth(**values)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"realm": ""}, "at least 1 character"),
        ({"realm": "r" * 129}, "at most 128 characters"),
        *(({"realm": f"a{each}b"}, "match pattern") for each in ('"', "\\", "\r\nX: y", "\x00", "\x1f")),
        ({"realm": "line\n"}, "match pattern"),  # a pattern's $ alone would let it pass
        ({"schemes": []}, "one scheme at least"),
        ({"schemes": ["basic", "basic"]}, "none twice"),
        ({"schemes": ["Basic"]}, "'basic', 'digest-md5' or 'digest-sha256'"),
        ({"failure_delay_s": -0.001}, "greater than or equal to 0"),
        ({"failure_delay_s": 60.001}, "less than or equal to 60"),
        ({"failure_delay_s": float("nan")}, "less than or equal to 60"),
        ({"publish_users": {"": "x"}}, "not empty and contain no colon"),
        ({"publish_users": {"a:b": "x"}}, "contain no colon"),
        ({"client_users": {"zoe": MASK, "anna": MASK, "bob": "x"}}, r"must have passwords; anna, zoe has the mask"),
        ({"client_users": {"anna": ""}}, "must have passwords; anna"),
        ({"users": {}}, "Extra inputs"),
    ],
    ids=repr,
)
def test_bad(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Auth(**values)


def test_passwords_do_not_show() -> None:
    auth = Auth.model_validate({"publish_users": {"anna": "geheim"}, "client_users": {"bob": "geheim"}})
    assert "geheim" not in repr(auth) + str(auth) + auth.model_dump_json()
