"""Status as tables: nothing is cut or folded where nobody looks at a terminal."""

import pytest

from router.status import tables, view


def test_where_nobody_looks_lines_are_as_long_as_they_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    path = "/" + "a" * 500
    monkeypatch.setattr(tables, "draw", lambda document, console, now: console.print(document, path))
    view.show("document")
    assert capsys.readouterr().out == f"document {path}\n"
