"""Settings of single mounts: the closest table wins, for each setting."""

import pytest

from router.settings import Settings

TABLES = {
    "/a": {"max_readers": 1},
    "/a*": {"max_readers": 2},
    "/a/b*": {"max_readers": 3},
    "/a/b/c": {},
    "/free": {"max_readers": 0},
}


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/a", 1),
        ("/ab", 2),
        ("/a/", 2),
        ("/a/b", 3),
        ("/a/b/c", 3),
        ("/a/b/d", 3),
        ("/free", 0),
        ("/free/x", 7),
        ("/b", 7),
    ],
)
def test_the_closest_wins(path: str, most: int) -> None:
    settings = Settings.model_validate({"mounts": TABLES, "limits": {"max_readers_per_mount": 7}})
    assert settings.max_readers_of(path) == most
