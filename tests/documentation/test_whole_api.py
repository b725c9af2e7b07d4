"""The whole API is typed: one program uses all of it. `mypy`, which checks the tests too, must pass it as strict."""

import ast
import asyncio
import tempfile
from pathlib import Path

import router
from tests.documentation import whole_api
from tests.support.films import make_film

WRITTEN = 4


def test_the_program_uses_every_public_name() -> None:
    tree = ast.parse(Path(whole_api.__file__).read_text("utf-8"))
    used = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}
    assert set(router.__all__) - used == set()


def test_the_program_runs() -> None:
    with tempfile.TemporaryDirectory(prefix="tl-", dir="/tmp") as directory:
        film = make_film(Path(directory) / "film.mp4", frames=25)
        stats = asyncio.run(asyncio.wait_for(whole_api.main(film), 60))
    assert stats.packets == WRITTEN
