"""What a setting may be, in words, of settings of every kind."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr, StrictBool, StrictFloat, StrictInt

from router.settings.allowed import allowed, at, leaves


class Row(BaseModel):
    size: StrictInt = Field(default=1, ge=0, le=9)


class Below(BaseModel):
    word: Literal["a", "b"] = "a"


class Model(BaseModel):
    switch: StrictBool = False
    count: StrictInt = Field(default=1, ge=1, le=5)
    even: StrictInt = Field(default=2, ge=2, le=8, multiple_of=2)
    above: StrictFloat = Field(default=1, gt=0, le=60)
    aliased: Annotated[StrictInt, Field(ge=0, le=7)] = 0
    choice: Literal["auto"] | Annotated[int, Field(ge=1, le=3)] = "auto"
    some: tuple[Literal["x", "y"], ...] = ()
    name: str = Field(default="n", min_length=1, max_length=128)
    path: Path | None = None
    secret: SecretStr = SecretStr("")
    users: dict[str, SecretStr] = {}
    below: Below = Below()
    rows: dict[str, Row] = {}


@pytest.mark.parametrize(
    ("name", "sentence", "bounds"),
    [
        ("switch", "true or false", ""),
        ("count", "a whole number from 1 to 5", "1 … 5"),
        ("even", "an even number from 2 to 8", "2 … 8"),
        ("above", "a number above 0, up to 60", "above 0, to 60"),
        ("aliased", "a whole number from 0 to 7", "0 … 7"),
        ("choice", "one of auto", "1 … 3"),
        ("some", "a list with some of x, y", ""),
        ("name", "1 to 128 characters, without quotes, backslashes or control characters", ""),
        ("path", "text in quotes", ""),
        ("secret", "text in quotes", ""),
        ("users", "a table", ""),
        ("below", "a table", ""),
    ],
)
def test_what_a_setting_may_be_in_words(name: str, sentence: str, bounds: str) -> None:
    found = allowed(Model.model_fields[name])
    assert (found.sentence(), found.range()) == (sentence, bounds)


def test_every_setting_has_its_whole_key() -> None:
    keys = [key for key, _ in leaves(Model)]
    assert "below.word" in keys
    assert "below" not in keys
    assert keys[-2:] == ["rows", 'rows."/PATH".size']


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ((), None),
        (("nothing",), None),
        (("count",), Model.model_fields["count"]),
        (("some", "0"), Model.model_fields["some"]),
        (("users", "anna"), Model.model_fields["users"]),
        (("below", "word"), Below.model_fields["word"]),
        (("below", "nothing"), None),
        (("rows", "/a"), Model.model_fields["rows"]),
        (("rows", "/a", "size"), Row.model_fields["size"]),
        (("rows", "/a", "nothing"), None),
    ],
)
def test_the_setting_of_a_place(keys: tuple[str, ...], found: object) -> None:
    assert at(keys, Model) is found
