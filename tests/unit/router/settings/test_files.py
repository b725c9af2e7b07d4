"""Files that are served: which paths a reader could ask for, and where the file is."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from router.settings.files import MOST_FILES, FileSettings, FileTables

TABLES: TypeAdapter[dict[str, FileSettings]] = TypeAdapter(FileTables)
FILM = {"file": "film.mp4"}


@pytest.mark.parametrize("path", ["/movie", "/films/Ä.mp4", "/a:b", "/*", "//movie"])
def test_paths_that_readers_can_ask_for(path: str) -> None:
    assert list(TABLES.validate_python({path: FILM})) == [path]


@pytest.mark.parametrize("path", ["", "/", "movie", "/movie/", "/movie?a", "/mo#vie", "/the movie"])
def test_paths_that_no_reader_can_ask_for(path: str) -> None:
    with pytest.raises(ValidationError, match="must have paths such as /movie, not ") as caught:
        TABLES.validate_python({path: FILM})
    assert f"not {path!r}" in str(caught.value)


def test_so_many_files_and_no_more() -> None:
    tables = {f"/{number}": FILM for number in range(MOST_FILES)}
    assert len(TABLES.validate_python(tables)) == MOST_FILES
    with pytest.raises(ValidationError, match=f"must have {MOST_FILES} files at most"):
        TABLES.validate_python(tables | {"/one-more": FILM})


def test_a_file_is_absolute_and_knows_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/tmp")
    monkeypatch.setenv("HOME", "/home/anna")
    assert FileSettings(file=Path("film.mp4")).file == Path("/tmp/film.mp4")
    assert FileSettings(file=Path("~/film.mp4")).file == Path("/home/anna/film.mp4")
    assert (FileSettings(file=Path("f")).loop, FileSettings(file=Path("f")).on_demand) == (False, True)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"loop": True}, "Field required"),
        ({"file": "a", "loop": 1}, "valid boolean"),
        ({"file": "a", "on_demand": "no"}, "valid boolean"),
        ({"file": "a", "path": "b"}, "Extra inputs"),
    ],
)
def test_bad(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        FileSettings(**values)
